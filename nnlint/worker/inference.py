"""What stays random in evaluation mode: dropout that nobody switched off, told by a forward in that mode."""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from .holders import overrides
from .operations import DROPOUTS
from .tiers import Tier, can_run, run_tier

NodeDict = dict[str, Any]
WAYS: tuple[Tier, ...] = ("meta", "fake", "real")

_ATTENTION = "scaled_dot_product_attention"


def suspicious(nodes: Sequence[NodeDict], model: nn.Module) -> bool:
    """Whether a forward holds a call that may drop values in any mode: a function, or a layer made on the spot."""
    layers = dict(model.named_modules(remove_duplicate=False))
    dropping = [node for node in nodes if node.get("module") is not None and _drops(node)]
    return any(n["kind"] == "function" or not isinstance(layers.get(n["module"]), _DropoutNd) for n in dropping)


def random_in_eval(
    model: nn.Module, nodes: Sequence[NodeDict], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[NodeDict] | dict[str, str]:
    """Return the calls that drop values in evaluation mode too, as a forward in that mode records them.

    Calls that say `training=True` outright are left out: that is Monte-Carlo dropout. The model stays as it is.
    """
    if not suspicious(nodes, model):
        return []
    if any(entry["name"] in ("train", "eval") for entry in overrides(model)):
        return {"unknown": "the model has a `train` or `eval` of its own"}
    for tier in WAYS:
        if tier == "real" and not can_run(model):
            continue
        attempt = run_tier(model, args, kwargs, tier, evaluate=True)
        if attempt.complete:
            break
    else:
        return {"unknown": "the forward pass does not complete in evaluation mode"}
    found = [node for node in attempt.nodes if _drops(node) and not _outright(node)]
    return [{**node, "inputs": []} for node in found]


def _drops(node: NodeDict) -> bool:
    arguments = node.get("arguments", {})
    if node["op"] == _ATTENTION:
        return _positive(arguments.get("dropout_p"))
    return node["op"] in DROPOUTS and arguments.get("training") is True and _positive(arguments.get("p", 0.5))


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _outright(node: NodeDict) -> bool:
    """Whether the call in the source has `training=True` written in it, or `True` in its place."""
    span = node.get("call")
    if not span or span.get("end_line") is None:
        return False
    first, last = span["line"], span["end_line"]
    lines = [linecache.getline(span["path"], line) for line in range(first, last + 1)]
    text = "".join(lines)[span["column"] - 1 : len("".join(lines)) - len(lines[-1]) + span["end_column"] - 1]
    return bool(re.search(r"\btraining\s*=\s*True\b|,\s*True\s*[,)]", text))

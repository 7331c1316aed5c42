"""What the activations of an observed step carry: their spread over the batch, and the gradient that comes back.

Figures are taken while the user's own forward and backward run; nothing that is computed is touched.
"""

from __future__ import annotations

import math
from typing import Any

import torch

NodeDict = dict[str, Any]

_HIDDEN = frozenset(
    {"relu", "relu6", "leaky_relu", "prelu", "rrelu", "threshold", "elu", "selu", "celu", "gelu", "silu", "mish",
     "softplus", "softsign", "hardtanh", "hardswish", "tanhshrink", "softshrink", "hardshrink", "logsigmoid", "glu",
     "sigmoid", "hardsigmoid", "tanh"}
)  # fmt: skip
_SOFTMAXES = frozenset({"softmax", "log_softmax", "gumbel_softmax", "softmin"})
_DROPOUTS = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"})
_VIEWS = frozenset(
    {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "contiguous",
     "identity", "expand", "clone", "to", "getitem", "detach", "chunk", "split", "unbind", "movedim", "checkpoint"}
)  # fmt: skip
_LARGEST = 20_000_000


class Signals:
    """Keeps a figure for each node; hand `note` to the recorder as its `on_node`."""

    def __init__(self) -> None:
        self._figures: dict[int, dict[str, Any]] = {}

    def note(self, node: NodeDict, reads: list[torch.Tensor], gives: list[torch.Tensor]) -> None:
        """Take the figures of a node's first output and ask to be told of its gradient."""
        if node["op"] in _VIEWS:
            return
        if not gives or not gives[0].is_floating_point() or gives[0].dim() < 2 or gives[0].numel() > _LARGEST:
            return
        value = gives[0].detach()
        if value.shape[0] < 2 or value.numel() == 0:
            return
        figure = {"node": node["id"], **measure(value)}
        self._figures[node["id"]] = figure
        if gives[0].requires_grad:
            gives[0].register_hook(lambda grad: figure.__setitem__("gradient", _norm(grad)))

    def probe(self, nodes: dict[int, NodeDict], prediction: int, loss: float | None) -> dict[str, Any]:
        """Return a `Probe` dict for the way to `prediction`."""
        facts: dict[str, Any] = {"seeds": 1}
        logits = behind_activation(nodes, prediction)
        hidden = self._hidden(nodes, logits)
        if hidden:
            facts["signals"] = [_finite(self._figures[i]) for i in hidden]
        elif not any(nodes[i]["op"] in _HIDDEN for i in upstream(nodes, logits)):
            facts["signals"] = []
        else:
            facts["signals"] = {"unknown": "a batch of one has no spread"}
        if logits in self._figures:
            facts["prediction"] = _finite(self._figures[logits])
        if loss is not None and math.isfinite(loss):
            facts["loss"] = loss
        return facts

    def _hidden(self, nodes: dict[int, NodeDict], logits: int) -> list[int]:
        """Return the hidden activations upstream of `logits`; for a gate (`x * sigmoid(x)`) the product."""
        above = upstream(nodes, logits)
        readers: dict[int, list[int]] = {}
        for i in above | {logits}:
            for source in nodes[i].get("inputs", []):
                readers.setdefault(source, []).append(i)
        found = []
        for i in sorted(above):
            if nodes[i]["op"] not in _HIDDEN:
                continue
            after = readers.get(i, [])
            if len(after) == 1 and nodes[after[0]]["op"] == "mul":
                i = after[0]
            if i in self._figures and i not in found:
                found.append(i)
        return sorted(found)


def measure(value: torch.Tensor) -> dict[str, float]:
    """Return `std` over the batch (averaged over units), `rms` and the share of `dead` units (zero for every sample)."""
    value = value.float()
    off = value == 0
    if value.dim() > 3:  # images: a unit is a channel
        off = off.transpose(0, 1).flatten(1).all(1)
    else:
        off = off.flatten(0, -2).all(0)
    return {
        "std": float(value.std(0).mean()),
        "rms": float(value.square().mean().sqrt()),
        "dead": float(off.float().mean()),
    }


def upstream(nodes: dict[int, NodeDict], node: int) -> set[int]:
    """Return the ids of all nodes that `node` depends on."""
    seen: set[int] = set()
    todo = list(nodes[node].get("inputs", []))
    while todo:
        i = todo.pop()
        if i not in seen and i in nodes:
            seen.add(i)
            todo.extend(nodes[i].get("inputs", []))
    return seen


def behind_activation(nodes: dict[int, NodeDict], node: int) -> int:
    """Walk back over views, dropout and output activations to what made the logits."""
    through = _VIEWS | _DROPOUTS | _HIDDEN | _SOFTMAXES
    while nodes[node]["op"] in through and nodes[node].get("inputs"):
        source = nodes[node]["inputs"][0]
        if source not in nodes or nodes[source]["kind"] in ("input", "constant"):
            break
        node = source
    return node


def _norm(grad: torch.Tensor) -> float:
    return float(grad.detach().float().norm())


def _finite(figure: dict[str, Any]) -> dict[str, Any]:
    """Return the figures as plain numbers; what is not finite stays so, for the rules to see."""
    return {key: value for key, value in figure.items() if value is not None}

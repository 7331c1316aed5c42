"""What the activations of an observed step carry: their spread over the batch, and the gradient that comes back.

Figures are taken while the user's own forward and backward run; nothing that is computed is touched.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from .operations import ACTIVATIONS, DROPOUTS, VIEWS
from .paths import hidden_activations
from .probe import measure

NodeDict = dict[str, Any]

_LARGEST = 20_000_000


class Signals:
    """Keeps figures for each node; hand `note` to the recorder as its `on_node`."""

    def __init__(self) -> None:
        self._figures: dict[int, dict[str, Any]] = {}

    def note(self, node: NodeDict, gives: list[torch.Tensor]) -> None:
        """Take the figures of a node's first output and ask to be told of its gradient."""
        if node["op"] in VIEWS or not gives or not gives[0].is_floating_point():
            return
        value = gives[0].detach()
        if value.dim() < 2 or value.shape[0] < 2 or not 0 < value.numel() <= _LARGEST:
            return
        with torch.no_grad(), torch._C.DisableTorchFunction():
            figures = self._figures[node["id"]] = {"node": node["id"], **measure(value)}
        if gives[0].requires_grad:
            _watch(gives[0], figures)

    def probe(self, nodes: list[NodeDict], prediction: int, loss: float | None) -> dict[str, Any]:
        """Return a `Probe` dict for the way to `prediction`."""
        facts: dict[str, Any] = {"seeds": 1}
        logits = before_activation(nodes, prediction)
        hidden = hidden_activations({"nodes": nodes}, logits)
        if all(i in self._figures for i in hidden):
            facts["signals"] = [self._figures[i] for i in hidden]
        else:
            facts["signals"] = {"unknown": "a batch of one has no spread"}
        if logits in self._figures:
            facts["prediction"] = self._figures[logits]
        if loss is not None and math.isfinite(loss):
            facts["loss"] = loss
        return facts


def before_activation(nodes: list[NodeDict], node: int) -> int:
    """Walk back over views, dropout and output activations to what made the logits."""
    through = VIEWS | DROPOUTS | ACTIVATIONS
    while nodes[node]["op"] in through and nodes[node].get("inputs"):
        source = nodes[node]["inputs"][0]
        if nodes[source]["kind"] in ("input", "constant"):
            break
        node = source
    return node


def _watch(tensor: Any, figures: dict[str, Any]) -> None:
    def note(gradient: torch.Tensor) -> None:
        figures["gradient"] = float(gradient.detach().float().norm())

    tensor.register_hook(note)

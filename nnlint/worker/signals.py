"""What the activations of an observed step carry: their spread over the batch, and the gradient that comes back.

Values are copied while the user's own forward runs, and looked at when the script has ended; nothing that is computed
is touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from .later import Later, thinned
from .operations import ACTIVATIONS, DROPOUTS, SOFTMAXES, VIEWS
from .paths import hidden_activations
from .probe import measure, silent

NodeDict = dict[str, Any]

_HIDDEN = ACTIVATIONS - SOFTMAXES

_LARGEST = 20_000_000
_MOST = 1 << 18
"""Values behind the spread of one activation, at most. Units that are zero are counted over all of its values."""


class Signals:
    """Keeps figures of activations; hand `note` to the recorder as its `on_node`."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self._figures: dict[int, dict[str, Any]] = {}

    def note(self, node: NodeDict, gives: list[torch.Tensor]) -> None:
        """Take the figures of an activation's output and ask to be told of its gradient."""
        if node["op"] in _HIDDEN and gives:
            self._take(node["id"], gives[0])

    def ends(self, nodes: list[NodeDict], predictions: Sequence[int], tensors: dict[int, torch.Tensor]) -> None:
        """Take the figures of the logits behind `predictions`, before their backward."""
        for prediction in predictions:
            logits = before_activation(nodes, prediction)
            if logits in tensors and logits not in self._figures and nodes[logits]["op"] not in VIEWS:
                self._take(logits, tensors[logits])

    def _take(self, node: int, tensor: torch.Tensor) -> None:
        value = tensor.detach()
        if not value.is_floating_point() or value.dim() < 2 or value.shape[0] < 2 or not 0 < value.numel() <= _LARGEST:
            return
        figures = self._figures[node] = {"node": node}
        with torch.no_grad(), torch._C.DisableTorchFunction():
            few = thinned(value, _MOST)
            figures.update({"dead": silent(value)} if few is not value else {})
            kept = self._later.copy(few)
            if kept is None:
                figures.update({**measure(few), **figures})
            else:
                self._later.put(lambda _: figures.update({**measure(kept), **figures}))
        if tensor.requires_grad:
            _watch(tensor, figures)

    def probe(self, nodes: list[NodeDict], prediction: int, loss: float | None) -> dict[str, Any]:
        """Return a `Probe` dict for the way to `prediction`."""
        facts: dict[str, Any] = {"seeds": 1}
        logits = before_activation(nodes, prediction)
        hidden = hidden_activations({"nodes": nodes}, logits)
        if all(i in self._figures for i in hidden):
            facts["signals"] = [_plain(self._figures[i]) for i in hidden]
        else:
            facts["signals"] = {"unknown": "a batch of one has no spread"}
        if logits in self._figures:
            facts["prediction"] = _plain(self._figures[logits])
        if loss is not None and math.isfinite(loss):
            facts["loss"] = loss
        return facts


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: float(value) if isinstance(value, torch.Tensor) else value for key, value in figures.items()}


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
        figures["gradient"] = torch.linalg.vector_norm(gradient.detach().float())

    tensor.register_hook(note)

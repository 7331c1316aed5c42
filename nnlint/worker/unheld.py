"""Models that take part in the training and that no optimizer knows of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .loop import Loop

_FEW = 16
_SMALL = 1_000_000


class Unheld:
    """Remembers the first values of such models, so that those that somebody moves by hand are told apart."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]] = {}
        self._beside = False

    def look(self, models: Sequence[nn.Module], loop: Loop) -> None:
        """Before a backward pass through `models`: which of them has no optimizer?"""
        if not loop.optimizers or loop.steps or len(models) < 2:
            return
        held = _held(loop)
        for model in models:
            own = list(model.parameters())
            if any(id(p) in held for p in own):
                self._beside = True
            elif id(model) not in self._values:
                small = [p for p in own if p.requires_grad and p.numel() <= _SMALL][:_FEW]
                self._values[id(model)] = (model, [(p, p.detach().clone()) for p in small])

    def names(self, model: nn.Module, loop: Loop) -> list[str] | None:
        """Return the parameters of a model that got a gradient and that nobody steps; None where that is not known."""
        if not loop.steps or not loop.optimizers:
            return None
        kept = self._values.get(id(model))
        if kept is None or not self._beside or not model.training:
            return []
        held = _held(loop)  # an optimizer may have come later
        if any(id(p) in held for p in model.parameters()):
            return []
        if any(not torch.equal(p.detach(), before) for p, before in kept[1]):
            return []
        return [name for name, p in model.named_parameters() if p.requires_grad and _reached(p.grad)]


def _held(loop: Loop) -> set[int]:
    return {id(p) for entry in loop.optimizers for p in entry.parameters()}


def _reached(grad: torch.Tensor | None) -> bool:
    return grad is not None and (grad.is_sparse or bool((grad.detach() != 0).any()))

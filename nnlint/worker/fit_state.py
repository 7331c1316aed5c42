"""What models and optimizers were before the first step, and the way back to it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer


class Beginning:
    """The initial state of everything that is trained: weights, buffers, modes, options of the optimizers."""

    def __init__(self) -> None:
        self.modes: dict[nn.Module, dict[str, bool]] = {}
        self.weights: list[tuple[torch.Tensor, torch.Tensor]] = []
        """What the optimizers step, with its value when they were built."""
        self._states: dict[nn.Module, dict[str, torch.Tensor]] = {}
        self._groups: dict[Optimizer, list[dict[str, Any]]] = {}

    def built(self, optimizer: Optimizer) -> None:
        """Keep what a new optimizer steps."""
        self.weights.extend((p, p.detach().clone()) for p in parameters([optimizer]))

    def called(self, module: nn.Module) -> None:
        """Keep the state of a module, at the first call of it that trains."""
        if module not in self._states and not any(
            isinstance(p, nn.UninitializedParameter) for p in module.parameters()
        ):
            self._states[module] = {name: t.detach().clone() for name, t in tensors(module)}
            self.modes[module] = {name: part.training for name, part in module.named_modules()}

    def stepping(self, optimizer: Optimizer) -> None:
        """Keep the options of an optimizer, before its first step."""
        if optimizer not in self._groups:
            self._groups[optimizer] = [
                {k: copy.copy(v) for k, v in group.items() if k != "params"} for group in optimizer.param_groups
            ]

    @torch.no_grad()
    def restore(self) -> None:
        """Bring everything back."""
        for parameter, before in self.weights:
            parameter.copy_(before)
            parameter.grad = None
        for module, state in self._states.items():
            for name, tensor in tensors(module):
                if name in state:
                    tensor.copy_(state[name])
                tensor.grad = None
            for name, part in module.named_modules():
                part.training = self.modes[module].get(name, part.training)
        for optimizer, options in self._groups.items():
            optimizer.state.clear()
            for group, values in zip(optimizer.param_groups, options):
                group.update(copy.deepcopy(values))


def tensors(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return parameters and buffers by name."""
    return [*module.named_parameters(), *module.named_buffers()]


def parameters(optimizers: list[Optimizer]) -> list[torch.Tensor]:
    """Return what these optimizers step."""
    return [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]


def rates(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return rate and momentum of each group, as plain data."""
    values = [{k: group.get(k) for k in ("lr", "momentum", "betas")} for group in optimizer.param_groups]
    return [
        {k: [float(x) for x in v] if isinstance(v, tuple) else float(v) for k, v in group.items() if v is not None}
        for group in values
    ]


def copied(grad: torch.Tensor | None) -> torch.Tensor | None:
    """Return a copy of a gradient, None where there is none (or a sparse one, which nobody changes by hand)."""
    return None if grad is None or grad.is_sparse else grad.detach().clone()


def nonzero(grad: torch.Tensor | None) -> bool:
    """Whether a gradient is there and not all zero."""
    return grad is not None and bool(grad.is_sparse or (grad.numel() and grad.detach().ne(0).any()))


def unchanged(before: torch.Tensor | None, now: torch.Tensor | None) -> bool:
    """Whether a gradient is what it was when `copied`."""
    if before is None or now is None or now.is_sparse:
        return before is None
    return same(before, now.detach())


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors hold the same values, where "no number" is the same as itself."""
    return torch.equal(one, other) or torch.equal(one.nan_to_num(), other.nan_to_num())

"""What came back as gradients at each observed step: their size, whether they are finite, who never got any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

_LARGEST = 50_000_000
"""Elements up to which gradients are measured in one step."""
_MOST = 64


class Steps:
    """Measures the gradients of an optimizer's parameters just before it steps."""

    def __init__(self) -> None:
        self.measured: list[dict[str, Any]] = []
        self._lacking: dict[int, torch.Tensor] = {}
        self._got: set[int] = set()
        self._clipped: float | None = None
        self._loss: float | None = None

    def backward(self, loss: Any) -> None:
        """Note the value that `backward()` was called on."""
        if isinstance(loss, torch.Tensor) and loss.numel() == 1 and not loss.is_complex():
            self._loss = float(loss.detach())

    def clipped(self, norm: Any) -> None:
        """Note the norm that clipping found, before it clipped."""
        if isinstance(norm, torch.Tensor) and norm.numel() == 1:
            self._clipped = float(norm.detach())

    def before_step(self, parameters: list[torch.Tensor]) -> None:
        """Measure the gradients that a step is about to use."""
        if len(self.measured) >= _MOST:
            return
        grads = []
        for p in parameters:
            grad = p.grad
            if grad is not None:
                self._got.add(id(p))
                grads.append(grad)
            elif p.requires_grad:
                self._lacking[id(p)] = p
        norm = self._clipped if self._clipped is not None else _norm(grads)
        step: dict[str, Any] = {}
        if self._loss is not None:
            step["loss"] = self._loss
        if norm is not None:
            step["gradient"] = norm
            step["finite"] = math.isfinite(norm) or all(bool(torch.isfinite(g).all()) for g in grads)
        self.measured.append(step)
        self._clipped = self._loss = None

    def without_gradient(self, names: dict[int, str]) -> list[str]:
        """Return the names of parameters that an optimizer holds and that got no gradient in any step."""
        return [names[i] for i in self._lacking if i not in self._got and i in names]


def _norm(grads: list[torch.Tensor]) -> float | None:
    with torch.no_grad(), torch._C.DisableTorchFunction():
        if not grads or any(g.layout != torch.strided or g.is_complex() for g in grads):
            return None
        if sum(g.numel() for g in grads) > _LARGEST:
            return None
        norms = torch._foreach_norm(grads)
        return math.sqrt(sum(n**2 for n in _numbers(norms)))


def _numbers(norms: Sequence[torch.Tensor]) -> list[float]:
    if all(n.dtype == norms[0].dtype for n in norms):
        return torch.stack(list(norms)).tolist()
    return [float(n) for n in norms]

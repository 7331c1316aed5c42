"""Work on what a training step showed that waits until the script has come to its end, so that no step is held up.

What a job reads is kept as a copy where the training may change it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

import torch
from torch.nn.parameter import is_lazy

Job = Callable[[bool], None]
"""Told whether it may still read the user's data."""

KEPT = 64_000_000
"""Values that are copied in one iteration, at most."""


class Later:
    """Jobs in the order in which they were put off, and how many values are copied for them."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._kept = 0
        self._early: dict[int, tuple[weakref.ref[torch.Tensor], torch.Tensor]] = {}

    def put(self, job: Job) -> None:
        """Put a job off."""
        self._jobs.append(job)

    def settle(self, reading: bool) -> None:
        """Do all jobs. One that is interrupted is done once more the next time."""
        while self._jobs:
            with torch.no_grad():
                self._jobs[0](reading)
            self._jobs.pop(0)
        self._kept = 0

    def prepare(self, values: torch.Tensor) -> None:
        """Copy values that are likely to be wanted later on as they are now."""
        plain = not is_lazy(values) and values.layout is torch.strided and values.device.type != "meta"
        kept = self.copy(values) if plain else None
        if kept is not None:
            self._early[id(values)] = (weakref.ref(values), kept)

    def copy(self, values: torch.Tensor) -> torch.Tensor | None:
        """Return a copy of `values` as they are now; None where too much is kept already."""
        [kept] = self.copies([values])
        return kept

    def copies(self, tensors: Iterable[torch.Tensor]) -> list[torch.Tensor | None]:
        """Return a copy of each tensor as `copy` does."""
        with torch.no_grad(), torch._C.DisableTorchFunction():
            return [self._copied(values) for values in tensors]

    def _copied(self, values: torch.Tensor) -> torch.Tensor | None:
        early = self._early.pop(id(values), None)
        if early is not None and early[0]() is values and _equal(early[1], values):
            return early[1]
        if self._kept + values.numel() > KEPT:
            return None
        self._kept += values.numel()
        return values.detach().clone()


def _equal(copy: torch.Tensor, values: torch.Tensor) -> bool:
    same = copy.dtype is values.dtype and copy.device == values.device and copy.layout is values.layout
    return same and torch.equal(copy, values)


def thinned(values: torch.Tensor, most: int) -> torch.Tensor:
    """Return a view with at most some `most` values: places in between are left out before samples, units last."""
    unit = 1 if values.dim() > 3 else values.dim() - 1
    places = [i for i in range(1, values.dim()) if i != unit]
    for place in (*sorted(places, key=lambda i: -values.shape[i]), 0, unit):
        over = -(-values.numel() // most)
        if over <= 1:
            break
        size = values.shape[place]
        step = min(over, size if place else max(1, size // 2))
        values = values[(slice(None),) * place + (slice(None, None, step),)]
    return values

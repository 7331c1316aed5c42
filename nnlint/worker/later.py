"""Work on what a training step showed that waits until the script has come to its end, so that no step is held up.

What a job reads is kept as a copy where the training may change it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Job = Callable[[bool], None]
"""Told whether it may still read the user's data."""

KEPT = 64_000_000
"""Values that are copied in one iteration, at most."""


class Later:
    """Jobs in the order in which they were put off, and how many values are copied for them."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._kept = 0

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

    def copy(self, values: torch.Tensor) -> torch.Tensor | None:
        """Return a copy of `values` as they are now; None where too much is kept already."""
        if self._kept + values.numel() > KEPT:
            return None
        self._kept += values.numel()
        with torch.no_grad(), torch._C.DisableTorchFunction():
            return values.detach().clone()


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

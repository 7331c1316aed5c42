"""The few samples that questions are put to: drawn anew, or cut from what the model was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .inputs import Inputs
from .values import each_tensor, map_tensors

_SIZES = (6, 7, 5, 11)
"""Numbers of samples; the first that is the length of no other axis is taken, so that axes are not confused."""

_FEW = (4, 5, 7, 11)
"""The same for a model that takes long."""

_SIDE = 128
"""Pixels from which on a side of a picture is halved for a model that takes long."""


@dataclass(frozen=True)
class Batch:
    """What forward gets. `area` is the share that is left of its pictures, 1 for whole ones."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    area: float = 1.0

    @property
    def samples(self) -> int:
        """The length of the first axis of the first input that has one; 0 where none has."""
        return next((int(t.shape[0]) for t in each_tensor((self.args, self.kwargs)) if t.dim()), 0)

    def cut(self, size: int) -> Batch:
        """Return the first samples alone."""
        samples = self.samples
        return self._changed(lambda t: t[:size] if t.dim() and t.shape[0] == samples else t)

    def coarse(self) -> Batch | None:
        """Return every second row and column of the pictures; None where the inputs are not large pictures alone."""
        tensors = list(each_tensor((self.args, self.kwargs)))
        if not tensors or not all(_is_picture(t) and t.shape[0] == self.samples for t in tensors):
            return None
        halved = self._changed(lambda t: t[..., ::2, ::2])
        return Batch(halved.args, halved.kwargs, 0.25)

    def _changed(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        return Batch(tuple(map_tensors(list(self.args), change)), map_tensors(dict(self.kwargs), change))


def few(inputs: Inputs, heavy: bool = False) -> list[Batch]:
    """Return a few samples, then the batch as it is: a model may insist on its size.

    For one that takes long (`heavy`) they are fewer, and smaller pictures come first.
    """
    whole = Batch(inputs.args, inputs.kwargs)
    others = {n for t in each_tensor((inputs.args, inputs.kwargs)) for n in t.shape[1:]}
    sizes = _FEW if heavy else _SIZES
    size = next((n for n in sizes if n not in others), sizes[0])
    drawn = inputs.with_batch(size, 3)
    found = [whole]
    if drawn is not None:
        found = [Batch(drawn.args, drawn.kwargs), whole]
    elif whole.samples > size:
        found = [whole.cut(size), whole]
    coarse = found[0].coarse() if heavy else None
    return found if coarse is None else [coarse, *found]


def _is_picture(tensor: torch.Tensor) -> bool:
    return tensor.dim() == 4 and tensor.is_floating_point() and min(tensor.shape[2:]) >= _SIDE

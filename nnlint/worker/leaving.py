"""Values that leave torch as lists or NumPy arrays inside of a forward pass, and the tensors that are made of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

LEAVES = frozenset({"tolist", "numpy", "__array__"})
"""Functions that hand out all values of a tensor."""


class Left:
    """What left torch during one forward pass: by its number of values, the call through which it went."""

    def __init__(self) -> None:
        self._by_size: dict[int, int] = {}

    def note(self, tensor: torch.Tensor, node: int) -> None:
        """Remember through which call a tensor's values left."""
        self._by_size[tensor.numel()] = node

    def back(self, made: Sequence[torch.Tensor]) -> list[int]:
        """Return the call through which the values of a tensor made of none left before, as far as can be told.

        A tensor of exactly as many values is held to be made of them: a constant of that very size, made behind such
        a call and of other values, would be taken for it.
        """
        found = self._by_size.get(made[0].numel()) if made and made[0].is_floating_point() else None
        return [] if found is None else [found]

    def clear(self) -> None:
        """Forget: the forward pass has ended."""
        self._by_size.clear()

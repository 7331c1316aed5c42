"""Seeds: other ones for each trial, the same ones for both arms of a pair, whatever the change between them draws.

Every weight is drawn from a generator of its own, known by shape and order, so that a layer that is added, left out or
initialized differently does not shift the weights of the others, nor the data that are drawn after them.
"""

from __future__ import annotations

import functools
import random
import sys
import zlib
from collections.abc import Callable
from typing import Any

import torch

from .sites import kind_of

_FILLING = ("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
            "kaiming_normal_", "orthogonal_", "sparse_")  # fmt: skip

FIRST = 20_000
"""Seed of a script that sets none, before the offset of the trial is added."""


def derive(*parts: object) -> int:
    """Return a seed that depends on all of `parts` and on nothing else."""
    return zlib.crc32(repr(parts).encode())


def seed_everything(seed: int) -> None:
    """Seed the global generators of torch, random and, where it is loaded, numpy."""
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


class Seeds:
    """While active, the seeds that the user's own code sets are `offset` higher, and weights are drawn pairwise."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._order: dict[tuple[int, ...], dict[int, int]] = {}
        self._kept: list[Any] = []
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Seeds:
        seed_everything(FIRST + self.offset)
        self._patch(torch, "manual_seed", self._shifted)
        self._patch(torch.random, "manual_seed", self._shifted)
        self._patch(random, "seed", self._shifted)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            for name in ("seed", "default_rng"):
                self._patch(numpy.random, name, self._shifted)
        for name in _FILLING:
            self._patch(torch.nn.init, name, self._paired)
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            self._undo.pop()()

    def align(self, place: str) -> None:
        """Bring the global generators to a state that depends on the trial and on `place` alone."""
        seed = derive(self.offset, place)
        torch.default_generator.manual_seed(seed)
        random.setstate(random.Random(seed).getstate())
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.set_state(numpy.random.RandomState(seed % 2**32).get_state())

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        setattr(owner, name, make(original))
        self._undo.append(lambda: setattr(owner, name, original))

    def _shifted(self, original: Any) -> Any:
        @functools.wraps(original, assigned=("__name__", "__doc__"), updated=())
        def seeding(seed: Any = None, *args: Any, **kwargs: Any) -> Any:
            if kind_of(sys._getframe(1).f_code) != "user":
                return original(seed, *args, **kwargs)
            if seed is None:
                seed = FIRST
            elif isinstance(seed, bool) or not hasattr(seed, "__index__"):
                return original(seed, *args, **kwargs)  # a sequence or a generator: its owner knows best
            return original(int(seed) + self.offset, *args, **kwargs)

        return seeding

    def _paired(self, original: Any) -> Any:
        @functools.wraps(original)
        def fill(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("generator") is not None or tensor.is_meta:
                return original(tensor, *args, **kwargs)
            seed = derive(self.offset, tuple(tensor.shape), self._place(tensor))
            state = torch.get_rng_state()
            torch.default_generator.manual_seed(seed)
            try:
                return original(tensor, *args, **kwargs)
            finally:
                torch.set_rng_state(state)

        return fill

    def _place(self, tensor: torch.Tensor) -> int | None:
        """Return how many other tensors of this shape were filled before this one was for the first time."""
        order = self._order.setdefault(tuple(tensor.shape), {})
        try:
            place = tensor.data_ptr()
        except RuntimeError:
            return None
        if place not in order:
            self._kept.append(tensor.untyped_storage())  # so that its address is not given to another
            order[place] = len(order)
        return order[place]

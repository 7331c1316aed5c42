"""Listen to loaders: what is built, what is drawn, and which data a tensor is a batch of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from . import profile
from .constructed import construction
from .devices import Watch
from .iteration import Sample
from .patches import Patches
from .values import each_tensor


class SeenLoader:
    """A loader that the user's code built. `passes` counts how often somebody began to draw from it."""

    def __init__(self, loader: DataLoader[Any], span: dict[str, Any] | None, given: list[str] | None) -> None:
        self.loader, self.span, self.given = loader, span, given
        self.passes = 0


class LoaderCalls:
    """Knows every loader; `current` is the one that was drawn from last, `training` the one of the first backward."""

    def __init__(self, watch: Watch, check: Callable[[], None]) -> None:
        self.seen: list[SeenLoader] = []
        self.current: DataLoader[Any] | None = None
        self.training: DataLoader[Any] | None = None
        self._batch: list[torch.Tensor] = []
        self._watch, self._check = watch, check

    def watch(self, patches: Patches) -> None:
        """Listen to torch's loaders."""
        patches.put(DataLoader, "__init__", self._making)
        patches.put(DataLoader, "__iter__", self._iterating)
        patches.put(_BaseDataLoaderIter, "__next__", self._drawing)

    def of(self, loader: Any) -> SeenLoader | None:
        """Return what is known of a loader."""
        return next((entry for entry in self.seen if entry.loader is loader), None)

    def sample(self, tensor: torch.Tensor) -> Sample:
        """Return what reads more rows of the data that `tensor` is a batch of, and how many there are in all."""
        loader = self.current
        if loader is not None:
            for place, drawn in enumerate(self._batch):
                if drawn is tensor or (drawn.numel() == tensor.numel() and _overlap(drawn, tensor)):
                    return partial(profile.from_dataset, loader, place, tensor), profile.size_of(loader)
        whole = self._watch.source(tensor)
        if whole is not None and whole.dim() and tensor.dim() and whole.shape[1:] == tensor.shape[1:]:
            return partial(profile.rows, whole), int(whole.shape[0])
        return None, None

    def _making(self, original: Any) -> Any:
        def __init__(loader: Any, *args: Any, **kwargs: Any) -> None:
            self._check()
            original(loader, *args, **kwargs)
            self.seen.append(SeenLoader(loader, *construction(sys._getframe(1), loader)))

        return __init__

    def _iterating(self, original: Any) -> Any:
        def __iter__(loader: Any) -> Any:
            self._check()
            iterator = original(loader)
            iterator.__dict__["_nnlint_loader"] = loader
            entry = self.of(loader)
            if entry is not None:
                entry.passes += 1
            return iterator

        return __iter__

    def _drawing(self, original: Any) -> Any:
        def __next__(iterator: Any) -> Any:
            self._check()
            batch = original(iterator)
            self.current = iterator.__dict__.get("_nnlint_loader")
            self._batch = list(each_tensor(batch))
            return batch

        return __next__


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()

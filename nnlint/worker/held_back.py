"""The data that the user holds back, found by name, and how many of its rows stand in the training data as well."""

from __future__ import annotations

import ctypes
import functools
import re
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from . import profile
from .sites import is_users
from .values import each_tensor

TRAINING = 20_000
"""Rows of training data that lie in memory, looked at, at most; of others `profile.ROWS`, and for a second."""
_SECONDS = 1.0
_NAMES = frozenset(
    f"{before}{word}{after}" for word in ("val", "valid", "validation", "test", "dev", "holdout", "heldout")
    for before, after in (("", ""), ("x", ""), ("", "x"), ("", "loader"), ("", "set"), ("", "dataset"), ("", "data"),
                          ("", "dl"), ("", "ds"), ("", "dataloader"))
)  # fmt: skip


class HeldBack:
    """What is called `val`, `test` or the like around the training loop: loaders, data sets, tensors."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.features: torch.Tensor | None = None
        self._looked = False

    def look(self, frame: FrameType | None) -> None:
        """Look through the names around the first backward pass, the innermost first."""
        if self._looked:
            return
        self._looked = True
        while frame is not None:
            if is_users(frame.f_code):
                for scope in (frame.f_locals, frame.f_globals):
                    self.names(scope)
            frame = frame.f_back

    def names(self, scope: dict[str, Any]) -> None:
        """Take what of a scope's names is held-back data."""
        for name, value in list(scope.items()):
            if _is_name(name) and isinstance(value, (DataLoader, Dataset, torch.Tensor)):
                self.found.setdefault(name, value)

    def compare(self, training: Any) -> None:
        """Work out `facts`: `validation_samples` and `overlap` of a `Data` dict. This reads the user's data.

        `training` is the data set that the model learns from; where there is none, `features` holds its inputs.
        """
        self.facts = self._compared(training, self.features)

    def _compared(self, training: Any, features: torch.Tensor | None) -> dict[str, Any]:
        for name, value in self.found.items():
            held = value.dataset if isinstance(value, DataLoader) else value
            mine = features if isinstance(held, torch.Tensor) else training
            if mine is None or (isinstance(held, torch.Tensor) and not _alike(held, mine)):
                continue
            count = _length(held)
            if count is None or count == 0:
                continue
            found: dict[str, Any] = {"validation_samples": count}
            overlap = _overlap(mine, held)
            if overlap is not None:
                found["overlap"] = {**overlap, "name": name}
            return found
        return {}


@functools.lru_cache(1024)
def _is_name(name: str) -> bool:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return any(word in _NAMES for word in words) and not any(word.startswith("train") for word in words)


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return (
        one.dim() >= 2 and one.shape[1:] == other.shape[1:] and one.dtype == other.dtype and one.device == other.device
    )


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except (TypeError, NotImplementedError):
        return None


def _overlap(training: Any, held: Any) -> dict[str, Any] | None:
    one, other = _indices(training), _indices(held)
    if one is not None and other is not None and one[0] is other[0] and _tensors(training) is None:
        among = set(one[1])
        twice = 1 - len(among) / len(one[1]) if one[1] else 0.0
        share = sum(i in among for i in other[1]) / len(other[1])
        return {"share": share, "rows": len(other[1]), "training": len(one[1]), "repeated": twice}
    mine, theirs = list(_rows(training, TRAINING)), list(_rows(held, profile.ROWS))
    if len(mine) < 2 or not theirs or type(mine[0]) is not type(theirs[0]):
        return None
    known = set(mine)
    counts: dict[Any, int] = {}
    for row in mine:
        counts[row] = counts.get(row, 0) + 1
    return {
        "share": sum(row in known for row in theirs) / len(theirs),
        "rows": len(theirs),
        "training": len(mine),
        "repeated": sum(n for n in counts.values() if n > 1) / len(mine),
    }


def _indices(data: Any) -> tuple[Any, list[int]] | None:
    """Return the data set that a subset was cut from, and which rows of it."""
    if not isinstance(data, Subset):
        return None
    return data.dataset, [int(i) for i in data.indices]


def _tensors(data: Any) -> tuple[torch.Tensor, ...] | None:
    """Return the tensors of data that lie in memory."""
    if isinstance(data, torch.Tensor):
        return (data,)
    if isinstance(data, TensorDataset):
        return data.tensors
    if isinstance(data, Subset) and isinstance(data.dataset, TensorDataset):
        places = torch.as_tensor([int(i) for i in data.indices][:TRAINING], dtype=torch.long)
        return tuple(t[places] for t in data.dataset.tensors)
    return None


def _rows(data: Any, limit: int) -> Iterator[bytes]:
    """Yield rows as bytes, evenly spread where there are more than `limit`."""
    tensors = _tensors(data)
    if tensors is not None:
        count = len(tensors[0])
        places = torch.arange(count) if count <= limit else torch.linspace(0, count - 1, limit).long()
        parts = [_bytes(t.detach()[places]) for t in tensors]
        yield from (b"|".join(row) for row in zip(*parts))
        return
    if isinstance(data, IterableDataset) or not isinstance(data, Dataset):
        return
    begun, count = time.monotonic(), _length(data) or 0
    with profile.same_random_state():
        for i in range(0, count, max(1, -(-count // profile.ROWS))):
            try:
                item = list(each_tensor(data[i]))
            except Exception:  # the user's data set is asked for items it may not have
                return
            if not item or time.monotonic() - begun > _SECONDS:
                return
            yield b"|".join(row for t in item for row in _bytes(t.detach().reshape(1, -1)))


def _bytes(values: torch.Tensor) -> list[bytes]:
    flat = values.reshape(values.shape[0], -1).contiguous().cpu()
    if flat.dtype in (torch.bfloat16, torch.float16):
        flat = flat.float()
    width = flat.shape[1] * flat.element_size()
    if width == 0:
        return [b""] * flat.shape[0]
    whole = ctypes.string_at(flat.data_ptr(), width * flat.shape[0])
    return [whole[i * width : (i + 1) * width] for i in range(flat.shape[0])]

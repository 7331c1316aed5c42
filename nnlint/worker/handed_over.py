"""What the user hands over beside a model: inputs, or data in any of many forms, as one batch.

Data are read by index, a bounded number of samples, never through the user's own iterator.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

from .values import each_tensor

ROWS = 64
"""Samples of one forward."""


class Given:
    """What the user handed over, as one batch: arguments of forward, and the target of the loss."""

    def __init__(self, inputs: Any, data: Any) -> None:
        self.args: tuple[Any, ...] | None = None
        self.kwargs: dict[str, Any] | None = None
        self.specs: list[str] | None = None
        self.target: torch.Tensor | None = None
        self.loader: DataLoader[Any] | None = None
        self.drawn: list[torch.Tensor] = []
        self.batch: Any = None
        if data is not None:
            self._draw(data)
        if isinstance(inputs, str) or (isinstance(inputs, (list, tuple)) and inputs and _all(inputs, str)):
            self.specs, self.args = [inputs] if isinstance(inputs, str) else list(inputs), None
            self.target = None
        elif isinstance(inputs, Mapping):
            self.args, self.kwargs = (), dict(inputs)
        elif inputs is not None:
            self.args = tuple(inputs) if isinstance(inputs, (list, tuple)) else (_tensor(inputs),)
        if self.target is not None and not self._fits():
            self.target = None

    def _fits(self) -> bool:
        first = next(each_tensor((self.args, self.kwargs)), None)
        return first is not None and self.target is not None and first.shape[:1] == self.target.shape[:1]

    def _draw(self, data: Any) -> None:
        """Take a batch out of `data` by index, so that no iterator of the user's moves."""
        data = _torch_format(data)
        if isinstance(data, (tuple, list)) and len(data) == 2:
            data = TensorDataset(*(_tensor(part) for part in data))
        if isinstance(data, Dataset):
            data = DataLoader(data, batch_size=min(ROWS, _length(data) or ROWS))
            data.__dict__["_nnlint_ours"] = True
        if not isinstance(data, DataLoader):
            raise ValueError(f"data is a DataLoader, a Dataset or a pair of arrays, not {type(data).__name__}")
        self.loader = data
        batch = self.batch = _batch_of(data)
        self.drawn = list(each_tensor(batch))
        if isinstance(batch, (tuple, list)) and len(batch) >= 2 and all(isinstance(b, torch.Tensor) for b in batch):
            self.args, self.target = tuple(batch[:-1]), batch[-1]
        elif isinstance(batch, Mapping):
            self._named(batch)
        elif isinstance(batch, torch.Tensor):
            self.args = (batch,)
        elif isinstance(batch, (tuple, list)) and len(batch) == 1:
            self.args = tuple(batch)

    def _named(self, batch: Mapping[str, Any]) -> None:
        """Take a batch with names: a model's arguments by keyword, `label` and the like as the target."""
        self.batch = batch
        self.args, self.kwargs = (), {name: value for name, value in batch.items() if name not in _LABELS}
        self.target = next((batch[name] for name in _LABELS if isinstance(batch.get(name), torch.Tensor)), None)


_LABELS = ("label", "labels", "target", "targets")


def _torch_format(data: Any) -> Any:
    """Return a data set of Hugging Face so that it gives tensors; anything else as it is. The user's stays as it is."""
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(data).__mro__}
    if kinds & {"datasets.DatasetDict", "datasets.IterableDatasetDict"}:
        splits = ", ".join(f"[{name!r}]" for name in data)
        raise ValueError(f"data holds several data sets: hand over one of {splits}")
    if "datasets.IterableDataset" in kinds:
        return data.with_format("torch")
    if "datasets.Dataset" in kinds:
        data = data.with_format("torch")
        return DataLoader(data, batch_size=min(ROWS, max(1, len(data))))
    return data


def _all(values: Any, kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)


def _tensor(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    if hasattr(value, "to_numpy"):  # a frame or column of pandas or polars
        value = value.to_numpy().copy()
    try:
        made = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{type(value).__name__} cannot be made a tensor: {error}") from error
    return made.float() if made.dtype == torch.float64 else made


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except (TypeError, NotImplementedError):
        return None


def _batch_of(loader: DataLoader[Any]) -> Any:
    dataset: Any = loader.dataset
    size = min(loader.batch_size or ROWS, ROWS)
    try:
        if isinstance(dataset, IterableDataset):
            items = [item for item, _ in zip(copy.deepcopy(dataset), range(size))]
        else:
            count = len(dataset)
            items = [dataset[i] for i in range(0, count, max(1, count // size))][:size]
        return (loader.collate_fn or default_collate)(items)
    except Exception as error:
        raise ValueError(f"data cannot be read: {type(error).__name__}: {error}") from error

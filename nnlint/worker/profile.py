"""What the data look like: every input of a model and the target of its loss, from a bounded sample."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from .columns import classes, columns, outliers, padding, shares
from .values import each_tensor

ROWS = 2048
"""Samples looked at, at most."""
_SECONDS = 1.0
_ITEMS = 256


def describe_input(tensor: torch.Tensor, sample: torch.Tensor | None, op: str | None) -> dict[str, Any]:
    """Return a `Features` dict. `op` is the first layer with a weight that reads the input, where known."""
    values = tensor if sample is None else sample
    facts: dict[str, Any] = {
        "kind": _kind(tensor, op),
        "shape": [int(n) for n in tensor.shape],
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "rows": int(values.shape[0]) if values.dim() else 1,
        "columns": columns(values, axis_of(tensor, op)),
    }
    if values.is_floating_point():
        facts["finite"] = bool(torch.isfinite(values).all())
    if values.numel() == 0 or values.is_complex() or values.is_sparse:
        return facts
    with torch.no_grad():
        finite = values[torch.isfinite(values)] if facts.get("finite") is False else values
        if finite.numel():
            facts["low"], facts["high"] = float(finite.min()), float(finite.max())
        facts.update(shares(values))
        facts["one_hot"] = _one_hot(values.detach())
        if facts["kind"] == "ids":
            facts["padding"] = padding(values)
    return facts


def axis_of(tensor: torch.Tensor, op: str | None) -> int:
    """Return the axis along which features stand: channels for images, the last one otherwise."""
    if tensor.dim() >= 3 and (op or "").startswith("conv"):
        return 1
    if tensor.dim() == 4 and op not in ("linear", "multihead_attention"):
        return 1
    return max(0, tensor.dim() - 1)


def _kind(tensor: torch.Tensor, op: str | None) -> str:
    if tensor.is_complex():
        return "other"
    if not tensor.is_floating_point():
        return "ids" if tensor.dim() <= 2 or op in ("embedding", "embedding_bag") else "other"
    return {1: "vector", 2: "vector", 3: "sequence", 4: "image"}.get(tensor.dim(), "other")


def describe_target(tensor: torch.Tensor, sample: torch.Tensor | None, made: str | None) -> dict[str, Any]:
    """Return a `Target` dict."""
    values = tensor if sample is None else sample
    facts: dict[str, Any] = {
        "shape": [int(n) for n in tensor.shape],
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "rows": int(values.shape[0]) if values.dim() else 1,
    }
    if made is not None:
        facts["made"] = made
    if values.numel() == 0 or values.is_complex() or values.is_sparse:
        return facts
    with torch.no_grad():
        flat = values.detach().to(torch.float64)
        facts.update(shares(flat))
        flat = flat if facts["missing_share"] + facts["infinite_share"] == 0 else flat[torch.isfinite(flat)]
        if flat.numel() == 0:
            return facts
        facts["mean"], facts["std"] = float(flat.mean()), float(flat.std(unbiased=False))
        facts["low"], facts["high"] = float(flat.min()), float(flat.max())
        facts["integral"] = not values.is_floating_point() or bool((flat == flat.round()).all())
        facts["distinct"] = min(1000, int(torch.unique(flat.reshape(-1)[:1_000_000]).numel()))
        facts["one_hot"] = _one_hot(flat)
        facts.update(_labels(flat, values) if facts["integral"] else _numbers(flat))
        if sample is not None and "classes" in facts:
            facts["grouped"] = _grouped(flat, len(facts["classes"]))
    return facts


def _grouped(labels: torch.Tensor, count: int) -> bool:
    """Whether each of several labels stands in one run of rows."""
    rows = labels.argmax(-1) if _one_hot(labels) else labels.reshape(-1)
    return count > 1 and len(rows) > 2 * count and int((rows[1:] != rows[:-1]).sum()) == count - 1


def _labels(flat: torch.Tensor, values: torch.Tensor) -> dict[str, Any]:
    """Return what there is to say of whole numbers: classes and how often each occurs, padding."""
    facts: dict[str, Any] = {}
    several = flat.dim() == 2 and flat.shape[-1] > 1
    if _one_hot(flat):
        facts["classes"] = classes(flat.argmax(-1))
    elif several and bool(((flat == 0) | (flat == 1)).all()):
        facts["multi_hot"] = True
    elif not several or not values.is_floating_point():
        facts["classes"] = classes(flat)
    if (values.is_floating_point() and "classes" not in facts and "multi_hot" not in facts) or _many(flat):
        facts["outliers"] = outliers(flat)
    facts["padding"] = padding(values)
    facts.setdefault("multi_hot", False)
    return {key: value for key, value in facts.items() if value is not None or key == "padding"}


def _many(flat: torch.Tensor) -> bool:
    """Whether whole numbers are rather counts or amounts than labels."""
    return flat.numel() <= 1_000_000 and int(torch.unique(flat).numel()) > 100


def _numbers(flat: torch.Tensor) -> dict[str, Any]:
    share = outliers(flat)
    return {"multi_hot": False} if share is None else {"multi_hot": False, "outliers": share}


def _one_hot(values: torch.Tensor) -> bool:
    if values.dim() < 2 or values.shape[-1] < 2:
        return False
    ones = values == 1
    return bool((ones | (values == 0)).all() and (ones.sum(-1) == 1).all())


def rows(values: torch.Tensor) -> torch.Tensor:
    """Return at most `ROWS` rows of a tensor, evenly spread."""
    count = int(values.shape[0])
    if count <= ROWS:
        return values.detach()
    return values.detach()[torch.linspace(0, count - 1, ROWS).long()]


def from_dataset(loader: DataLoader[Any], place: int, like: torch.Tensor) -> torch.Tensor | None:
    """Return rows of the `place`-th tensor of a loader's batches, shaped as those of `like`, None where not possible.

    Random states are left as they are; a slow data set is read for a second at most.
    """
    values = _table(loader.dataset, place)
    if values is None:
        values = _items(loader, place)
    if values is None or values.dim() == 0 or values[0].numel() != like[0].numel():
        return None
    return values.reshape(-1, *like.shape[1:]).to(like.dtype)


def _table(dataset: Any, place: int) -> torch.Tensor | None:
    if isinstance(dataset, TensorDataset) and place < len(dataset.tensors):
        return rows(dataset.tensors[place])
    if isinstance(dataset, Subset) and isinstance(dataset.dataset, TensorDataset):
        values = _table(dataset.dataset, place)
        if values is not None and len(dataset) > 0:
            step = max(1, len(dataset) // ROWS)
            return dataset.dataset.tensors[place][torch.as_tensor(list(dataset.indices)[::step][:ROWS])].detach()
    return None


def _items(loader: DataLoader[Any], place: int) -> torch.Tensor | None:
    dataset: Any = loader.dataset
    if isinstance(dataset, IterableDataset) or loader.collate_fn is None:
        return None
    with same_random_state():
        try:
            count, items, begun = len(dataset), [], time.monotonic()
            for i in range(0, count, max(1, count // _ITEMS)):
                items.append(dataset[i])
                if time.monotonic() - begun > _SECONDS:
                    break
            return list(each_tensor(loader.collate_fn(items)))[place].detach()
        except Exception:  # the user's data set is asked for items it may not have
            return None


def size_of(loader: DataLoader[Any]) -> int | None:
    """Return the number of samples of a loader's data set, None where it does not tell."""
    try:
        return len(loader.dataset)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError, AttributeError):
        return None


@contextmanager
def same_random_state() -> Iterator[None]:
    """Give back the random states of Python, torch and NumPy as they were."""
    python, torch_state, numpy = random.getstate(), torch.get_rng_state(), sys.modules.get("numpy")
    state = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(python)
        torch.set_rng_state(torch_state)
        if numpy is not None:
            numpy.random.set_state(state)

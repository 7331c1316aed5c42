"""How many samples a data set or a loader has: scikit-learn's and torchvision's own, splits, the file's classes."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any

from .flow import Frame, Lost
from .given import Given
from .program import last_name

if TYPE_CHECKING:
    from .sizes import Sizes

SAMPLES = {
    "sklearn.datasets.load_iris": 150, "sklearn.datasets.load_digits": 1797, "sklearn.datasets.load_wine": 178,
    "sklearn.datasets.load_breast_cancer": 569, "sklearn.datasets.load_diabetes": 442,
    "sklearn.datasets.fetch_california_housing": 20640,
}  # fmt: skip
"""Samples of scikit-learn's data sets (`load_digits` with all its classes)."""
_DRAWN = frozenset(
    f"sklearn.datasets.make_{name}" for name in ("moons", "circles", "classification", "regression", "blobs", "s_curve")
)
PICTURES = {
    "MNIST": (60_000, 10_000), "FashionMNIST": (60_000, 10_000), "KMNIST": (60_000, 10_000),
    "CIFAR10": (50_000, 10_000), "CIFAR100": (50_000, 10_000),
}  # fmt: skip
"""Samples of torchvision's data sets for training and for testing."""


class DataSets:
    """Counts samples. Raises Lost where the source does not show them."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes, self.values = sizes, sizes.values

    def made(self, call: ast.Call, frame: Frame | None, depth: int) -> int:
        """Return what `len` says of the data set or loader that a call builds."""
        program = self.values.program
        name = last_name(call.func) or ""
        known = self.known(call, frame)
        if known is not None:
            return known
        if name in ("TensorDataset", "ConcatDataset", "Subset") and (program.qualified(call.func) or "").startswith(
            "torch"
        ):
            return self._torch(call, name, frame, depth)
        if name.endswith("DataLoader"):
            return self.batches(call, frame, depth)
        definition = program.definition(call.func)
        if isinstance(definition, ast.ClassDef):
            return self._own(definition, call, frame, depth)
        raise Lost("the number of samples is not to be seen in the source")

    def known(self, call: ast.Call, frame: Frame | None) -> int | None:
        """Return the samples of a data set that a library brings, None for any other call."""
        dotted = self.values.program.qualified(call.func) or ""
        given = Given(call)
        if dotted in SAMPLES:
            return None if given.has("n_class") else SAMPLES[dotted]
        if dotted in _DRAWN:
            node = given.argument("n_samples", 0)
            count = self.values.of(node, frame) if node is not None else 100
            return count if isinstance(count, int) else None
        owner, _, name = dotted.rpartition(".")
        if owner == "torchvision.datasets" and name in PICTURES:
            node = given.argument("train", 1)
            return PICTURES[name][0 if node is None or self.values.of(node, frame) else 1]
        return None

    def _torch(self, call: ast.Call, name: str, frame: Frame | None, depth: int) -> int:
        if name == "Subset" and len(call.args) > 1:
            return self.sizes.length(call.args[1], frame)
        if name == "ConcatDataset" and call.args and isinstance(call.args[0], (ast.List, ast.Tuple)):
            return sum(self.sizes.rows(e, frame, depth) for e in call.args[0].elts)
        for tensor in call.args if name == "TensorDataset" else ():
            try:
                return self.sizes.rows(tensor, frame, depth)
            except Lost:
                continue
        raise Lost("the number of samples is not to be seen in the source")

    def _own(self, definition: ast.ClassDef, call: ast.Call, frame: Frame | None, depth: int) -> int:
        """Return what `__len__` of a class of the file returns."""
        flow = self.values.flow
        method = flow.method_of(definition, "__len__")
        results = flow.returned(method) if method is not None else []
        init = flow.method_of(definition, "__init__")
        inner = Frame(init, call, frame) if init is not None else None
        if len(results) != 1:
            raise Lost("the length of the data set is not to be seen in the source")
        result = results[0]
        counted = isinstance(result, ast.Call) and last_name(result.func) == "len" and len(result.args) == 1
        held = result.args[0] if counted and isinstance(result, ast.Call) else result
        if isinstance(held, ast.Attribute) and flow.own_class(held.value) is not None:
            places = flow.attributes(definition, held.attr, inner)
            if len(places) == 1:
                if counted:
                    return self.sizes.at(places[0], depth)
                return _whole(self.values.of(places[0].node, places[0].frame))
        return _whole(self.values.of(result, None))

    def batches(self, call: ast.Call, frame: Frame | None, depth: int = 12) -> int:
        """Return how many batches one pass over a loader has."""
        given = Given(call)
        if given.open or given.has("batch_sampler") or given.has("sampler"):
            raise Lost("a sampler or unpacked arguments decide how many batches there are")
        data = given.argument("dataset", 0)
        if data is None:
            raise Lost("the loader has no data set to be seen")
        rows = self.sizes.rows(data, frame, depth)
        node = given.argument("batch_size", 1)
        size = _whole(self.values.of(node, frame)) if node is not None else 1
        last = given.argument("drop_last", 8)
        dropped = bool(self.values.of(last, frame)) if last is not None else False
        return rows // size if dropped else math.ceil(rows / size)

    def behind_loader(self, node: ast.expr, frame: Frame | None, depth: int) -> int:
        """Return the samples of `loader.dataset`."""
        if isinstance(node, ast.Name):
            places = self.values.flow.definitions(node, frame)
            if len(places) == 1 and isinstance(places[0].node, ast.Call) and not places[0].path:
                data = Given(places[0].node).argument("dataset", 0)
                if data is not None and (last_name(places[0].node.func) or "").endswith("DataLoader"):
                    return self.sizes.rows(data, places[0].frame, depth)
        raise Lost("the number of samples is not to be seen in the source")

    def part(self, call: ast.Call, index: int, frame: Frame | None, depth: int) -> int:
        """Return the samples of one result of `train_test_split` or `random_split`."""
        given = Given(call)
        if given.open or not call.args:
            raise Lost("how the data are split is not to be seen")
        if last_name(call.func) == "random_split":
            lengths = self.values.of(given.argument("lengths", 1), frame)
            if all(isinstance(n, int) for n in lengths):
                return _whole(lengths[index])
            return _shares(lengths, self.sizes.rows(call.args[0], frame, depth))[index]
        rows = self.sizes.rows(call.args[0], frame, depth)
        held = given.argument("test_size", None)
        kept = given.argument("train_size", None)
        test = _count(self.values.of(held, frame), rows, math.ceil) if held is not None else None
        train = _count(self.values.of(kept, frame), rows, math.floor) if kept is not None else None
        if test is None:
            test = rows - train if train is not None else math.ceil(0.25 * rows)
        if train is None:
            train = rows - test
        return train if index % 2 == 0 else test


def _count(share: Any, rows: int, rounded: Any) -> int | None:
    if share is None:
        return None
    return int(rounded(share * rows)) if isinstance(share, float) else _whole(share)


def _shares(lengths: Any, rows: int) -> list[int]:
    """Return the sizes that `random_split` makes of shares that sum to one."""
    found = [math.floor(rows * share) for share in lengths]
    for at in range(rows - sum(found)):
        found[at % len(found)] += 1
    return found


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise Lost("it is no whole number")

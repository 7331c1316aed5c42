"""DataLoaders as the source builds them."""

from __future__ import annotations

import ast
from typing import Any

from ..facts import Missing
from .arguments import Arguments
from .flow import Frame, Lost
from .objects import Objects
from .program import last_name

_ORDER = ("dataset", "batch_size", "shuffle", "sampler", "batch_sampler")
_RANDOM_SAMPLERS = frozenset({"RandomSampler", "WeightedRandomSampler", "SubsetRandomSampler"})


def is_loader(node: ast.AST) -> bool:
    """Return whether a call builds a DataLoader, torch's own or one made after it."""
    return isinstance(node, ast.Call) and (last_name(node.func) or "").endswith("DataLoader")


class Loaders:
    """Reads batch size and shuffling."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self.values = objects, objects.values

    def read(self, call: ast.Call, frame: Frame | None) -> tuple[Any, Any]:
        """Return batch size and shuffling of one construction, each a value or Missing."""
        given = Arguments(self.values, call, _ORDER, frame)
        written = given.written
        if "batch_sampler" in written:
            why = Missing("a batch sampler cuts the batches")
            return why, why
        nothing: Any = Missing(given.open) if given.open else None
        size = nothing or 1
        if "batch_size" in written:
            size = self.count(written["batch_size"].node, written["batch_size"].frame)
        if "sampler" in written and self.values.maybe(written["sampler"].node, 0, written["sampler"].frame) is not None:
            return size, self._sampler(written["sampler"].node, written["sampler"].frame)
        if "shuffle" not in written:
            return size, nothing or False
        value = self.values.maybe(written["shuffle"].node, None, written["shuffle"].frame)
        return size, bool(value) if isinstance(value, (bool, int)) else Missing(
            "`shuffle` is set when the program runs"
        )

    def _sampler(self, node: ast.expr, frame: Frame | None) -> Any:
        try:
            names = {last_name(p.node.func) for p in self.objects.made(node, frame) if isinstance(p.node, ast.Call)}
        except Lost:
            names = set()
        known = bool(names) and names <= _RANDOM_SAMPLERS
        return True if known else Missing("a sampler orders the data")

    def count(self, node: ast.AST, frame: Frame | None) -> Any:
        """Return a batch size, Missing where it is not known."""
        try:
            value = self.values.of(node, frame)
        except Lost as lost:
            return Missing(lost.why)
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return value if good else Missing("the batch size is no whole number")

"""What a `for` loop walks over, counters, progress bars and names taken off."""

from __future__ import annotations

import ast
import math
from typing import Any

from ..facts import Missing
from .flow import Frame, Lost, Place
from .objects import Objects
from .program import last_name

Looping = ast.For | ast.AsyncFor | ast.While
LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WRAPPERS = frozenset(
    {"enumerate", "tqdm", "track", "iter", "list", "islice", "progress_bar", "notebook_tqdm", "log_progress", "Bar"}
)
_RANGES = ("range", "trange")


def is_range(node: ast.AST) -> bool:
    """Return whether a call is `range(...)` or tqdm's `trange(...)`."""
    return isinstance(node, ast.Call) and last_name(node.func) in _RANGES


class Walks:
    """Follows what loops iterate."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.program, self.flow, self.values = objects.program, objects.flow, objects.values

    def over(self, node: ast.expr, frame: Frame | None = None, depth: int = 8) -> list[Place]:
        """Return what is walked over; several for a `zip`, ranges last."""
        if not depth:
            return [Place(node, frame)]
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            if name in _WRAPPERS and node.args:
                return self.over(node.args[0], frame, depth - 1)
            if name in ("zip", "zip_longest") and node.args:
                found = [p for a in node.args for p in self.over(a, frame, depth - 1)]
                return sorted(
                    found, key=lambda p: is_range(p.node) or last_name(getattr(p.node, "func", p.node)) == "count"
                )
            if is_range(node) or self.program.qualified(node.func):
                return [Place(node, frame)]
            return self._generator(node, frame)
        if isinstance(node, (ast.Name, ast.Attribute)) and self.program.qualified(node) is None:
            try:
                places = self._one_step(node, frame)
            except Lost:
                return [Place(node, frame)]
            if len(places) == 1 and not places[0].path and places[0].node is not node:
                return self.over(places[0].node, places[0].frame, depth - 1)
        return self._made(node, frame)

    def _generator(self, call: ast.Call, frame: Frame | None) -> list[Place]:
        """A call of a function of the file: what it returns, itself where it yields."""
        function = self.flow.callee(call)
        yields = function is not None and any(
            isinstance(n, (ast.Yield, ast.YieldFrom)) for n in self.program.below(function)
        )
        return [Place(call, frame)] if yields else self._made(call, frame)

    def _made(self, node: ast.expr, frame: Frame | None) -> list[Place]:
        try:
            calls = [p for p in self.objects.made(node, frame) if isinstance(p.node, ast.Call) and not p.path]
        except Lost:
            return [Place(node, frame)]
        return calls[:1] if len({ast.dump(p.node) for p in calls}) == 1 else [Place(node, frame)]

    def _one_step(self, node: ast.Name | ast.Attribute, frame: Frame | None) -> list[Place]:
        if isinstance(node, ast.Name):
            places = self.flow.definitions(node, frame)
            return places[:1] if len({ast.dump(p.node) for p in places}) == 1 else places
        owner = self.flow.own_class(node.value)
        return self.flow.attributes(owner, node.attr, frame) if owner else []

    def turns(self, loop: Looping) -> Any:
        """Return how often a loop over a range turns, Missing where that is not known."""
        if isinstance(loop, ast.While):
            return Missing("a while loop has no count")
        place = self.over(loop.iter)[0]
        call = place.node
        if not isinstance(call, ast.Call) or not is_range(call):
            return Missing("the loop does not count")
        try:
            return len(range(*[self.values.of(a, place.frame) for a in call.args]))
        except Lost as lost:
            return Missing(lost.why)
        except (TypeError, ValueError, OverflowError):
            return Missing("the loop does not count")

    def rows(self, node: ast.expr, frame: Frame | None) -> int | None:
        """Return how many rows `len(x)`, a name for it, or a number stands for."""
        value = self.values.maybe(node, None, frame)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def batches_of(rows: int | None, size: Any) -> tuple[Any, Any]:
    """Return the size of a batch and the number of batches of `rows` samples cut into `size`."""
    if isinstance(rows, int) and isinstance(size, int) and rows > 0:
        return min(size, rows), math.ceil(rows / size)
    return size, Missing("the size of the data is not known")

"""Batches drawn one by one: `torch.randint(0, n, (size,))`, `next(iter(loader))`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..facts import Missing
from .effects import Effects
from .flow import Lost
from .loaders import Loaders, is_loader
from .program import last_name
from .walks import Walks

_DRAWS = {"torch.randint": 2, "numpy.random.choice": 1, "numpy.random.randint": 2, "random.sample": 1}
"""Where each function takes the number of draws."""


class Drawn:
    """Finds how a turn of the loop draws its batch."""

    def __init__(self, walks: Walks, loaders: Loaders, effects: Effects) -> None:
        self.walks, self.loaders, self.effects = walks, loaders, effects
        self.program, self.values = walks.program, walks.values

    def read(self, cycle: Sequence[ast.AST]) -> tuple[Any, Any] | None:
        """Return batch size and shuffling; None where nothing is drawn."""
        for node, _ in self.effects.runs(cycle):
            if not isinstance(node, ast.Call):
                continue
            if last_name(node.func) == "next" and node.args:
                for place in self.walks.over(node.args[0]):
                    if isinstance(place.node, ast.Call) and is_loader(place.node):
                        return self.loaders.read(place.node, place.frame)
            dotted = self.program.qualified(node.func) or ""
            if dotted in _DRAWS:
                return self._size(node, dotted), True
        return None

    def _size(self, call: ast.Call, dotted: str) -> Any:
        given = {k.arg: k.value for k in call.keywords}
        at = _DRAWS[dotted]
        if dotted == "torch.randint" and len(call.args) == 2:
            at = 1
        node = given.get("size") or given.get("k") or (call.args[at] if len(call.args) > at else None)
        try:
            value = self.values.of(node)
        except Lost as lost:
            return Missing(lost.why)
        if isinstance(value, (tuple, list)) and len(value) == 1:
            value = value[0]
        good = isinstance(value, int) and not isinstance(value, bool)
        return value if good else Missing("the size of the drawn batch is not known")

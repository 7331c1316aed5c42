"""Where what a model says is compared with 0.5 or rounded, and whether a sigmoid stands in between."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from ..facts import Threshold
from .flow import Lost
from .objects import Objects
from .program import last_name

_HALF = 0.5
_HANDED_ON = frozenset(
    {"squeeze", "view", "reshape", "flatten", "cpu", "detach", "numpy", "float", "double", "contiguous", "to", "t",
     "unsqueeze", "clone", "cuda"}
)  # fmt: skip
"""Methods that hand values on unchanged."""
_DEPTH = 8


def read_thresholds(objects: Objects) -> tuple[Threshold, ...]:
    """Return every place where the plain output of a model is compared with 0.5 or rounded."""
    return tuple(Thresholds(objects).read())


class Thresholds:
    """Finds the places of one file."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self.program, self.flow = objects, objects.program, objects.flow

    def read(self) -> Iterator[Threshold]:
        """Yield the places in the order of the source."""
        for node in self.program.scope:
            found = self._halved(node) if isinstance(node, ast.Compare) else None
            if isinstance(node, ast.Call):
                rounded = self._rounded(node)
                found = self._made("round", node, rounded, rounded if rounded in node.args else None)
            if found is not None:
                yield found

    def _halved(self, node: ast.Compare) -> Threshold | None:
        half = node.comparators[0]
        if len(node.ops) > 1 or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)) or not _is_half(half):
            return None
        return self._made("half", node, node.left, half)

    def _made(
        self, kind: Literal["half", "round"], node: ast.expr, told: ast.expr | None, half: ast.expr | None = None
    ) -> Threshold | None:
        model = self._says(told) if told is not None else None
        if model is None:
            return None
        value = self.program.span(half) if half is not None else None
        return Threshold(kind=kind, span=self.program.span(node), value=value, model=model)

    def _rounded(self, call: ast.Call) -> ast.expr | None:
        """Return what `torch.round(x)` or `x.round()` rounds to whole numbers."""
        if self.program.qualified(call.func) == "torch.round" and len(call.args) == 1 and not call.keywords:
            return call.args[0]
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr == "round" and not call.args and not call.keywords:
            return func.value if self.program.qualified(func) is None else None
        return None

    def _says(self, node: ast.expr, depth: int = 0) -> str | None:
        """Return the model whose plain output an expression is; None for anything else, or where that is not sure."""
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.Name):
            try:
                places = self.flow.definitions(node)
            except Lost:
                return None
            found = {
                self._says(p.node, depth + 1) if isinstance(p.node, ast.expr) and not p.path else None for p in places
            }
            return found.pop() if len(found) == 1 else None
        if isinstance(node, ast.Subscript):
            return self._says(node.value, depth + 1)
        if not isinstance(node, ast.Call):
            return None
        if isinstance(node.func, ast.Attribute) and node.func.attr in _HANDED_ON:
            return self._says(node.func.value, depth + 1)
        if last_name(node.func) in ("squeeze", "flatten") and self.program.qualified(node.func) and node.args:
            return self._says(node.args[0], depth + 1)
        if self.program.qualified(node.func) is None and self.objects.is_model(node.func):
            return ast.unparse(node.func)
        return None


def _is_half(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == _HALF

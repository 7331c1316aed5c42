"""How many rows a tensor or array has, where the source shows it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .flow import Frame, Lost
from .program import last_name

if TYPE_CHECKING:
    from .values import Values

_FROM_DATA = frozenset(
    {"torch.tensor", "torch.as_tensor", "torch.FloatTensor", "torch.LongTensor", "torch.Tensor", "torch.from_numpy",
     "numpy.array", "numpy.asarray", "list", "tuple"}
)  # fmt: skip
_FROM_SHAPE = frozenset(
    {"torch.randn", "torch.rand", "torch.zeros", "torch.ones", "torch.empty", "torch.randperm", "torch.eye",
     "numpy.zeros", "numpy.ones", "numpy.empty", "numpy.random.rand", "numpy.random.randn", "numpy.eye",
     "numpy.random.permutation", "torch.full", "numpy.full"}
)  # fmt: skip
_SPACED = frozenset({"torch.linspace", "numpy.linspace"})
_SAME_ROWS = frozenset(
    {"float", "double", "long", "int", "to", "cuda", "cpu", "clone", "type", "astype", "requires_grad_", "contiguous",
     "half", "bool", "detach", "numpy"}
)  # fmt: skip


class Sizes:
    """Lengths of literals and leading dimensions of tensors whose making the source shows."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def length(self, node: ast.expr, frame: Frame | None) -> int:
        """Return `len(node)`. Raises Lost."""
        value = self.values.maybe(node, None, frame)
        if isinstance(value, (list, tuple, str, bytes, range)):
            return len(value)
        return self.rows(node, frame)

    def rows(self, node: ast.expr, frame: Frame | None = None, depth: int = 12) -> int:
        """Return the size of the first dimension. Raises Lost."""
        if depth and isinstance(node, ast.Name):
            places = self.values.flow.definitions(node, frame)
            if len(places) == 1 and not places[0].path and node.id not in self.values.program.changed:
                return self.rows(places[0].node, places[0].frame, depth - 1)
        if isinstance(node, (ast.List, ast.Tuple)) and not any(isinstance(e, ast.Starred) for e in node.elts):
            return len(node.elts)
        if depth and isinstance(node, ast.Call):
            return self._made(node, frame, depth - 1)
        raise Lost("the number of rows is not to be seen in the source")

    def _made(self, call: ast.Call, frame: Frame | None, depth: int) -> int:
        dotted = self.values.program.qualified(call.func)
        if dotted in _FROM_DATA and call.args:
            return self.rows(call.args[0], frame, depth)
        if dotted in _FROM_SHAPE and call.args:
            return _first(self.values.of(call.args[0], frame))
        if dotted in _SPACED and len(call.args) > 2:
            return _first(self.values.of(call.args[2], frame))
        if dotted is None and isinstance(call.func, ast.Attribute):
            name = last_name(call.func)
            if name in _SAME_ROWS:
                return self.rows(call.func.value, frame, depth)
            if name == "unsqueeze" and len(call.args) == 1:
                at = self.values.of(call.args[0], frame)
                return 1 if at == 0 else self.rows(call.func.value, frame, depth) if at == 1 else _unknown()
        return _unknown()


def _first(value: Any) -> int:
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    return first if isinstance(first, int) and not isinstance(first, bool) else _unknown()


def _unknown() -> int:
    raise Lost("the number of rows is not to be seen in the source")

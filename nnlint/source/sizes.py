"""How many rows a tensor or array has, where the source shows it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .data_sets import DataSets
from .flow import Frame, Lost, Place
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
_SAME_SHAPE = frozenset(
    f"{owner}.{name}"
    for owner in ("torch", "numpy")
    for name in ("sin", "cos", "exp", "abs", "tanh", "sqrt", "log", "clip", "zeros_like", "ones_like", "randn_like")
)
_STATISTICS = frozenset({"mean", "std", "var", "min", "max", "amin", "amax", "median"})
_SPLITS = ("train_test_split", "random_split")
_SAME_ROWS = frozenset(
    {"float", "double", "long", "int", "to", "cuda", "cpu", "clone", "type", "astype", "requires_grad_", "contiguous",
     "half", "bool", "detach", "numpy", "to_numpy", "copy", "sin", "cos", "exp", "abs", "pow", "tanh"}
)  # fmt: skip


class Sizes:
    """Lengths of literals and leading dimensions of tensors, data sets and loaders whose making the source shows."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.data_sets = DataSets(self)

    def length(self, node: ast.expr, frame: Frame | None) -> int:
        """Return `len(node)`. Raises Lost."""
        value = self.values.maybe(node, None, frame)
        if isinstance(value, (list, tuple, str, bytes, range)):
            return len(value)
        return self.rows(node, frame)

    def rows(self, node: ast.expr, frame: Frame | None = None, depth: int = 16) -> int:
        """Return the size of the first dimension, or what `len` says of a data set or loader. Raises Lost."""
        if not depth:
            return _unknown()
        match node:
            case ast.Name() | ast.Attribute():
                return self._named(node, frame, depth - 1)
            case ast.List(elts=elts) | ast.Tuple(elts=elts) if not any(isinstance(e, ast.Starred) for e in elts):
                return len(elts)
            case ast.Call():
                return self._made(node, frame, depth - 1)
            case ast.BinOp(left=left, op=ast.MatMult()):
                return self.rows(left, frame, depth - 1)
            case ast.BinOp(left=left, right=right):
                return self._joined(left, right, frame, depth - 1)
            case ast.UnaryOp(operand=operand):
                return self.rows(operand, frame, depth - 1)
            case ast.Subscript():
                return self._cut(node, frame, depth - 1)
        return _unknown()

    def at(self, place: Place, depth: int) -> int:
        """Return the rows of what a place stands for, the element of it that is meant. Raises Lost."""
        node = place.node
        if not place.path:
            return self.rows(node, place.frame, depth)
        if isinstance(node, (ast.Tuple, ast.List)) and place.path[0] < len(node.elts):
            return self.at(Place(node.elts[place.path[0]], place.frame, place.path[1:]), depth)
        if len(place.path) == 1 and isinstance(node, ast.Call):
            if last_name(node.func) in _SPLITS:
                return self.data_sets.part(node, place.path[0], place.frame, depth)
            rows = self.data_sets.known(node, place.frame)
            if rows is not None:
                return rows
        return _unknown()

    def _named(self, node: ast.Name | ast.Attribute, frame: Frame | None, depth: int) -> int:
        if isinstance(node, ast.Attribute):
            if node.attr in ("data", "target", "images", "values", "dataset"):
                if node.attr == "dataset":
                    return self.data_sets.behind_loader(node.value, frame, depth)
                return self.rows(node.value, frame, depth)
            owner = self.values.flow.own_class(node.value)
            places = self.values.flow.attributes(owner, node.attr, frame) if owner is not None else []
        else:
            places = self.values.flow.definitions(node, frame)
            if node.id in self.values.program.changed and not self._keeps_length(node):
                return _unknown()
        return self.at(places[0], depth) if len(places) == 1 else _unknown()

    def _keeps_length(self, name: ast.Name) -> bool:
        """Items that are set (`x[:, 1] = 0`) leave a tensor's length alone; a list's methods do not."""
        return name.id not in self.values.program.updated

    def _joined(self, left: ast.expr, right: ast.expr, frame: Frame | None, depth: int) -> int:
        plain = [isinstance(self.values.maybe(s, None, frame), (int, float)) for s in (left, right)]
        arrays = [s for s, number in zip((left, right), plain) if not number and not self._is_statistic(s, frame)]
        found = [self.rows(side, frame, depth) for side in arrays]
        return found[0] if found and len(set(found)) == 1 else _unknown()

    def _is_statistic(self, node: ast.expr, frame: Frame | None, depth: int = 4) -> bool:
        """Return whether an expression is a mean, a spread or the like: it is spread over all rows."""
        if isinstance(node, ast.BinOp):
            return all(self._is_statistic(s, frame) or isinstance(s, ast.Constant) for s in (node.left, node.right))
        if isinstance(node, ast.Call):
            inner = node.func.value if isinstance(node.func, ast.Attribute) else None
            name = last_name(node.func)
            cut = name in ("clamp", "clamp_min") and inner is not None
            return name in _STATISTICS or (cut and inner is not None and self._is_statistic(inner, frame))
        if depth and isinstance(node, ast.Name):
            places = self.values.flow.definitions(node, frame)
            if len(places) == 1 and isinstance(places[0].node, ast.Tuple) and len(places[0].path) == 1:
                return self._is_statistic(places[0].node.elts[places[0].path[0]], places[0].frame, depth - 1)
            plain = len(places) == 1 and not places[0].path
            return plain and self._is_statistic(places[0].node, places[0].frame, depth - 1)
        return False

    def _cut(self, node: ast.Subscript, frame: Frame | None, depth: int) -> int:
        index = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if isinstance(index, ast.Slice):
            bounds = [
                self.values.of(b, frame) if b is not None else None for b in (index.lower, index.upper, index.step)
            ]
            return len(range(self.rows(node.value, frame, depth))[slice(*bounds)])
        if isinstance(index, ast.Constant) and index.value in ("data", "target", "images"):
            return self.rows(node.value, frame, depth)
        if isinstance(index, ast.Name) and self._is_order(index, frame):
            return self.rows(index, frame, depth)
        return _unknown()

    def _is_order(self, name: ast.Name, frame: Frame | None) -> bool:
        """Return whether a name holds positions (a permutation or a part of one), not a mask."""
        for place in self.values.flow.definitions(name, frame):
            node: ast.AST = place.node
            while isinstance(node, ast.Subscript):
                node = node.value
            if isinstance(node, ast.Name) and node.id != name.id:
                return self._is_order(node, place.frame)
            if not isinstance(node, ast.Call) or last_name(node.func) not in ("randperm", "permutation", "arange"):
                return False
        return True

    def _made(self, call: ast.Call, frame: Frame | None, depth: int) -> int:
        dotted = self.values.program.qualified(call.func)
        if (dotted in _FROM_DATA or dotted in _SAME_SHAPE) and call.args:
            return self.rows(call.args[0], frame, depth)
        if dotted in _FROM_SHAPE and call.args:
            return _first(self.values.of(call.args[0], frame))
        if dotted in _SPACED and len(call.args) > 2:
            return _first(self.values.of(call.args[2], frame))
        if dotted == "torch.arange" and call.args and not call.keywords:
            return len(range(*[self.values.of(a, frame) for a in call.args]))
        if dotted is None and isinstance(call.func, ast.Attribute):
            name = last_name(call.func)
            if name in _SAME_ROWS:
                return self.rows(call.func.value, frame, depth)
            if name in ("fit_transform", "transform") and call.args:
                return self.rows(call.args[0], frame, depth)
            if name == "unsqueeze" and len(call.args) == 1:
                at = self.values.of(call.args[0], frame)
                return 1 if at == 0 else self.rows(call.func.value, frame, depth) if at == 1 else _unknown()
        return self.data_sets.made(call, frame, depth)


def _first(value: Any) -> int:
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    return first if isinstance(first, int) and not isinstance(first, bool) else _unknown()


def _unknown() -> int:
    raise Lost("the number of rows is not to be seen in the source")

"""Rewrite a construction so that it can be evaluated where only the module's top level is known."""

from __future__ import annotations

import ast
import copy
from typing import Any

from .flow import Frame, Lost
from .modules import MOVES, Modules, is_torch_model
from .scopes import COMPREHENSIONS, FUNCTIONS, Binding, Scope

_PLAIN = (int, float, str, bool, bytes, type(None))
_HARMLESS = frozenset(
    {"len", "range", "int", "float", "list", "tuple", "dict", "set", "max", "min", "sum", "zip", "sorted", "enumerate",
     "collections.OrderedDict", "functools.partial", "argparse.Namespace", "types.SimpleNamespace"}
)  # fmt: skip
_DEPTH = 25
_LONGEST = 5000
"""Nodes of an expression: what is longer is generated."""


class Portable:
    """Puts constants in the place of local names: `Net(sizes)` in `main()` becomes `Net([784, 30, 10])`."""

    def __init__(self, modules: Modules, guards: tuple[ast.If, ...]) -> None:
        self.modules = modules
        self.values = modules.values
        self.program = modules.program
        self.guards = guards

    def expression(self, node: ast.expr) -> str:
        """Return one line that makes the same model at module level. Raises Lost where a part is not known."""
        while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MOVES:
            node = node.func.value
        if sum(1 for _ in ast.walk(node)) > _LONGEST:
            raise Lost("it is too long")
        try:
            return ast.unparse(self._rewrite(node, None, frozenset(), _DEPTH))
        except RecursionError as error:
            raise Lost("it is nested too deeply") from error

    def _rewrite(self, node: Any, frame: Frame | None, bound: frozenset[str], depth: int) -> Any:
        if not depth:
            raise Lost("it is nested too deeply")
        if isinstance(node, ast.Constant):
            return node
        if isinstance(node, (ast.Name, ast.Attribute, ast.BinOp, ast.Subscript, ast.IfExp, ast.BoolOp)) or (
            isinstance(node, ast.Call) and not self.modules.makes(node)
        ):
            literal = _literal(self.values.maybe(node, node, frame), node)
            if literal is not None:
                return literal
        if isinstance(node, ast.Name):
            return self._name(node, frame, bound, depth)
        if isinstance(node, ast.Attribute) and self.program.qualified(node) is None:
            raise Lost(f"`{ast.unparse(node)}` is known only when the program runs")
        if isinstance(node, ast.Call):
            self._check_callee(node, bound)
        if isinstance(node, (*COMPREHENSIONS, ast.Lambda)):
            bound |= frozenset(self.program.inside[node].bindings)
        result = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(result, name, [self._child(v, frame, bound, depth) for v in value])
            else:
                setattr(result, name, self._child(value, frame, bound, depth))
        return result

    def _child(self, value: Any, frame: Frame | None, bound: frozenset[str], depth: int) -> Any:
        if isinstance(value, (ast.expr, ast.keyword, ast.comprehension)):
            return self._rewrite(value, frame, bound, depth - 1)
        return value

    def _name(self, node: ast.Name, frame: Frame | None, bound: frozenset[str], depth: int) -> ast.expr:
        if node.id in bound or isinstance(node.ctx, ast.Store):
            return node
        found = self.program.scope[node].lookup(node.id) if node in self.program.scope else None
        if found is None:
            if self.program.qualified(node) is None:
                raise Lost(f"`{node.id}` is not defined")
            return node
        if self.stands_at_import(*found):
            return node
        places = self.values.flow.definitions(node, frame)
        if len(places) != 1 or places[0].path or node.id in self.program.changed:
            raise Lost(f"`{node.id}` is known only when the program runs")
        return self._rewrite(places[0].node, places[0].frame, frozenset(), depth - 1)  # type: ignore[no-any-return]

    def stands_at_import(self, scope: Scope, bindings: list[Binding]) -> bool:
        """Return whether a name is there once the module has been imported."""
        if scope.parent is not None:
            return False
        return any(not any(self.program.within(b.node, g) for g in self.guards) for b in bindings)

    def _check_callee(self, call: ast.Call, bound: frozenset[str]) -> None:
        """Refuse calls that may load data or train."""
        dotted = self.program.qualified(call.func)
        definition = self.program.definition(call.func)
        if isinstance(definition, ast.ClassDef) or self.modules.makes(call):
            return
        if isinstance(definition, FUNCTIONS):
            raise Lost(f"`{definition.name}()` is known only when the program runs")
        known = dotted is not None and (
            dotted in _HARMLESS or dotted.startswith("torch.nn.") or is_torch_model(dotted)
            or dotted.rpartition(".")[2][:1].isupper()
        )  # fmt: skip
        called_name = isinstance(call.func, ast.Name) and call.func.id in bound
        if not known and not called_name:
            raise Lost(f"`{ast.unparse(call.func)[:40]}()` is known only when the program runs")


def _literal(value: Any, default: ast.expr) -> ast.expr | None:
    """Return the expression of a plain value; None where it is none."""
    if value is default:
        return None
    if isinstance(value, _PLAIN):
        negative = isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0
        return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if negative else ast.Constant(value)  # type: ignore[operator]
    if isinstance(value, (list, tuple)) and len(value) <= 100:
        items = [_literal(v, default) for v in value]
        if all(i is not None for i in items):
            kind = ast.List if isinstance(value, list) else ast.Tuple
            return kind([i for i in items if i is not None], ast.Load())
    return None

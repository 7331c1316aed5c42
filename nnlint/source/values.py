"""A small evaluator: the constants that a program holds, without running it. Raises Lost rather than guess."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from .arithmetic import BINARY, CALLABLE, COMPARE, CONSTANTS, UNARY, binary, checked, plain
from .flow import Flow, Frame, Lost, Place
from .members import Members, ParsedArguments, Record, Table
from .program import Program, last_name
from .scopes import FUNCTIONS
from .sizes import Sizes

_DEPTH = 40
_RECORDS = frozenset({"SimpleNamespace", "Namespace", "EasyDict", "AttrDict", "Munch", "Box", "DotMap", "edict"})


class Values:
    """Evaluates expressions of one file."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.flow = Flow(program)
        self.flow.is_live = self._is_live
        self.sizes = Sizes(self)
        self.members = Members(self)
        self._active: set[tuple[int, int]] = set()
        self._known: dict[tuple[int, Frame | None], Any] = {}

    def of(self, node: ast.AST | None, frame: Frame | None = None) -> Any:
        """Return the value of an expression: a plain constant or container. Raises Lost."""
        if node is None:
            raise Lost("not given")
        if isinstance(node, ast.Constant) and not isinstance(node.value, (complex, type(...))):
            return node.value
        key = (id(node), frame)
        if key not in self._known:
            self._known[key] = self._guarded(node, frame)
        if isinstance(self._known[key], Lost):
            raise Lost(self._known[key].why)
        return self._known[key]

    def _guarded(self, node: ast.AST, frame: Frame | None) -> Any:
        active = (id(node), id(frame))
        if active in self._active or len(self._active) > _DEPTH:
            raise Lost("it depends on itself")
        self._active.add(active)
        try:
            return checked(self._evaluate(node, frame))
        except Lost as lost:
            return lost
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError):
            return Lost("it cannot be computed")
        finally:
            self._active.discard(active)

    def maybe(self, node: ast.AST | None, default: Any, frame: Frame | None = None) -> Any:
        """Return the value of an expression, or `default` where it is not known."""
        try:
            return self.of(node, frame)
        except Lost:
            return default

    def _evaluate(self, node: ast.AST, frame: Frame | None) -> Any:
        match node:
            case ast.Name():
                return self._name(node, frame)
            case ast.Attribute():
                return self._attribute(node, frame)
            case ast.Subscript():
                return self._subscript(node, frame)
            case ast.Call():
                return self._call(node, frame)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                return binary(op, self.of(left, frame), self.of(right, frame))
            case ast.UnaryOp(op=op, operand=operand):
                return UNARY[type(op)](plain(self.of(operand, frame)))
            case ast.Tuple(elts=elts):
                return tuple(self._items(elts, frame))
            case ast.List(elts=elts):
                return self._items(elts, frame)
            case ast.Dict():
                return Table(node, frame)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.of(body if self._truth(test, frame) else orelse, frame)
            case ast.BoolOp(op=op, values=values):
                return self._either(op, values, frame)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(left, ops, others, frame)
            case ast.NamedExpr(value=value):
                return self.of(value, frame)
        raise Lost("it is computed when the program runs")

    def _items(self, elts: Sequence[ast.expr], frame: Frame | None) -> list[Any]:
        found: list[Any] = []
        for item in elts:
            if isinstance(item, ast.Starred):
                found.extend(self.of(item.value, frame))
            else:
                found.append(self.of(item, frame))
        return found

    def _truth(self, test: ast.expr, frame: Frame | None) -> bool:
        value = self.of(test, frame)
        if isinstance(value, (ParsedArguments, Table, Record)):
            raise Lost("its truth is not known")
        return bool(value)

    def _either(self, op: ast.boolop, values: Sequence[ast.expr], frame: Frame | None) -> Any:
        for one in values[:-1]:
            if self._truth(one, frame) is isinstance(op, ast.Or):
                return self.of(one, frame)
        return self.of(values[-1], frame)

    def _compare(
        self, left: ast.expr, ops: Sequence[ast.cmpop], others: Sequence[ast.expr], frame: Frame | None
    ) -> bool:
        value = plain(self.of(left, frame))
        for op, node in zip(ops, others, strict=True):
            other = plain(self.of(node, frame))
            if not COMPARE[type(op)](value, other):
                return False
            value = other
        return True

    def _name(self, node: ast.Name, frame: Frame | None) -> Any:
        definition = self.program.definition(node)
        if isinstance(definition, ast.ClassDef):
            return Record(definition)
        places = self.flow.definitions(node, frame)
        value = self.agreed(places, node.id)
        touched = self.program.updated if isinstance(value, Table) else self.program.changed
        if isinstance(value, (list, Table)) and node.id in touched:
            raise Lost(f"`{node.id}` is changed after it is made")
        return value

    def agreed(self, places: Sequence[Place], name: str) -> Any:
        """Return the value that all places give."""
        if not places:
            raise Lost(f"`{name}` is never set")
        first = self.place(places[0])
        for other in places[1:]:
            value = self.place(other)
            if type(value) is not type(first) or value != first:
                raise Lost(f"`{name}` has several values")
        return first

    def place(self, place: Place) -> Any:
        """Return the value at a place, the element of it that is meant."""
        node, path = place.node, place.path
        while path and isinstance(node, (ast.Tuple, ast.List)) and path[0] < len(node.elts):
            node, path = node.elts[path[0]], path[1:]
        if path and isinstance(node, ast.Call) and last_name(node.func) == "parse_known_args" and path == (0,):
            return ParsedArguments()
        value = self.of(node, place.frame)
        for index in path:
            value = value[index] if isinstance(value, (list, tuple)) else self._lost("an element of it is not known")
        return value

    def _lost(self, why: str) -> Any:
        raise Lost(why)

    def _attribute(self, node: ast.Attribute, frame: Frame | None) -> Any:
        dotted = self.program.qualified(node)
        if dotted in CONSTANTS:
            return CONSTANTS[dotted]
        if dotted is not None:
            raise Lost(f"`{dotted}` comes from another module")
        owner = self.flow.own_class(node.value)
        if owner is not None:
            return self.agreed(self.flow.attributes(owner, node.attr, frame), f"self.{node.attr}")
        if isinstance(node.value, ast.Attribute) and node.value.attr == "hparams":
            return self._hyperparameter(node.value.value, node.attr)
        if node.attr == "shape":
            raise Lost("a shape is known when the program runs")
        return self.members.attribute(self.of(node.value, frame), node.attr)

    def _hyperparameter(self, holder: ast.expr, name: str) -> Any:
        """Return what Lightning's `save_hyperparameters()` keeps: an argument of the constructor."""
        owner = self.flow.own_class(holder)
        init = self.flow.method_of(owner, "__init__") if owner is not None else None
        if init is None:
            raise Lost(f"`hparams.{name}` is known only when the program runs")
        return self.agreed(self.flow.parameter(init, name), name)

    def _subscript(self, node: ast.Subscript, frame: Frame | None) -> Any:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape" and self.maybe(node.slice, None) == 0:
            return self.sizes.rows(node.value.value, frame)
        if isinstance(node.slice, ast.Slice):
            parts = [self.of(p, frame) if p is not None else None
                     for p in (node.slice.lower, node.slice.upper, node.slice.step)]  # fmt: skip
            return plain(self.of(node.value, frame))[slice(*parts)]
        key = self.of(node.slice, frame)
        value = self.of(node.value, frame)
        if isinstance(value, ParsedArguments):
            return self.members.option(key)
        return self.members.value_at(value, key) if isinstance(value, Table) else plain(value)[key]

    def _call(self, node: ast.Call, frame: Frame | None) -> Any:
        dotted = self.program.qualified(node.func)
        name = last_name(node.func)
        if dotted == "len" and len(node.args) == 1:
            return self.sizes.length(node.args[0], frame)
        if dotted in CALLABLE and not node.keywords:
            return CALLABLE[dotted](*[plain(v) for v in self._items(node.args, frame)])
        if dotted in ("os.environ.get", "os.getenv"):
            return self.of(node.args[1], frame) if len(node.args) == 2 else self._lost("an environment variable")
        if dotted == "vars" and len(node.args) == 1:
            return self.of(node.args[0], frame)
        if name in ("parse_args", "parse_intermixed_args"):
            return ParsedArguments()
        if (dotted == "dict" or name in _RECORDS) and not node.args:
            return Table(node, frame)
        if name in _RECORDS and len(node.args) == 1 and not node.keywords:
            return self.of(node.args[0], frame)
        if name == "size" and isinstance(node.func, ast.Attribute) and self.maybe(node.args[0], None) == 0:
            return self.sizes.rows(node.func.value, frame)
        return self._local_call(node, frame)

    def _local_call(self, node: ast.Call, frame: Frame | None) -> Any:
        definition = self.program.definition(node.func)
        if isinstance(definition, ast.ClassDef):
            return Record(definition, node, frame)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            table = self.of(node.func.value, frame)
            if isinstance(table, Table):
                return self.members.value_at(table, self.of(node.args[0], frame))
        if isinstance(definition, FUNCTIONS) and (frame is None or frame.depth < 6):
            if definition.decorator_list or isinstance(definition, ast.AsyncFunctionDef):
                raise Lost(f"`{definition.name}` is decorated")
            inner = Frame(definition, node, frame)
            results = self.flow.returned(definition)
            if len(results) == 1 and isinstance(definition.body[-1], ast.Return):
                return self.of(results[0], inner)
        raise Lost(f"`{ast.unparse(node.func)[:40]}(...)` is computed when the program runs")

    def _is_live(self, node: ast.AST, frame: Frame | None) -> bool:
        """Return False for a statement in a branch that the known constants never take."""
        inner = node
        for outer in self.program.ancestors(node):
            if isinstance(outer, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
                break
            if isinstance(outer, ast.If) and inner is not outer.test:
                taken = self.maybe(outer.test, None, frame)
                if isinstance(taken, (bool, int, str, float)) and bool(taken) is not (inner in outer.body):
                    return False
            inner = outer
        return True

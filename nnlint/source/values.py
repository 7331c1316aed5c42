"""A small evaluator: the constants that a program holds, without running it. Raises Lost rather than guess."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .flow import Flow, Frame, Lost, Place
from .options import argparse_option
from .program import Program, last_name
from .scopes import FUNCTIONS
from .sizes import Sizes

_DEPTH = 40
_LARGEST = 10**18
_LONGEST = 10_000

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int, "float": float, "bool": bool, "str": str, "min": min, "max": max, "abs": abs, "round": round,
    "sum": sum, "tuple": tuple, "list": list, "range": range, "sorted": sorted, "math.sqrt": math.sqrt,
    "math.log": math.log, "math.log2": math.log2, "math.log10": math.log10, "math.ceil": math.ceil,
    "math.floor": math.floor, "math.exp": math.exp, "math.prod": math.prod, "numpy.prod": math.prod,
    "numpy.sqrt": math.sqrt, "numpy.log": math.log, "numpy.ceil": math.ceil, "numpy.log2": math.log2,
}  # fmt: skip
_CONSTANTS = {"math.pi": math.pi, "math.e": math.e, "numpy.pi": math.pi, "math.inf": math.inf, "torch.pi": math.pi}
_CONVERSIONS = {"int": int, "float": float, "str": str}
_RECORDS = frozenset({"SimpleNamespace", "Namespace", "EasyDict", "AttrDict", "Munch", "Box", "DotMap", "edict"})


@dataclass(frozen=True)
class Arguments:
    """What `parse_args()` returns."""


@dataclass(frozen=True)
class Table:
    """A dictionary whose values are looked at only when asked for."""

    node: ast.Dict | ast.Call
    frame: Frame | None


@dataclass(frozen=True)
class Record:
    """A class of this file, or an instance of one (`call`), of which attributes are read."""

    owner: ast.ClassDef
    call: ast.Call | None = None
    frame: Frame | None = None


class Values:
    """Evaluates expressions of one file."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.flow = Flow(program)
        self.flow.is_live = self._is_live
        self.sizes = Sizes(self)
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
            return _checked(self._evaluate(node, frame))
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
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _binary(op, self.of(left, frame), self.of(right, frame))
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](_plain(self.of(operand, frame)))
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
        if isinstance(value, (Arguments, Table, Record)):
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
        value = _plain(self.of(left, frame))
        for op, node in zip(ops, others, strict=True):
            other = _plain(self.of(node, frame))
            if not _COMPARE[type(op)](value, other):
                return False
            value = other
        return True

    def _name(self, node: ast.Name, frame: Frame | None) -> Any:
        definition = self.program.definition(node)
        if isinstance(definition, ast.ClassDef):
            return Record(definition)
        places = self.flow.definitions(node, frame)
        value = self._agreed(places, node.id)
        touched = self.program.updated if isinstance(value, Table) else self.program.changed
        if isinstance(value, (list, Table)) and node.id in touched:
            raise Lost(f"`{node.id}` is changed after it is made")
        return value

    def _agreed(self, places: Sequence[Place], name: str) -> Any:
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
            return Arguments()
        value = self.of(node, place.frame)
        for index in path:
            value = value[index] if isinstance(value, (list, tuple)) else self._lost("an element of it is not known")
        return value

    def _lost(self, why: str) -> Any:
        raise Lost(why)

    def _attribute(self, node: ast.Attribute, frame: Frame | None) -> Any:
        dotted = self.program.qualified(node)
        if dotted in _CONSTANTS:
            return _CONSTANTS[dotted]
        if dotted is not None:
            raise Lost(f"`{dotted}` comes from another module")
        owner = self.flow.own_class(node.value)
        if owner is not None:
            return self._agreed(self.flow.attributes(owner, node.attr, frame), f"self.{node.attr}")
        if isinstance(node.value, ast.Attribute) and node.value.attr == "hparams":
            return self._hyperparameter(node.value.value, node.attr)
        if node.attr == "shape":
            raise Lost("a shape is known when the program runs")
        return self._member(self.of(node.value, frame), node.attr)

    def _hyperparameter(self, holder: ast.expr, name: str) -> Any:
        """Return what Lightning's `save_hyperparameters()` keeps: an argument of the constructor."""
        owner = self.flow.own_class(holder)
        init = self.flow.method_of(owner, "__init__") if owner is not None else None
        if init is None:
            raise Lost(f"`hparams.{name}` is known only when the program runs")
        return self._agreed(self.flow.parameter(init, name), name)

    def _member(self, value: Any, name: str) -> Any:
        if isinstance(value, Record):
            return self._field(value, name)
        written = self.program.attribute_writes.get(name)
        if written:
            raise Lost(f"`{name}` is changed at line {written[0].lineno}")
        if isinstance(value, Arguments):
            return self._option(name)
        if isinstance(value, Table):
            return self._entry(value, name)
        raise Lost(f"`{name}` is not known")

    def _option(self, name: str) -> Any:
        option = argparse_option(self.program, name)
        if option is None or option.open:
            raise Lost(option.open if option else f"`{name}` is no option of this file's parsers")
        value = self.of(option.default)
        if isinstance(value, str) and option.type in _CONVERSIONS:
            return _CONVERSIONS[option.type](value)
        return value

    def _field(self, record: Record, name: str) -> Any:
        flow, program = self.flow, self.program
        inner = {id(w) for cls in flow.lineage(record.owner) for w in program.attribute_writes.get(name, ())
                 if flow.own_class(w.value) is cls}  # fmt: skip
        outside = [w for w in program.attribute_writes.get(name, ()) if id(w) not in inner]
        if outside:
            raise Lost(f"`{name}` is changed at line {outside[0].lineno}")
        frame: Frame | None = None
        if record.call is not None:
            init = flow.method_of(record.owner, "__init__")
            if init is None:
                handed = _handed(record, name)
                if handed is not None:
                    return self.of(handed, record.frame)
            else:
                frame = Frame(init, record.call, record.frame)
        places = flow.attributes(record.owner, name, frame)
        return self._agreed([_field_default(p) for p in places], name)

    def _subscript(self, node: ast.Subscript, frame: Frame | None) -> Any:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape" and self.maybe(node.slice, None) == 0:
            return self.sizes.rows(node.value.value, frame)
        if isinstance(node.slice, ast.Slice):
            parts = [self.of(p, frame) if p is not None else None
                     for p in (node.slice.lower, node.slice.upper, node.slice.step)]  # fmt: skip
            return _plain(self.of(node.value, frame))[slice(*parts)]
        key = self.of(node.slice, frame)
        value = self.of(node.value, frame)
        if isinstance(value, Arguments):
            return self._option(key)
        return self._entry(value, key) if isinstance(value, Table) else _plain(value)[key]

    def _entry(self, table: Table, key: Any) -> Any:
        for written in (*self.program.item_writes.get(key, ()), *self.program.item_writes.get(None, ())):
            raise Lost(f"`[{key!r}]` is changed at line {written.lineno}")
        node = self.entry(table, key)
        return self.of(node.node, node.frame)

    def entry(self, table: Table, key: Any) -> Place:
        """Return the expression of a dictionary's value. Raises Lost where the key is not to be seen."""
        node = table.node
        keys = (
            node.keys if isinstance(node, ast.Dict) else [ast.Constant(k.arg) if k.arg else None for k in node.keywords]
        )
        values = node.values if isinstance(node, ast.Dict) else [k.value for k in node.keywords]
        for name, value in zip(reversed(keys), reversed(values), strict=True):
            if name is None:
                inner = self.of(value, table.frame)
                if not isinstance(inner, Table):
                    raise Lost("a dictionary is unpacked that is not known")
                try:
                    return self.entry(inner, key)
                except Lost:
                    continue
            if self.of(name, table.frame) == key:
                return Place(value, table.frame)
        raise Lost(f"no key {key!r} is to be seen")

    def _call(self, node: ast.Call, frame: Frame | None) -> Any:
        dotted = self.program.qualified(node.func)
        name = last_name(node.func)
        if dotted == "len" and len(node.args) == 1:
            return self.sizes.length(node.args[0], frame)
        if dotted in _FUNCTIONS and not node.keywords:
            return _FUNCTIONS[dotted](*[_plain(v) for v in self._items(node.args, frame)])
        if dotted in ("os.environ.get", "os.getenv"):
            return self.of(node.args[1], frame) if len(node.args) == 2 else self._lost("an environment variable")
        if dotted == "vars" and len(node.args) == 1:
            return self.of(node.args[0], frame)
        if name in ("parse_args", "parse_intermixed_args"):
            return Arguments()
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
                return self._entry(table, self.of(node.args[0], frame))
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


def _field_default(place: Place) -> Place:
    node = place.node
    if isinstance(node, ast.Call) and last_name(node.func) == "field":
        for keyword in node.keywords:
            if keyword.arg == "default":
                return Place(keyword.value, place.frame)
            if keyword.arg == "default_factory" and isinstance(keyword.value, ast.Lambda):
                return Place(keyword.value.body, place.frame)
    return place


def _handed(record: Record, name: str) -> ast.expr | None:
    """Return what the construction of a dataclass hands to one of its fields."""
    assert record.call is not None
    if any(k.arg is None for k in record.call.keywords) or any(isinstance(a, ast.Starred) for a in record.call.args):
        raise Lost(f"`{name}` may be among unpacked arguments")
    for keyword in record.call.keywords:
        if keyword.arg == name:
            return keyword.value
    fields = [s.target.id for s in record.owner.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
    at = fields.index(name) if name in fields else len(record.call.args)
    return record.call.args[at] if at < len(record.call.args) else None


def _plain(value: Any) -> Any:
    if isinstance(value, (Arguments, Table, Record)):
        raise Lost("it is no plain value")
    return value


def _binary(op: ast.operator, left: Any, right: Any) -> Any:
    left, right = _plain(left), _plain(right)
    if isinstance(op, ast.Pow) and (abs(right) > 64 or abs(left) > 10**6):
        raise Lost("it is too large")
    if isinstance(op, (ast.LShift, ast.Mult)) and not isinstance(right, float) and not isinstance(left, float):
        if isinstance(op, ast.LShift) and right > 64:
            raise Lost("it is too large")
        if any(isinstance(v, (str, bytes, list, tuple)) for v in (left, right)):
            size = len(left) * right if hasattr(left, "__len__") else left * len(right)
            if size > _LONGEST:
                raise Lost("it is too long")
    return _BINARY[type(op)](left, right)


def _checked(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise Lost("it is too large")
    if isinstance(value, (str, bytes, list, tuple)) and len(value) > _LONGEST:
        raise Lost("it is too long")
    return value

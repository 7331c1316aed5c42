"""What holds values by name: parsed arguments, dictionaries, classes of the file and their instances."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .flow import Frame, Lost, Place
from .options import argparse_option
from .program import last_name

if TYPE_CHECKING:
    from .values import Values

_CONVERSIONS = {"int": int, "float": float, "str": str}


@dataclass(frozen=True)
class ParsedArguments:
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


class Members:
    """Reads attributes and entries."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def attribute(self, value: Any, name: str) -> Any:
        """Return an attribute of what an expression was evaluated to. Raises Lost."""
        if isinstance(value, Record):
            return self._field(value, name)
        written = self.values.program.attribute_writes.get(name)
        if written:
            raise Lost(f"`{name}` is changed at line {written[0].lineno}")
        if isinstance(value, ParsedArguments):
            return self.option(name)
        if isinstance(value, Table):
            return self.value_at(value, name)
        raise Lost(f"`{name}` is not known")

    def option(self, name: str) -> Any:
        """Return what the command line sets where nothing is given. Raises Lost."""
        option = argparse_option(self.values.program, name)
        if option is None or option.open:
            raise Lost(option.open if option else f"`{name}` is no option of this file's parsers")
        value = self.values.of(option.default)
        if isinstance(value, str) and option.type in _CONVERSIONS:
            return _CONVERSIONS[option.type](value)
        return value

    def _field(self, record: Record, name: str) -> Any:
        flow, program = self.values.flow, self.values.program
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
                    return self.values.of(handed, record.frame)
            else:
                frame = Frame(init, record.call, record.frame)
        places = flow.attributes(record.owner, name, frame)
        return self.values.agreed([_field_default(p) for p in places], name)

    def value_at(self, table: Table, key: Any) -> Any:
        """Return the value of a dictionary's key. Raises Lost where it is written to anywhere."""
        for written in (*self.values.program.item_writes.get(key, ()), *self.values.program.item_writes.get(None, ())):
            raise Lost(f"`[{key!r}]` is changed at line {written.lineno}")
        node = self.entry(table, key)
        return self.values.of(node.node, node.frame)

    def entry(self, table: Table, key: Any) -> Place:
        """Return the expression of a dictionary's value. Raises Lost where the key is not to be seen."""
        node = table.node
        keys = (
            node.keys if isinstance(node, ast.Dict) else [ast.Constant(k.arg) if k.arg else None for k in node.keywords]
        )
        values = node.values if isinstance(node, ast.Dict) else [k.value for k in node.keywords]
        for name, value in zip(reversed(keys), reversed(values), strict=True):
            if name is None:
                inner = self.values.of(value, table.frame)
                if not isinstance(inner, Table):
                    raise Lost("a dictionary is unpacked that is not known")
                try:
                    return self.entry(inner, key)
                except Lost:
                    continue
            if self.values.of(name, table.frame) == key:
                return Place(value, table.frame)
        raise Lost(f"no key {key!r} is to be seen")


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

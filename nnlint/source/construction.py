"""Where the attributes of classes are assigned, and by which calls: for objects that nobody saw being built.

Everything is plain data; whether a call is what made an object is decided where the object is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .scopes import FUNCTIONS

Call = dict[str, Any]
"""`name` as written (None where it is not a dotted name), `span`, constant `arguments`, and for containers the calls of
their `items` or the one call `each` of a comprehension."""

_CHANGES = frozenset({"append", "extend", "insert", "pop", "add_module", "register_module", "update", "clear"})
_BY_NAME = frozenset({"setattr", "delattr", "add_module", "register_module"})


def constructions(text: str) -> dict[str, Any]:
    """Return the assignments in a file: for each class those to its own object, and what else may replace a part.

    `classes` maps qualified names to `{attribute: [Call or None, ...]}` (None for anything but a call in `__init__`),
    `others` are attributes assigned on other objects, `indexed` those whose items are changed, `wild` says that an
    attribute is set whose name is not written out. Raises SyntaxError, ValueError or RecursionError.
    """
    found = _File(text.split("\n"))
    found.walk(ast.parse(text), "", None, None)
    return {
        "classes": found.classes,
        "others": sorted(found.others),
        "indexed": sorted(found.indexed),
        "wild": found.wild,
    }


class _File:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.classes: dict[str, dict[str, list[Call | None]]] = {}
        self.others: set[str] = set()
        self.indexed: set[str] = set()
        self.wild = False

    def walk(self, node: ast.AST, prefix: str, cls: str | None, own: tuple[str, bool] | None) -> None:
        """Look at all below a node. `own` is the name of the object in a method, and whether it is `__init__`."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                name = prefix + child.name
                if name in self.classes:
                    self.wild = True  # two classes of one name: which one is meant cannot be told
                self.classes[name] = {}
                self.walk(child, f"{name}.", name, None)
            elif isinstance(child, FUNCTIONS):
                first = (child.args.posonlyargs + child.args.args)[:1]
                method = isinstance(node, ast.ClassDef) and bool(first)
                inside = (first[0].arg, child.name == "__init__" and not child.decorator_list) if method else None
                self.walk(child, f"{prefix}{child.name}.<locals>.", cls if method else None, inside)
            else:
                self._look(child, cls, own)
                self.walk(child, prefix, cls, own)

    def _look(self, node: ast.AST, cls: str | None, own: tuple[str, bool] | None) -> None:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target, value in _pairs(node):
                if isinstance(target, ast.Attribute) and _is_own(target, own) and cls is not None:
                    made = self._call(value) if own is not None and own[1] and isinstance(value, ast.Call) else None
                    self.classes[cls].setdefault(target.attr, []).append(made)
                    target.ctx = ast.Load()  # noted
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if _is_own(node, own) and cls is not None:
                self.classes[cls].setdefault(node.attr, []).append(None)
            else:
                self.others.add(node.attr)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            self._indexed(node.value)
        elif isinstance(node, ast.Call):
            self._changing(node)

    def _indexed(self, value: ast.expr) -> None:
        while isinstance(value, ast.Subscript):
            value = value.value
        if isinstance(value, ast.Attribute):
            self.indexed.add(value.attr)
            self.wild |= value.attr in ("_modules", "__dict__")
        elif isinstance(value, ast.Call):
            self.wild = True  # vars(net)["fc"] = ...

    def _changing(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _CHANGES and isinstance(node.func, ast.Attribute):
            self._indexed(node.func.value)
        if name in _BY_NAME and name != "append":
            at = 1 if isinstance(node.func, ast.Name) else 0
            written = node.args[at] if len(node.args) > at else None
            if isinstance(written, ast.Constant) and isinstance(written.value, str):
                self.others.add(written.value)
            else:
                self.wild = True

    def _call(self, node: ast.Call, depth: int = 0) -> Call:
        plain = not any(isinstance(a, ast.Starred) for a in node.args) and all(k.arg for k in node.keywords)
        given = [*enumerate(node.args), *((k.arg, k.value) for k in node.keywords)] if plain else []
        made: Call = {
            "name": _dotted(node.func),
            "span": self._span(node),
            "arguments": {key: value.value for key, value in given if isinstance(value, ast.Constant)},
        }
        items = node.args
        if len(items) == 1 and isinstance(items[0], ast.Starred):
            items = [items[0].value]
        if len(items) == 1 and isinstance(items[0], (ast.List, ast.Tuple)):
            items = items[0].elts
        if len(items) == 1 and isinstance(items[0], (ast.ListComp, ast.GeneratorExp)):
            element = items[0].elt
            made["each"] = self._call(element, depth + 1) if isinstance(element, ast.Call) else None
        elif depth < 20 and items and all(isinstance(item, ast.Call) for item in items) and not node.keywords:
            made["items"] = [self._call(item, depth + 1) for item in items if isinstance(item, ast.Call)]
        return made

    def _span(self, node: ast.expr) -> dict[str, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return {
            "line": node.lineno, "column": self._column(node.lineno, node.col_offset),
            "end_line": node.end_lineno, "end_column": self._column(node.end_lineno, node.end_col_offset),
        }  # fmt: skip

    def _column(self, line: int, offset: int) -> int:
        """Turn an offset in UTF-8 bytes from 0 into a column in code points from 1."""
        return len(self.lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1


def _pairs(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield each target with the expression that becomes its value; None where that cannot be told."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, (ast.Tuple, ast.List)):
            values = node.value.elts if isinstance(node.value, (ast.Tuple, ast.List)) else []
            known = len(values) == len(target.elts) and not any(
                isinstance(e, ast.Starred) for e in (*values, *target.elts)
            )
            for place, one in enumerate(target.elts):
                yield one, values[place] if known else None
        elif isinstance(node, ast.Assign) or node.value is not None:
            yield target, node.value


def _is_own(node: ast.Attribute, own: tuple[str, bool] | None) -> bool:
    return own is not None and isinstance(node.value, ast.Name) and node.value.id == own[0]


def _dotted(node: ast.expr) -> str | None:
    """Return a dotted name that stands on one line."""
    names: list[str] = []
    last = node.end_lineno
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) and node.lineno == last else None

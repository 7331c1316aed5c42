"""The arguments of one call, those unpacked from a dictionary included."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from .flow import Frame, Place
from .members import Table
from .values import Values


class Arguments:
    """Arguments by name. `open` says why there may be others that are not to be seen ("" where there are none)."""

    def __init__(self, values: Values, call: ast.Call, order: Sequence[str], frame: Frame | None = None) -> None:
        self.values, self.frame = values, frame
        self.written: dict[str, Place] = {}
        self.open = ""
        for name, value in zip(order, call.args):
            if isinstance(value, ast.Starred):
                self.open = "arguments are unpacked"
                break
            self.written[name] = Place(value, frame)
        for keyword in call.keywords:
            if keyword.arg is not None:
                self.written[keyword.arg] = Place(keyword.value, frame)
            else:
                self._unpack(keyword.value)

    def _unpack(self, node: ast.expr) -> None:
        table = self.values.maybe(node, None, self.frame)
        names = _keys(table) if isinstance(table, Table) else None
        if names is None or (isinstance(node, ast.Name) and node.id in self.values.program.changed):
            self.open = f"arguments are unpacked from `{ast.unparse(node)[:40]}`"
            return
        for name in names:
            self.written[name] = self.values.members.entry(table, name)


def _keys(table: Table) -> list[str] | None:
    """Return the keys of a dictionary, None where some are not to be seen."""
    node = table.node
    if isinstance(node, ast.Call):
        return [k.arg for k in node.keywords if k.arg] if all(k.arg for k in node.keywords) else None
    names = [k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
    return names if len(names) == len(node.keys) else None

"""A sound program as text and syntax tree, and the edits that put a defect into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A program with one defect: where (line of the new text), which rule must find it, in which spelling."""

    rule: str
    spelling: str
    text: str
    lines: tuple[int, ...]
    """Lines at which the defect may rightly be reported."""
    inverse: bool = False
    """Whether the rule's first fix ought to give back the program as it was."""


class Program:
    """The text of a script and what stands in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.tree = ast.parse(text)
        self._starts = [0]
        for row in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(row.encode()))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    # -- what is there

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Yield calls of anything with one of these last names (`Linear`, `step`), in order of the text."""
        found = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and last_name(n.func) in names]
        yield from sorted(found, key=lambda n: (n.lineno, n.col_offset))

    def statements(self, pattern: str) -> Iterator[ast.stmt]:
        """Yield simple statements whose text matches, in order of the text."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt) and not hasattr(node, "body") and re.search(pattern, self.source(node)):
                yield node

    def forwards(self) -> Iterator[ast.FunctionDef]:
        """Yield the `forward` methods of the modules."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.name == "forward":
                yield node

    def sequentials(self) -> Iterator[ast.Call]:
        """Yield calls of `Sequential` whose items are written out."""
        for call in self.calls("Sequential"):
            if call.args and not any(isinstance(a, ast.Starred) for a in call.args):
                yield call

    def uses(self, pattern: str) -> bool:
        """Whether the text matches."""
        return re.search(pattern, self.text) is not None

    def source(self, node: ast.AST) -> str:
        """Return the text of a node."""
        begin, end = self._span(node)
        return self.text.encode()[begin:end].decode()

    # -- edits

    def replaced(self, node: ast.AST, new: str) -> tuple[str, int]:
        """Return the text with `new` in the place of a node, and the line of it."""
        begin, end = self._span(node)
        data = self.text.encode()
        return (data[:begin] + new.encode() + data[end:]).decode(), node.lineno  # type: ignore[attr-defined]

    def without(self, node: ast.stmt) -> tuple[str, int]:
        """Return the text without the lines of a statement (`pass` where it was the only one), and its line."""
        rows = self.text.splitlines(keepends=True)
        parent = self.parents[node]
        alone = any(getattr(parent, field, None) == [node] for field in ("body", "orelse"))
        indent = rows[node.lineno - 1][: node.col_offset]
        rows[node.lineno - 1 : node.end_lineno] = [f"{indent}pass\n"] if alone else []
        return "".join(rows), node.lineno

    def inserted(self, node: ast.stmt, *new: str, after: bool = False) -> tuple[str, int]:
        """Return the text with lines before or behind a statement, at its indentation, and the line of the first."""
        rows = self.text.splitlines(keepends=True)
        indent = rows[node.lineno - 1][: node.col_offset]
        at = (node.end_lineno or node.lineno) if after else node.lineno - 1
        rows[at:at] = [f"{indent}{line}\n" for line in new]
        return "".join(rows), at + 1

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset


def last_name(node: ast.expr) -> str:
    """Return `Linear` of `nn.Linear`, "" of anything that is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    """Return the argument of that name, where it is written out."""
    return next((k for k in call.keywords if k.arg == name), None)

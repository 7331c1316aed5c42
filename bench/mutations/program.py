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
    inverse: bool | None = None
    """Whether the ledger's fix takes the defect back; None where that is as the rule's other spellings have it."""


class Program:
    """The text of a sound program, with ways to find places in it and to change them."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
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
        found = [n for n in ast.walk(self.tree) if isinstance(n, ast.stmt) and not hasattr(n, "body")]
        yield from (n for n in sorted(found, key=lambda n: n.lineno) if re.search(pattern, self.source(n)))

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

    def model(self) -> ast.Assign | None:
        """Return the statement that builds the model which is trained."""
        for node in sorted((n for n in ast.walk(self.tree) if isinstance(n, ast.Assign)), key=lambda n: n.lineno):
            name = self.source(node.targets[0])
            if re.fullmatch(r"(self\.)?(model|net|student)", name) and isinstance(node.value, ast.Call):
                return node
        return None

    def model_class(self) -> ast.ClassDef | None:
        """Return the class of the model which is trained, where this file defines it."""
        built = self.model()
        name = last_name(built.value.func) if built is not None and isinstance(built.value, ast.Call) else ""
        return next((n for n in self.tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)

    def training_calls(self) -> list[ast.Call]:
        """Return calls of the model in the function, or the loop of the file, that holds a backward pass."""
        found = []
        for call in self.calls("model", "net", "student"):
            scope = self.scope(call)
            if scope is not None and ".backward()" in self.source(scope) and not self.inside(call, "no_grad"):
                found.append(call)
        return found

    def scope(self, node: ast.AST) -> ast.stmt | None:
        """Return the innermost function around a node, or the outermost loop of the file."""
        here, loop = self.parents.get(node), None
        while here is not None and not isinstance(here, ast.FunctionDef):
            loop = here if isinstance(here, ast.For) else loop
            here = self.parents.get(here)
        return here or loop

    def inside(self, node: ast.AST, pattern: str) -> bool:
        """Whether a node stands in a `with` whose head matches."""
        here = self.parents.get(node)
        while here is not None:
            if isinstance(here, ast.With) and re.search(pattern, self.source(here.items[0].context_expr)):
                return True
            here = self.parents.get(here)
        return False

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

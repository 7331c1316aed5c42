"""The model that the user names behind the path: `train.py:Net`, `train.py:Net(10, width=64)`."""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Sequence
from pathlib import Path

from ..facts import Span
from . import comments
from .flow import Lost
from .modules import Modules
from .outline import Candidate
from .portable import Portable
from .program import Program
from .scopes import FUNCTIONS
from .text import SourceError


class Naming:
    """Finds how what the user wrote can be had."""

    def __init__(self, path: Path, modules: Modules, portable: Portable) -> None:
        self.path, self.modules, self.portable = path, modules, portable
        self.program: Program = modules.program

    def candidates(self, named: str, spoken: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates for what the user wrote behind the path."""
        help = "write `train.py:Net` or `train.py:Net(10, width=64)`"
        tree = comments.check_expression(str(self.path), 0, named, help)
        given = next((c.input for c in spoken if c.expression.partition("(")[0] == named.partition("(")[0]), ())
        if not isinstance(tree, ast.Name):
            self._check_names(tree)
            return [Candidate(expression=named.strip(), how="named", span=self._place(tree), input=given)]
        top = self.program.inside[self.program.tree].bindings
        self._check_names(tree)
        binding = top[tree.id][-1] if tree.id in top else None
        if binding is None or binding.kind not in ("class", "function"):
            span = self.program.span(binding.node) if binding and hasattr(binding.node, "lineno") else None
            return [Candidate(expression=tree.id, how="named", span=span, input=given)]
        commented = [c for c in spoken if c.expression.startswith(f"{tree.id}(")]
        if commented:
            return [c.model_copy(update={"how": "named"}) for c in commented]
        return [c.model_copy(update={"input": given}) for c in self._built(tree.id, binding.node)]

    def _built(self, name: str, node: ast.AST) -> list[Candidate]:
        """Return how a class or factory that the user named can be had."""
        span = header(self.program, node)
        bound = isinstance(node, ast.ClassDef)
        function = self.modules.init_of(node) if isinstance(node, ast.ClassDef) else node
        found = []
        for call in self.program.calls_by_name.get(name, ()):
            if self.program.definition(call.func) is node:
                try:
                    found.append(Candidate(expression=self.portable.expression(call), how="named", span=span))
                except Lost:
                    continue
        missing = (
            self.modules.open_arguments(function, bound=bound) if isinstance(function, (*FUNCTIONS, type(None))) else []
        )
        if not missing:
            found.append(Candidate(expression=f"{name}()", how="named", span=span))
        if not found:
            needs = ", ".join(f"`{m}`" for m in missing)
            help = f"name it with its arguments, as `{self.path.name}:{name}({', '.join(f'{m}=...' for m in missing)})`"
            raise SourceError(self.path, getattr(node, "lineno", 0), f"`{name}` needs {needs}", help)
        return found[:1]

    def _check_names(self, tree: ast.expr) -> None:
        """Refuse a name that the file does not know."""
        top = self.program.inside[self.program.tree].bindings
        bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name) or node.id in bound or node.id in top or self.program.stars:
                continue
            if hasattr(builtins, node.id):
                continue
            near = difflib.get_close_matches(node.id, [*top], n=1)
            known = ", ".join(f"`{c.name}`" for c in self.modules.classes[:8])
            help = f"did you mean `{near[0]}`?" if near else f"its modules: {known}" if known else "it has no modules"
            raise SourceError(self.path, 0, f"holds nothing named `{node.id}`", help)

    def _place(self, tree: ast.expr) -> Span | None:
        top = self.program.inside[self.program.tree].bindings
        name = tree.func.id if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) else ""
        return header(self.program, top[name][-1].node) if name in top else None


def header(program: Program, node: ast.AST) -> Span:
    """Return the span of `class Net` or `def make_net`."""
    whole = program.span(node)
    name = getattr(node, "name", None)
    line = program.lines[whole.line - 1]
    at = line.find(name, (whole.column or 1) - 1) if name else -1
    end = at + len(name) + 1 if name and at >= 0 else len(line) + 1
    return Span(path=whole.path, line=whole.line, column=whole.column, end_line=whole.line, end_column=end)

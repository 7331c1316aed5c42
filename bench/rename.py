"""Give every name in a script another one, so that nothing can be learnt from how things are called.

    python bench/rename.py SCRIPT > RENAMED

Renamed are variables, parameters, functions, classes, methods and attributes that the script itself defines, import
aliases, command-line options, names handed over as text (`add_module("fc", ...)`, state-dict keys, dictionary keys) and
all words that are only printed. Comments and layout are gone, docstrings say nothing. What a library reads (`forward`,
`lr=`, `"mean"`, the SEED variable) stays. The program does the same as before: its output differs in words only.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from names import Names, is_method, name_of, root_of

_Documented = TypeVar("_Documented", ast.FunctionDef, ast.ClassDef, ast.Module)

PRINTING_CALLS = {"print", "info", "warning", "debug", "error", "set_description", "set_postfix_str", "write",
                  "ArgumentParser", "ValueError", "RuntimeError", "AssertionError"}  # fmt: skip
WORD = re.compile(r"%[-+0-9.#]*[a-zA-Z%]|\\.|\{[^}]*\}|[A-Za-z_]+")


def rename(text: str) -> str:
    """Return the program `text` with every name of its own replaced."""
    tree = ast.parse(text)
    names = Names(tree)
    return ast.unparse(ast.fix_missing_locations(_Renamer(names).visit(tree))) + "\n"


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: Names) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.new(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.names.new(node.arg)
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [self.names.new(n) for n in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        node.name = node.name and self.names.new(node.name)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self.names.attribute(node.name, "self") if is_method(node) else self.names.new(node.name)
        return self._documented(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.name = self.names.new(node.name)
        for child in node.body:
            child.in_class = True  # type: ignore[attr-defined]
        return self._documented(node)

    def visit_Module(self, node: ast.Module) -> ast.Module:
        return self._documented(node)

    def _documented(self, node: _Documented) -> _Documented:
        if ast.get_docstring(node) is not None:
            node.body[0].value.value = "Words."  # type: ignore[attr-defined]
        self.generic_visit(node)
        return node

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.Import | ast.ImportFrom:
        for alias in node.names:
            bound = alias.asname or alias.name
            if self.names.new(bound) != bound and getattr(node, "module", "") != "__future__":
                alias.asname = self.names.new(bound)
        return node

    visit_ImportFrom = visit_Import

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        root = root_of(node)
        receiver = node.value.id if isinstance(node.value, ast.Name) else ""
        if root not in self.names.imported and root not in self.names.imported_whole:
            node.attr = self.names.attribute(node.attr, receiver)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        called = name_of(node.func)
        if self._is_own(node):
            for keyword in node.keywords:
                if keyword.arg in self.names.parameters:
                    keyword.arg = self.names.new(keyword.arg)
        if called in PRINTING_CALLS:
            node.args = [_disguise(argument) for argument in node.args]
        if called == "add_argument":
            node.args = [ast.Constant(self._option(a.value)) for a in node.args if isinstance(a, ast.Constant)]
        for keyword in node.keywords:
            if keyword.arg in {"help", "description", "desc"}:
                keyword.value = _disguise(keyword.value)
        self.generic_visit(node)
        return node

    def _is_own(self, node: ast.Call) -> bool:
        """Whether the program itself defines what is called (or hands it to `partial`)."""
        root, last = root_of(node.func), name_of(node.func)
        if isinstance(node.func, ast.Name):
            handed = node.args[0] if last == "partial" and node.args else node.func
            return isinstance(handed, ast.Name) and handed.id in self.names.variables
        return root not in self.names.imported and (last in self.names.attributes or last == "__init__")

    def _option(self, option: str) -> str:
        dashes = re.match("-*", option).group()  # type: ignore[union-attr]
        name = option[len(dashes) :].replace("-", "_")
        return dashes + self.names.new(name).replace("_", "-") if len(dashes) != 1 else "-" + self.names.new(name)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            node.value = self.names.text(node.value) or node.value
        return node


def _disguise(node: ast.expr) -> ast.expr:
    """Replace the words of a text that is only shown; `%d` and `{}` stay."""
    for part in _shown(node):
        part.value = WORD.sub(lambda m: m[0] if m[0][0] in "%{\\" else "w" * len(m[0]), part.value)
    return node


def _shown(node: ast.expr) -> Iterator[ast.Constant]:
    """The texts in an expression that end up on the screen: not those in the brackets and calls inside it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif isinstance(node, ast.JoinedStr):
        yield from (p for p in node.values if isinstance(p, ast.Constant))
    elif isinstance(node, ast.BinOp):
        yield from _shown(node.left)
        yield from _shown(node.right)
    elif isinstance(node, ast.Call) and name_of(node.func) == "format" and isinstance(node.func, ast.Attribute):
        yield from _shown(node.func.value)


if __name__ == "__main__":
    sys.stdout.write(rename(Path(sys.argv[1]).read_text("utf-8")))

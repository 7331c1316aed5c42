"""A parsed file with what every reader asks of it: parents, scopes, names through imports, spans."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cached_property

from ..facts import Span
from .scopes import COMPREHENSIONS, FUNCTIONS, Binding, Function, Scope, bind, bind_parameters
from .text import parse, split_lines

_CUSTOMARY = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", "optim": "torch.optim", "np": "numpy"}
_INNER = re.compile(
    r"^(torch\.nn)\.modules\.[a-z_0-9]+\.([A-Z]\w*)$"
    r"|^(torch\.optim)\.(?!lr_scheduler|swa_utils)[a-z_0-9]+\.([A-Z]\w*)$"
    r"|^(torch\.utils\.data)\.[a-z_0-9]+\.([A-Z]\w*)$"
)
"""Where torch's public classes are really defined."""
_OPENING = (*FUNCTIONS, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)
_SHARED = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
_CHANGING = frozenset(
    {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "add_module", "popitem", "reverse"}
)


class Program:
    """The syntax tree of one file, indexed once. Raises SourceError where the text is not Python."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text.removeprefix("\ufeff")
        self.lines = split_lines(self.text)
        self.tree = parse(path, self.text)
        self.parent: dict[ast.AST, ast.AST] = {}
        self.scope: dict[ast.AST, Scope] = {}
        """The scope in which each expression and statement is evaluated."""
        self.inside: dict[ast.AST, Scope] = {}
        """The scope that a module, class, function, lambda or comprehension opens."""
        self.order: dict[ast.AST, int] = {}
        """The place of each node in the source's order, outer ones first."""
        self.calls: list[ast.Call] = []
        self.functions: list[Function] = []
        self.classes: list[ast.ClassDef] = []
        self.stars: list[str] = []
        self.changed: set[str] = set()
        """Names of lists and dictionaries that a method call or an item assignment changes somewhere."""
        self.updated: set[str] = set()
        """Those among them that a method call changes."""
        self.attribute_writes: dict[str, list[ast.Attribute]] = {}
        self.item_writes: dict[object, list[ast.Subscript]] = {}
        self.elsewhere: dict[ast.AST, ast.Module] = {}
        """Names that are read in another module than they stand in."""
        self._index()

    def _index(self) -> None:
        self._index_tree(self.tree)

    def _index_tree(self, tree: ast.Module) -> None:
        """Walk a tree once, in source order, without recursion (generated code is deep)."""
        root = self.inside[tree] if tree in self.inside else Scope(tree)
        self.inside[tree] = root
        todo: list[tuple[ast.AST, Scope]] = [(child, root) for child in reversed(tree.body)]
        self.parent.update((child, tree) for child in tree.body)
        while todo:
            node, scope = todo.pop()
            if node in self.elsewhere:
                scope = self.inside.setdefault(self.elsewhere[node], Scope(self.elsewhere[node]))
            self.order[node] = len(self.order)
            self.scope[node] = scope
            self._note(node, scope)
            below = children(node)
            for child in below:
                self.parent[child] = node
            if isinstance(node, _OPENING):
                inner = self._open(node, scope)
                body = set(map(id, below if isinstance(node, COMPREHENSIONS) else _body(node)))
                todo.extend((child, inner if id(child) in body else scope) for child in reversed(below))
            else:
                todo.extend((child, scope) for child in reversed(below))

    def _open(self, node: ast.AST, scope: Scope) -> Scope:
        """Open the scope of a class, function, lambda or comprehension."""
        inner = self.inside[node] = Scope(node, scope)
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            bind_parameters(node.args, inner)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            scope.bind(node.name, Binding("class" if isinstance(node, ast.ClassDef) else "function", node))
        return inner

    def _note(self, node: ast.AST, scope: Scope) -> None:
        bind(node, scope)
        if isinstance(node, ast.Call):
            self.calls.append(node)
            match node.func:
                case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in _CHANGING:
                    self.changed.add(name)
                    self.updated.add(name)
        elif isinstance(node, FUNCTIONS):
            self.functions.append(node)
        elif isinstance(node, ast.ClassDef):
            self.classes.append(node)
        elif isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
            self.stars.append(f"{'.' * node.level}{node.module or ''}")
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            self.attribute_writes.setdefault(node.attr, []).append(node)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if isinstance(node.value, ast.Name):
                self.changed.add(node.value.id)
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            self.item_writes.setdefault(key, []).append(node)

    def span(self, node: ast.AST) -> Span:
        """Return where a node stands: columns in code points (the tree counts bytes)."""
        return self.span_in(node, self.path, self.lines)

    def span_in(self, node: ast.AST, path: str, lines: list[str]) -> Span:
        """Return where a node stands in a file of these lines."""
        line, end = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
        return Span(
            path=path,
            line=line,
            column=_column(lines, line, node.col_offset),  # type: ignore[attr-defined]
            end_line=end,
            end_column=_column(lines, end, node.end_col_offset or 0),  # type: ignore[attr-defined]
        )

    def is_main(self, node: ast.AST) -> bool:
        """Return whether a node stands in the file itself, not in a module that it imports."""
        return True

    def segment(self, node: ast.AST) -> str:
        """Return the source text of a node, as it stands."""
        at = self.span(node)
        assert at.column is not None
        assert at.end_line is not None
        assert at.end_column is not None
        if at.line == at.end_line:
            return self.lines[at.line - 1][at.column - 1 : at.end_column - 1]
        first, last = self.lines[at.line - 1][at.column - 1 :], self.lines[at.end_line - 1][: at.end_column - 1]
        return "\n".join([first, *self.lines[at.line : at.end_line - 1], last])

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside out."""
        while node in self.parent:
            node = self.parent[node]
            yield node

    def within(self, node: ast.AST, outer: ast.AST) -> bool:
        """Return whether `outer` is `node` or holds it."""
        return node is outer or any(a is outer for a in self.ancestors(node))

    def last_order(self, node: ast.AST) -> int:
        """Return the place in the source's order of the last node under one."""
        last = node
        while True:
            below = children(last)
            if not below:
                return self.order[last]
            last = max(below, key=lambda n: self.order.get(n, -1))

    def function_of(self, node: ast.AST) -> Function | None:
        """Return the function whose body holds `node`; None at the top level (or in a class body)."""
        return self.scope[node].function if node in self.scope else None

    def class_of(self, function: ast.AST) -> ast.ClassDef | None:
        """Return the class whose method `function` is."""
        parent = self.parent.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None

    def qualified(self, node: ast.AST, depth: int = 8) -> str | None:
        """Return the dotted name behind an expression, import aliases followed (`optim.SGD`: `torch.optim.SGD`).

        None for what is defined in this file, or is no dotted name at all. Builtins are named as they are.
        """
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        start = self._imported(node, depth)
        if start is None:
            return None
        dotted = ".".join([start, *reversed(parts)])
        inner = _INNER.match(dotted)
        return ".".join(part for part in inner.groups() if part) if inner else dotted

    def _imported(self, node: ast.Name, depth: int) -> str | None:
        found = self.scope[node].lookup(node.id) if node in self.scope else None
        if found is None:
            if hasattr(builtins, node.id):
                return node.id
            if self.stars and node.id in _CUSTOMARY:
                return _CUSTOMARY[node.id]
            return f"{self.stars[0]}.{node.id}" if len(self.stars) == 1 else None
        for binding in found[1]:
            if binding.kind == "import":
                return binding.name
        only = found[1][0] if len(found[1]) == 1 else None
        plain = only is not None and only.kind == "assign" and not only.path
        if depth and only and plain and isinstance(only.value, (ast.Name, ast.Attribute)):
            return self.qualified(only.value, depth - 1)
        return None

    def definition(self, node: ast.AST) -> Function | ast.ClassDef | None:
        """Return the function or class of this file that a name stands for; None for anything else."""
        for _ in range(8):
            if not isinstance(node, ast.Name) or node not in self.scope:
                return None
            found = self.scope[node].lookup(node.id)
            if found is None or len({b.kind for b in found[1]}) != 1:
                return None
            last = found[1][-1]
            if last.kind in ("function", "class"):
                return last.node  # type: ignore[return-value]
            if last.kind != "assign" or len(found[1]) > 1 or last.path or last.value is None:
                return None
            node = last.value
        return None

    @cached_property
    def methods(self) -> dict[str, list[Function]]:
        """All methods of the file's classes, by name."""
        found: dict[str, list[Function]] = {}
        for function in self.functions:
            if self.class_of(function) is not None:
                found.setdefault(function.name, []).append(function)
        return found

    @cached_property
    def own_methods(self) -> dict[ast.ClassDef, dict[str, Function]]:
        """The methods that each class of the file defines itself, the last of a name."""
        found: dict[ast.ClassDef, dict[str, Function]] = {}
        for function in self.functions:
            owner = self.class_of(function)
            if owner is not None:
                found.setdefault(owner, {})[function.name] = function
        return found

    @cached_property
    def calls_by_name(self) -> dict[str, list[ast.Call]]:
        """All calls, by the last part of the name that is called."""
        found: dict[str, list[ast.Call]] = {}
        for call in self.calls:
            name = last_name(call.func)
            if name:
                found.setdefault(name, []).append(call)
        return found

    @cached_property
    def loads(self) -> dict[str, list[ast.Name]]:
        """All places where a name is read, by name."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.scope:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def loads_by_function(self) -> dict[tuple[str, Function | None], list[ast.Name]]:
        """All places where a name is read, by name and the function that they stand in."""
        found: dict[tuple[str, Function | None], list[ast.Name]] = {}
        for name, nodes in self.loads.items():
            for node in nodes:
                found.setdefault((name, self.function_of(node)), []).append(node)
        return found

    def below(self, node: ast.AST, *, nested: bool = False) -> Iterator[ast.AST]:
        """Yield a node and all under it, in source order; functions and classes in it only where `nested`."""
        todo = [node]
        while todo:
            one = todo.pop()
            yield one
            if nested or one is node or not isinstance(one, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
                todo.extend(reversed(children(one)))


def _column(lines: list[str], line: int, offset: int) -> int:
    text = lines[line - 1] if line <= len(lines) else ""
    return offset + 1 if text.isascii() else len(text.encode()[:offset].decode(errors="ignore")) + 1


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes directly under one, operators and contexts (which trees share) left out."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found.extend(v for v in value if isinstance(v, ast.AST) and not isinstance(v, _SHARED))
        elif isinstance(value, ast.AST) and not isinstance(value, _SHARED):
            found.append(value)
    return found


def _body(node: ast.AST) -> list[ast.AST]:
    """Return what runs in the scope that a node opens."""
    body = getattr(node, "body", [])
    return body if isinstance(body, list) else [body]


def last_name(node: ast.AST) -> str | None:
    """Return `step` for `optimizer.step`, `f` for `f`; None for what has no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None

"""Which names a scope binds, and to what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Kind = Literal["assign", "change", "each", "with", "import", "function", "class", "parameter", "other"]


@dataclass(frozen=True)
class Binding:
    """One place where a name gets a value.

    `value` is the expression assigned (iterated for `each`, entered for `with`), `path` the element of it that the
    name takes (`b` in `a, b = f()` has the path (1,)), `name` the dotted name for an import.
    """

    kind: Kind
    node: ast.AST
    value: ast.expr | None = None
    path: tuple[int, ...] = ()
    name: str = ""


@dataclass(eq=False)
class Scope:
    """A module, class, function, lambda or comprehension with the names that it binds."""

    node: ast.AST
    parent: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)
    """Names declared `global` or `nonlocal`."""

    from_inside: set[str] = field(default_factory=set)
    """Names that a function further in binds by `global` or `nonlocal`."""

    def lookup(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """Return the scope that a name read here is found in, with its bindings; None where nobody binds it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings and (scope is self or not isinstance(scope.node, ast.ClassDef)):
                return scope, scope.bindings[name]
            scope = scope.parent
        return None

    def bind(self, name: str, binding: Binding) -> None:
        """Add a binding, in the outer scope that a `global` or `nonlocal` names."""
        scope = self
        if name in self.outside:
            found = self.parent.lookup(name) if self.parent else None
            scope = found[0] if found else self.root
            scope.from_inside.add(name)
        scope.bindings.setdefault(name, []).append(binding)

    @property
    def root(self) -> Scope:
        """The module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def function(self) -> Function | None:
        """The function whose body this scope belongs to, lambdas and comprehensions looked through."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, (*FUNCTIONS, ast.ClassDef, ast.Module)):
            scope = scope.parent
        return scope.node if scope is not None and isinstance(scope.node, FUNCTIONS) else None


def bind(node: ast.AST, scope: Scope) -> None:
    """Enter the names that one statement or expression binds."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _target(target, value, scope, node)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            _target(target, value, scope, node)
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            scope.bind(name, Binding("change", node, value))
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            scope.bind(name, Binding("assign", node, value))
        case ast.For(target=target, iter=each) | ast.AsyncFor(target=target, iter=each):
            for name in _names(target):
                scope.bind(name, Binding("each", node, each))
        case ast.comprehension(target=target, iter=each):
            for name in _names(target):
                scope.bind(name, Binding("each", node, each))
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                for name in _names(item.optional_vars):
                    scope.bind(name, Binding("with", node, item.context_expr))
        case ast.Import(names=names):
            for alias in names:
                dotted = alias.name if alias.asname else alias.name.partition(".")[0]
                scope.bind(alias.asname or dotted, Binding("import", node, name=dotted))
        case ast.ImportFrom(module=module, names=names, level=level):
            for alias in names:
                dotted = f"{'.' * level}{module or ''}"
                dotted += alias.name if dotted.endswith(".") else f".{alias.name}"
                scope.bind(alias.asname or alias.name, Binding("import", node, name=dotted))
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            scope.outside.update(names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            scope.bind(name, Binding("other", node))


def bind_parameters(arguments: ast.arguments, scope: Scope) -> None:
    """Enter a function's parameters."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    for argument in every:
        if argument is not None:
            scope.bind(argument.arg, Binding("parameter", argument))


def _target(target: ast.expr, value: ast.expr, scope: Scope, node: ast.AST, path: tuple[int, ...] = ()) -> None:
    if isinstance(target, ast.Name):
        scope.bind(target.id, Binding("assign", node, value, path))
    elif isinstance(target, (ast.Tuple, ast.List)):
        starred = any(isinstance(t, ast.Starred) for t in target.elts)
        pairs = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts) and not path
        if pairs and not starred and not any(isinstance(v, ast.Starred) for v in value.elts):  # type: ignore[attr-defined]
            for one, part in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
                _target(one, part, scope, node)
        elif starred:
            for name in _names(target):
                scope.bind(name, Binding("other", node))
        else:
            for i, one in enumerate(target.elts):
                _target(one, value, scope, node, (*path, i))


def _names(target: ast.expr | None) -> Iterator[str]:
    todo = [target] if target is not None else []
    while todo:
        one = todo.pop()
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, (ast.Tuple, ast.List)):
            todo.extend(one.elts)
        elif isinstance(one, ast.Starred):
            todo.append(one.value)

"""Which of a name's bindings can be the one that a place reads."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from .scopes import COMPREHENSIONS, Binding, Scope

if TYPE_CHECKING:
    from .program import Program

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_INLINE = (ast.With, ast.AsyncWith)
_MOST = 200
"""Bindings looked at for one place: generated code has thousands."""


def reaching(program: Program, use: ast.Name, scope: Scope, bindings: list[Binding]) -> list[Binding]:
    """Return the bindings of `scope` that may be read at `use`, in source order.

    Where code runs later than it stands (in another function), every binding counts; in straight code the last one
    before the place wins, with those of a loop that come round again.
    """
    if len(bindings) < 2 or use.id in scope.from_inside or not _runs_in_place(program, use, scope):
        return bindings
    at, place = program.order[use], _place(program)
    before = bisect_left(bindings, at, key=place)
    around = list(program.ancestors(use))
    inside = {id(a) for a in around}
    found: list[Binding] = []
    killer: Binding | None = None
    for binding in reversed(bindings[max(0, before - _MOST) : before]):
        if id(binding.node) in inside and isinstance(binding.node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            continue
        relation = _relation(program, binding, inside, around)
        if relation != "other branch":
            found.append(binding)
        if relation == "always":
            killer = binding
            break
    found.reverse()
    for loop in around:
        if loop is scope.node or (killer is not None and program.within(killer.node, loop)):
            break
        if isinstance(loop, _LOOPS):
            end = bisect_right(bindings, program.last_order(loop), key=place)
            own = [b for b in bindings[max(0, before - 1) : before] if id(b.node) in inside and b.node is not loop]
            again = [*own, *bindings[before : min(end, before + _MOST)]]
            found += [b for b in again if b not in found and program.within(b.node, loop)]
    return found or bindings


def _place(program: Program) -> Callable[[Binding], int]:
    return lambda binding: program.order.get(binding.node, -1)


def _runs_in_place(program: Program, use: ast.AST, scope: Scope) -> bool:
    """Return whether a place runs as part of the scope's own code, not in a function called later."""
    here: Scope | None = program.scope.get(use)
    while here is not None and here is not scope and isinstance(here.node, COMPREHENSIONS):
        here = here.parent
    return here is scope and use in program.order


def _relation(program: Program, binding: Binding, inside: set[int], around: list[ast.AST]) -> str:
    """Return whether a binding before a place runs "always", "maybe", or never with it ("other branch")."""
    if binding.kind == "parameter":
        return "always"
    if binding.kind in ("change", "other"):
        return "maybe"
    node: ast.AST = binding.node
    if isinstance(node, (*_LOOPS, *_INLINE, ast.comprehension)):
        if id(node) in inside:
            return "always"
        if not isinstance(node, _INLINE):
            return "maybe"
    while not isinstance(node, ast.stmt) and node in program.parent:
        node = program.parent[node]
    parent = program.parent.get(node)
    while isinstance(parent, _INLINE):
        node, parent = parent, program.parent.get(parent)
    if parent is None or id(parent) not in inside:
        return _apart(program, node, inside, around)
    if isinstance(parent, ast.If):
        below = _child_towards(parent, around)
        return "always" if (node in parent.body) == (below in parent.body) else "other branch"
    return "maybe" if isinstance(parent, (ast.Try, ast.Match)) else "always"


def _apart(program: Program, node: ast.AST, inside: set[int], around: list[ast.AST]) -> str:
    """A binding in a block that the place is not in: in the other branch of a common `if`, or perhaps run before."""
    inner = node
    for outer in program.ancestors(node):
        if id(outer) in inside:
            if isinstance(outer, ast.If) and (inner in outer.body) != (_child_towards(outer, around) in outer.body):
                return "other branch"
            return "maybe"
        inner = outer
    return "maybe"


def _child_towards(outer: ast.AST, around: list[ast.AST]) -> ast.AST | None:
    """Return the child of `outer` on the way to the place."""
    at = next(i for i, a in enumerate(around) if a is outer)
    return around[at - 1] if at else None

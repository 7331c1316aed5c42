"""The program in the order in which it runs: every call and assignment, calls of the file's own functions entered."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .effects import Effects, is_main_guard
from .flow import Frame
from .program import children
from .scopes import FUNCTIONS, Function
from .values import Values

_DEPTH = 10
_MOST = 30_000
"""Events in one file: more than that is generated code."""
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WITH = (ast.With, ast.AsyncWith)


@dataclass(frozen=True)
class Step:
    """A statement that an event stands in: a loop, a branch (with the side of an `if`), a `with`, a function."""

    node: ast.AST
    side: bool = True


@dataclass(frozen=True)
class Event:
    """One call, assignment, `break` or `return`, with the statements around it from the outside in."""

    node: ast.AST
    frame: Frame | None
    path: tuple[Step, ...]

    @property
    def loops(self) -> tuple[ast.For | ast.AsyncFor | ast.While, ...]:
        """The loops around it, from the outside in, calls followed."""
        return tuple(s.node for s in self.path if isinstance(s.node, _LOOPS))

    def inside(self, outer: ast.AST) -> tuple[Step, ...]:
        """Return what it stands in further in than `outer`; everything where `outer` is not around it."""
        for at, step in enumerate(self.path):
            if step.node is outer:
                return self.path[at + 1 :]
        return self.path

    @property
    def contexts(self) -> list[ast.expr]:
        """What is entered around it: the items of each `with`, the decorators of each function."""
        found: list[ast.expr] = []
        for step in self.path:
            if isinstance(step.node, _WITH):
                found += [item.context_expr for item in step.node.items]
            elif isinstance(step.node, FUNCTIONS):
                found += step.node.decorator_list
        return found


class Trace:
    """The events of one file. `complete` is False where the file is too long to be followed to its end.

    Loops are gone through once; both sides of an `if` are taken, one after the other, unless its test is known.
    """

    def __init__(self, values: Values, effects: Effects) -> None:
        self.values, self.effects = values, effects
        self.program, self.flow = values.program, values.flow
        self.events: list[Event] = []
        self.complete = True
        self._entered: list[Function] = []
        self._seen: set[Function] = set()
        self._body(self.program.tree.body, None, ())

    def reach(self, function: Function) -> None:
        """Go through a function that nothing calls."""
        if function not in self._seen:
            self.__dict__.pop("_under", None)
            self._enter(function, None, (), function.body)

    def segment(self, loop: ast.AST, holding: ast.AST) -> list[Event]:
        """Return the events of the first turn of a loop (or call of a function) in which `holding` runs."""
        part: list[int] = []
        for at in [*self._under.get(id(loop), ()), -1]:
            if part and at != part[-1] + 1:
                if any(self.events[n].node is holding for n in part):
                    return [self.events[n] for n in part]
                part = []
            part.append(at)
        return []

    @cached_property
    def _under(self) -> dict[int, list[int]]:
        """The positions of the events that stand in each loop, branch and function."""
        found: dict[int, list[int]] = {}
        for at, event in enumerate(self.events):
            for step in {id(s.node) for s in event.path}:
                found.setdefault(step, []).append(at)
        return found

    def _body(self, statements: Iterable[ast.stmt], frame: Frame | None, path: tuple[Step, ...]) -> None:
        for statement in statements:
            if len(self.events) >= _MOST:
                self.complete = False
                return
            self._statement(statement, frame, path)

    def _statement(self, node: ast.stmt, frame: Frame | None, path: tuple[Step, ...]) -> None:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            return
        if isinstance(node, _LOOPS):
            self._expressions([node.iter if not isinstance(node, ast.While) else node.test], frame, path)
            self._body(node.body, frame, (*path, Step(node)))
            self._body(node.orelse, frame, path)
        elif isinstance(node, ast.If):
            self._branch(node, frame, path)
        elif isinstance(node, _WITH):
            self._expressions([i.context_expr for i in node.items], frame, path)
            self._body(node.body, frame, (*path, Step(node)))
        elif isinstance(node, ast.Try):
            self._body(node.body, frame, path)
            for handler in node.handlers:
                self._body(handler.body, frame, (*path, Step(node, side=False)))
            self._body([*node.orelse, *node.finalbody], frame, path)
        elif isinstance(node, ast.Match):
            self._expressions([node.subject], frame, path)
            for case in node.cases:
                self._body(case.body, frame, (*path, Step(node)))
        else:
            self._expressions([node], frame, path)
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Break, ast.Return, ast.Raise)):
                self.events.append(Event(node, frame, path))

    def _branch(self, node: ast.If, frame: Frame | None, path: tuple[Step, ...]) -> None:
        self._expressions([node.test], frame, path)
        taken = True if is_main_guard(node) else self.values.maybe(node.test, None, frame)
        known = isinstance(taken, (bool, int, str, float))
        if known:
            self._body(node.body if taken else node.orelse, frame, path)
            return
        self._body(node.body, frame, (*path, Step(node)))
        self._body(node.orelse, frame, (*path, Step(node, side=False)))

    def _expressions(self, nodes: Sequence[ast.AST], frame: Frame | None, path: tuple[Step, ...]) -> None:
        """Note the calls of a statement in the order in which they return: a call ends where its text does."""
        calls: list[ast.Call] = []
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if isinstance(node, ast.Call):
                calls.append(node)
            if not isinstance(node, ast.Lambda):
                todo.extend(children(node))
        for call in sorted(calls, key=lambda c: (c.end_lineno or 0, c.end_col_offset or 0)):
            for entered in (self.effects.entered(call), self.effects.closure(call)):
                if entered is not None:
                    self._enter(entered, Frame(entered, call, frame), path, entered.body)
            self.events.append(Event(call, frame, path))

    def _enter(self, function: Function, frame: Frame | None, path: tuple[Step, ...], body: Sequence[ast.stmt]) -> None:
        if function in self._entered or len(self._entered) >= _DEPTH or len(self.events) >= _MOST:
            return
        self._seen.add(function)
        self._entered.append(function)
        self._body(body, frame, (*path, Step(function)))
        self._entered.pop()

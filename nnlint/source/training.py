"""Where a file trains: the backward, the steps that follow it, and the loops around them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .effects import Effects
from .flow import Lost, Place
from .objects import Objects
from .optimizers import Optimizers
from .program import children, last_name
from .scopes import FUNCTIONS, Function
from .walks import LOOPS, Looping

_HANDING = ("accelerator", "fabric", "engine", "scaler", "ddp", "deepspeed", "amp")
_DEPTH = 6
_MOST = 50
"""Training sites looked at in one file: more than that is generated code."""


@dataclass(frozen=True)
class Step:
    """A call that lets an optimizer step. `optimizer` is the expression that stands for it."""

    call: ast.Call
    optimizer: ast.expr
    built: tuple[Place, ...]
    """What built it; empty where that cannot be told."""


@dataclass(frozen=True)
class Site:
    """One place where gradients are computed, and what belongs to it.

    `cycle` holds the statements that run from one step to the next (a loop's body, and the function in it that does
    the work), `loops` the loops around them from the inside out, through the function's only caller.
    """

    backward: ast.Call
    loss: ast.expr
    steps: tuple[Step, ...]
    cycle: tuple[ast.AST, ...]
    loops: tuple[Looping, ...]
    whole: bool
    """Whether the outermost loop is known to be the outermost (every caller was followed)."""


class Training:
    """Finds the training of one file."""

    def __init__(self, objects: Objects, optimizers: Optimizers, effects: Effects) -> None:
        self.objects, self.optimizers, self.effects = objects, optimizers, effects
        self.program, self.flow = objects.program, objects.flow
        self._steps: dict[ast.Call, Step | None] = {}
        self._made: dict[Function | None, list[Step]] = {}
        self.alive = self._alive()

    def sites(self) -> list[Site]:
        """Return the places where the file trains, in source order; what nothing calls only as a last resort."""
        backwards = [c for c in self.program.calls if self.loss_of(c) is not None]
        living = [c for c in backwards if self.is_alive(c) and self.flow.is_live(c, None)]
        found = [s for c in living[:_MOST] if (s := self._site(c)) is not None]
        own = [c for c in backwards if self.program.is_main(c)]
        return found or [s for c in own[:_MOST] if (s := self._site(c)) is not None]

    def is_alive(self, node: ast.AST) -> bool:
        """Return whether code is reached from the module's top level, as far as names show."""
        function = self.program.function_of(node)
        return function is None or function in self.alive

    def _alive(self) -> set[Function]:
        by_name: dict[str, list[Function]] = {}
        for function in self.program.functions:
            by_name.setdefault(function.name, []).append(function)
        alive: set[Function] = set()
        todo: list[ast.AST] = [self.program.tree]
        while todo:
            node = todo.pop()
            for one in self._own(node):
                name = last_name(one) if isinstance(one, (ast.Name, ast.Attribute)) else None
                if isinstance(one, ast.ClassDef):
                    # a framework calls the methods of what derives from its classes
                    hooked = any(self.program.qualified(b) not in (None, "object") for b in one.bases)
                    fresh = [m for m in one.body if isinstance(m, FUNCTIONS) and (hooked or m.name.startswith("__"))]
                else:
                    fresh = by_name.get(name, []) if name else []
                for function in fresh:
                    if function not in alive:
                        alive.add(function)
                        todo.append(function)
        return alive

    def _own(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes under a module or function, bodies of functions left out."""
        todo = children(node)
        while todo:
            one = todo.pop()
            yield one
            if not isinstance(one, FUNCTIONS):
                todo.extend(children(one))
            else:
                todo.extend(one.decorator_list)

    def loss_of(self, call: ast.Call) -> ast.expr | None:
        """Return the expression whose gradient a call computes; None where the call is no backward."""
        func = call.func
        if not isinstance(func, ast.Attribute):
            return None
        dotted = self.program.qualified(func)
        if dotted == "torch.autograd.backward" and call.args:
            return call.args[0]
        if dotted is not None or func.attr not in ("backward", "manual_backward"):
            return None
        name = (last_name(func.value) or "").lower()
        named = "loss" in (last_name(call.args[0]) or "").lower() if call.args else False
        handed = func.attr == "manual_backward" or any(h in name for h in _HANDING) or name == "self" or named
        if handed:
            return call.args[0] if call.args else None
        scaled = func.value
        if isinstance(scaled, ast.Call) and isinstance(scaled.func, ast.Attribute) and scaled.func.attr == "scale":
            return scaled.args[0] if scaled.args else None
        return None if isinstance(scaled, ast.Call) and last_name(scaled.func) == "super" else scaled

    def step(self, call: ast.Call) -> Step | None:
        """Return what a call steps; None where it steps no optimizer (a scheduler, an environment, a profiler)."""
        if call not in self._steps:
            self._steps[call] = self._step(call)
        return self._steps[call]

    def _step(self, call: ast.Call) -> Step | None:
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr != "step" or self.program.qualified(func):
            return None
        handed = [a for a in call.args if isinstance(a, (ast.Name, ast.Attribute))]
        for node in ([handed[0]] if len(call.args) == 1 and handed else []) + [func.value]:
            built = self._built(node)
            if built:
                return Step(call, node, tuple(built))
        name = (last_name(func.value) or "").lower()
        if "sched" in name or (call.args and not self.effects.closure(call)):
            return None
        looks = "opt" in name or name.startswith(("sgd", "adam", "solver"))
        return Step(call, func.value, ()) if looks and self._built(func.value) is None else None

    def _built(self, node: ast.expr) -> list[Place] | None:
        """Return what built an optimizer; [] where it is something else, None where that cannot be told."""
        try:
            made = self.objects.made(node)
        except Lost:
            return None
        found = [p for p in made if not p.path and self.optimizers.kind(p.node, p.frame)]
        if found or not made:
            return found or None
        foreign = all(self.program.qualified(p.node.func) for p in made if isinstance(p.node, ast.Call))
        return [] if foreign and not any("optim" in ast.dump(p.node).lower() for p in made) else None

    def _site(self, call: ast.Call) -> Site | None:
        loss = self.loss_of(call)
        if loss is None:
            return None
        anchor: ast.AST = call
        for _ in range(_DEPTH):
            region = self.program.function_of(anchor)
            steps = self._steps_of(region)
            if steps:
                return self._around(call, loss, anchor, region, steps)
            callers = self.callers(region) if region is not None else []
            if len(callers) != 1:
                break
            anchor = callers[0]
        steps_anywhere = any(self.step(c) for c in self.program.calls_by_name.get("step", ()))
        if steps_anywhere:
            return None
        loops, whole = self._loops(call)
        return Site(call, loss, (), (loops[0],) if loops else (), loops, whole)

    def _steps_of(self, region: Function | None) -> list[Step]:
        """Return the steps that a function (or the module's top level) makes."""
        if region not in self._made:
            self._made[region] = self.steps_in(region.body if region is not None else self.program.tree.body)
        return self._made[region]

    def steps_in(self, statements: Iterable[ast.AST]) -> list[Step]:
        """Return the optimizer steps that running `statements` makes, calls followed, in the order of the source."""
        found = [
            s for node, _ in self.effects.runs(statements) if isinstance(node, ast.Call) and (s := self.step(node))
        ]
        return sorted({id(s.call): s for s in found}.values(), key=lambda s: (s.call.lineno, s.call.col_offset))

    def callers(self, function: Function) -> list[ast.Call]:
        """Return the calls that enter a function, as closures handed to `step` or by name."""
        calls = self.program.calls_by_name.get(function.name, [])
        return [c for c in calls if self.flow.callee(c) is function] + self._closures.get(function, [])

    @cached_property
    def _closures(self) -> dict[Function, list[ast.Call]]:
        """The calls of `step(closure)`, by the function that they hand over."""
        found: dict[Function, list[ast.Call]] = {}
        for call in self.program.calls_by_name.get("step", ()):
            closure = self.effects.closure(call)
            if closure is not None:
                found.setdefault(closure, []).append(call)
        return found

    def _around(
        self, call: ast.Call, loss: ast.expr, anchor: ast.AST, region: Function | None, steps: list[Step]
    ) -> Site:
        """Find the innermost loop that holds both the backward and a step that follows it."""
        body = region.body if region is not None else self.program.tree.body
        near: Looping | None = None
        for outer in self.program.ancestors(anchor):
            if outer is region:
                break
            if isinstance(outer, LOOPS):
                inside = self.steps_in(outer.body)
                if inside:
                    near, steps = outer, inside
                    break
        if near is not None:
            loops, whole = self._loops(near.body[0])
            return Site(call, loss, tuple(steps), tuple(near.body), loops, whole)
        loops, whole = self._loops(anchor)
        cycle: list[ast.AST] = list(body) if region is not None else []
        if loops:
            cycle = [*cycle, *loops[0].body]
        return Site(call, loss, tuple(steps), tuple(cycle), loops, whole)

    def _loops(self, node: ast.AST) -> tuple[tuple[Looping, ...], bool]:
        """Return the loops around a node from the inside out, and whether every caller could be followed."""
        found: list[Looping] = []
        for _ in range(_DEPTH):
            inner = node
            region = self.program.function_of(node)
            for outer in self.program.ancestors(node):
                if outer is region:
                    break
                if isinstance(outer, LOOPS) and inner not in outer.orelse:
                    found.append(outer)
                inner = outer
            if region is None:
                return tuple(found), True
            callers = [c for c in self.callers(region) if self.is_alive(c)]
            if len(callers) != 1:
                return tuple(found), False
            node = callers[0]
        return tuple(found), False

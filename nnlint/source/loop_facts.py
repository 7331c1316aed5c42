"""What the training loop does beyond the order of its calls: accumulation, sums of losses, optimizers built anew."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import Any

from ..facts import Loop, Missing, Span, Sum
from .flow import Frame, Lost
from .gradients import LoopReader
from .losses import Losses
from .objects import Objects
from .program import last_name
from .trace import Event
from .training import Site, Training
from .turn import Turns
from .walks import LOOPS

_MOST = 200
_DETACHING = frozenset({"item", "detach", "tolist", "numpy", "data"})
_PLAIN = frozenset({"float", "int", "str", "format", "round", "len", "isnan", "isfinite"})
_SIZES = frozenset({"size", "shape", "len", "batch_size", "numel", "mean", "sum"})


class LoopFacts:
    """Completes the facts of a loop."""

    def __init__(self, objects: Objects, training: Training, loops: LoopReader, turns: Turns, losses: Losses) -> None:
        self.objects, self.training, self.loops, self.turns, self.losses = objects, training, loops, turns, losses
        self.program, self.values, self.flow = objects.program, objects.values, objects.flow

    def read(self, site: Site, given: dict[str, Any]) -> Loop:
        """Return all facts of one loop; `given` are those that a framework decides."""
        fields = {
            **self.loops.read(site),
            "calls": self.turns.calls(site),
            "accumulates": self.accumulates(site),
            "divides": self.divides(site),
            "sums": self.sums(site),
            "optimizer_built": self.optimizer_built(site),
            "forward_calls": self.forward_calls,
        }
        return Loop(**{**fields, **given})

    def accumulates(self, site: Site) -> Any:
        """Return how many backward passes one step follows; Missing where it changes or cannot be told."""
        events = self.turns.events(site)
        passes = [e for e in events if isinstance(e.node, ast.Call) and self.training.loss_of(e.node) is not None]
        steps = [e for e in events if isinstance(e.node, ast.Call) and self.training.step(e.node) is not None]
        stepped = {ast.unparse(e.node.func) for e in steps if isinstance(e.node, ast.Call)}
        if not passes or len(stepped) != 1:
            return Missing("not one optimizer steps after one backward")
        if len({id(e.node) for e in passes}) > 1:
            return Missing("there are several backward passes in a turn")
        around = site.loops[0] if site.loops else None
        inner = passes[0].inside(around) if around is not None else ()
        turning = [s.node for s in inner if isinstance(s.node, LOOPS)]
        stepping = steps[0].inside(around) if around is not None else ()
        if any(isinstance(s.node, LOOPS) and s.node not in turning for s in stepping):
            return Missing("the optimizer steps in a loop of its own")
        if turning and not any(s.node is turning[0] for s in stepping):
            return Missing("the backward stands in a loop of its own")
        tests = [s.node for s in stepping if isinstance(s.node, ast.If)]
        if not tests or all(any(t is s.node for s in inner) for t in tests):
            return 1
        return self._period(tests[-1])

    def _period(self, branch: ast.If) -> Any:
        """Return `k` for `if (i + 1) % k == 0:` (`or` the last batch)."""
        tests = branch.test.values if isinstance(branch.test, ast.BoolOp) else [branch.test]
        for test in tests:
            for node in ast.walk(test):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                    value = self.values.maybe(node.right, None)
                    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
                    return value if whole else Missing("how many batches make a step is known when the program runs")
        return Missing("the step stands under a condition")

    def divides(self, site: Site) -> Any:
        """Return whether the loss is divided by a number before its backward."""
        try:
            return self._divided(site.loss, None, 6)
        except Lost as lost:
            return Missing(lost.why)

    def _divided(self, node: ast.expr, frame: Frame | None, depth: int) -> bool:
        if not depth:
            raise Lost("the loss is handed on too often")
        match node:
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._is_count(right) or self._divided(left, frame, depth - 1)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                parts = [p for p in (left, right) if isinstance(p, ast.BinOp)]
                return any(isinstance(p.op, ast.Div) and self._is_count(p.right) for p in parts)
            case ast.Call(func=ast.Attribute(attr="scale"), args=[inner]):
                return self._divided(inner, frame, depth - 1)
            case ast.Call(func=ast.Attribute(attr="div" | "div_" | "true_divide")):
                return True
            case ast.Name():
                return self._name_divided(node, frame, depth)
        return False

    def _name_divided(self, node: ast.Name, frame: Frame | None, depth: int) -> bool:
        scope = self.program.scope.get(node)
        found = scope.lookup(node.id) if scope else None
        for binding in self.flow.live(node, *found, None) if found else ():
            change = binding.node
            if binding.kind == "change" and isinstance(change, ast.AugAssign) and isinstance(change.op, ast.Div):
                return True
            plain = binding.kind == "assign" and not binding.path
            if plain and binding.value is not None and self._divided(binding.value, frame, depth - 1):
                return True
        return False

    def _is_count(self, node: ast.expr) -> bool:
        """Return whether a divisor is a number that does not count the samples of the batch."""
        names = {last_name(n) or "" for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute))}
        return not names & _SIZES

    def sums(self, site: Site) -> Any:
        """Return what of the loss is kept beyond its turn."""
        if not site.loops:
            return Missing("no loop around the backward is to be seen")
        events = self.turns.trace.segment(site.loops[-1], site.backward)
        if not events:
            return Missing("the loop is not reached in a way that can be followed")
        names = self._loss_names
        found: dict[int, Sum] = {}
        for event in events:
            told = self._kept(event.node)
            if told is None or not any(loop in site.loops for loop in event.loops):
                continue
            target, value, statement = told
            reads = self._reads_loss(value, names)
            if not reads or self._is_differentiated(target, statement, site):
                continue
            detached = all(self._is_detached(n, value) for n in reads) or _without_gradient(event)
            found[id(statement)] = Sum(
                span=self.program.span(statement), value=self.program.span(value), detached=detached,
                name=ast.unparse(target),
            )  # fmt: skip
        return tuple(found.values())

    def _kept(self, node: ast.AST) -> tuple[ast.expr, ast.expr, ast.AST] | None:
        """Return target, value and statement of `total += x`, `total = total + x`, `history.append(x)`."""
        match node:
            case ast.AugAssign(target=target, op=ast.Add(), value=value):
                return target, value, node
            case ast.Assign(targets=[target], value=ast.BinOp(left=left, op=ast.Add(), right=right)):
                same = [s for s in (left, right) if ast.unparse(s) == ast.unparse(target)]
                return (target, right if same[0] is left else left, node) if same else None
            case ast.Call(func=ast.Attribute(value=owner, attr="append"), args=[value]):
                return owner, value, node
        return None

    @cached_property
    def _loss_names(self) -> set[tuple[str, ast.AST | None]]:
        """Return the names that hold a loss that is differentiated, each with its function."""
        found: set[tuple[str, ast.AST | None]] = set()
        for call in self.program.calls:
            loss = self.training.loss_of(call)
            if isinstance(loss, ast.BinOp) and isinstance(loss.op, ast.Div | ast.Mult):
                loss = loss.left  # `(loss / steps).backward()`
            if isinstance(loss, ast.Name):
                found.add((loss.id, self.program.function_of(call)))
        return found

    def _reads_loss(self, value: ast.expr, names: set[tuple[str, ast.AST | None]]) -> list[ast.AST]:
        """Return the nodes under `value` that are a loss: its name, or a call of a function that returns it."""
        if isinstance(value, (ast.Constant, ast.List, ast.Dict)):
            return []
        found: list[ast.AST] = []
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and (node.id, self.program.function_of(node)) in names:
                found.append(node)
            elif isinstance(node, ast.Call):
                function = self.flow.callee(node)
                results = self._results(function) if function is not None else []
                if results and all(isinstance(r, ast.Name) and (r.id, function) in names for r in results):
                    found.append(node)
        return found

    def _results(self, function: Any) -> list[ast.expr]:
        try:
            return self.flow.returned(function)
        except Lost:
            return []

    def _is_detached(self, node: ast.AST, value: ast.expr) -> bool:
        """Return whether something between a loss and what is kept lets go of its graph."""
        inner = node
        for outer in self.program.ancestors(node):
            if isinstance(outer, ast.Attribute) and outer.attr in (*_DETACHING, "shape"):
                return True
            if isinstance(outer, ast.Call) and inner is not outer.func and (last_name(outer.func) or "") in _PLAIN:
                return True
            if isinstance(outer, (ast.JoinedStr, ast.Compare)):
                return True
            if outer is value:
                break
            inner = outer
        return node is not value and isinstance(value, ast.JoinedStr)

    def _is_differentiated(self, target: ast.expr, statement: ast.AST, site: Site) -> bool:
        """Return whether a sum is itself a loss, or is set anew in each turn."""
        text = ast.unparse(target)
        if text in self._differentiated:
            return True
        if not isinstance(target, ast.Name) or target not in self.program.scope:
            return False
        found = self.program.scope[target].lookup(target.id)
        for binding in found[1] if found else ():
            fresh = binding.kind == "assign" and binding.node is not statement
            if fresh and site.loops and self.program.within(binding.node, site.loops[0]):
                return True
        return False

    @cached_property
    def _differentiated(self) -> set[str]:
        """The words of every name and attribute that some loss of the file is computed from."""
        losses = [loss for c in self.program.calls if (loss := self.training.loss_of(c)) is not None]
        return {ast.unparse(n) for loss in losses[:_MOST] for n in self._behind(loss)}

    def _behind(self, loss: ast.expr) -> list[ast.AST]:
        """Return the expressions that a loss is computed from, a few names back."""
        found: list[ast.AST] = []
        todo: list[tuple[ast.AST, int]] = [(loss, 4)]
        while todo:
            node, depth = todo.pop()
            inner = [n for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute))]
            found += inner
            for name in inner:
                if depth and isinstance(name, ast.Name):
                    try:
                        todo += [(p.node, depth - 1) for p in self.flow.definitions(name)]
                    except Lost:
                        continue
        return found

    def optimizer_built(self, site: Site) -> Any:
        """Return where an optimizer that steps in the turn is built in it; None where none is."""
        if not site.steps or not site.loops:
            return Missing("no step in a loop is to be seen")
        for step in site.steps:
            for place in step.built:
                events = [e for e in self.turns.events(site) if e.node is place.node]
                if events and not any(isinstance(s.node, ast.If) for s in events[0].inside(site.loops[0])):
                    return self.program.span(place.node)
                if events:
                    return Missing("the optimizer is built under a condition")
        return None if all(s.built for s in site.steps) else Missing("what built the optimizer cannot be told")

    @cached_property
    def forward_calls(self) -> tuple[Span, ...]:
        """Return every `net.forward(...)` on a model."""
        found = []
        for call in self.program.calls_by_name.get("forward", ()):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            if owner is None or self.program.qualified(owner) or isinstance(owner, ast.Call):
                continue
            if self.flow.own_class(owner) is None and self.objects.is_model(owner):
                found.append(self.program.span(call))
        return tuple(found)


def _without_gradient(event: Event) -> bool:
    return any(last_name(getattr(c, "func", c)) in ("no_grad", "inference_mode") for c in event.contexts)

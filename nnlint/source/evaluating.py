"""Where a model is scored outside of the training step, in which mode, with or without a graph."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ..facts import Evaluation, Missing
from .flow import Lost
from .loader_facts import role_of_name
from .objects import Objects
from .program import last_name
from .scopes import FUNCTIONS
from .terms import KINDS
from .trace import Event, Trace
from .training import Site, Training
from .turn import Turns
from .walks import LOOPS

_MOST = 200
"""Calls of models, and backward passes, looked at in one file: more than that is generated code."""
_QUIET = frozenset({"no_grad", "inference_mode"})
_CHOSEN = frozenset({"argmax", "max", "eq", "topk", "accuracy_score", "accuracy", "f1_score", "round", "roc_auc_score"})


class Evaluating:
    """Reads how a model is scored."""

    def __init__(self, objects: Objects, training: Training, turns: Turns, trace: Trace, sites: Sequence[Site]) -> None:
        self.objects, self.training, self.turns, self.trace, self.sites = objects, training, turns, trace, sites
        self.program, self.flow, self.values = objects.program, objects.flow, objects.values
        self.events = trace.events
        self._keys: dict[tuple[int, int], Any] = {}

    def read(self) -> tuple[Evaluation, ...] | Missing:
        """Return every place where a model is scored; Missing where the program is not followed to its end."""
        if not self.trace.complete or not self.sites:
            return Missing("the program is not followed to its end")
        calls = [(at, e) for at, e in enumerate(self.events) if self.turns.is_model_call(e) and not self._in_model(e)]
        if len(calls) > _MOST or len(self._passes) > _MOST:
            return Missing("more models are called than can be followed")
        trained = {self._key(e) for at, e in calls if self._trains(at, e)}
        found: dict[int, Evaluation] = {}
        for at, event in calls:
            if id(event.node) in found or self._key(event) not in trained:
                continue
            if not self._trains(at, event) and self._is_first(at, event):
                found[id(event.node)] = self._one(at, event)
        return tuple(found.values())

    def _in_model(self, event: Event) -> bool:
        """Return whether a call stands in a method of a model, so that it is a part of the model's own forward."""
        return self.objects.modules.holder(event.node) is not None

    @cached_property
    def _passes(self) -> list[int]:
        return [
            at for at, e in enumerate(self.events)
            if isinstance(e.node, ast.Call) and self.training.loss_of(e.node) is not None
        ]  # fmt: skip

    @cached_property
    def _stepped(self) -> list[int]:
        """The backward passes that an optimizer step belongs to: in their innermost loop, or around it."""
        steps = [e for e in self.events if isinstance(e.node, ast.Call) and self.training.step(e.node) is not None]

        def belongs(passed: Event, step: Event) -> bool:
            if not passed.loops or not step.loops:
                return passed.loops == step.loops
            return passed.loops[-1] in step.loops or passed.loops[: len(step.loops)] == step.loops

        found = [at for at in self._passes if any(belongs(self.events[at], step) for step in steps)]
        return found or self._passes

    def _trains(self, at: int, event: Event) -> bool:
        """Return whether a forward is part of a training step: a backward follows it in the same turn."""
        quiet = self._no_grad(at, event) is True
        for later in self._passes:
            passed = self.events[later]
            if later < at or event.loops[:-1] != passed.loops[: len(event.loops)][:-1]:
                continue
            if not event.loops or event.loops[-1] in passed.loops or self._feeds(event, passed):
                return not (quiet and self._eval_mode(at, event) is True)
        return False

    def _feeds(self, event: Event, passed: Event) -> bool:
        """Return whether a loop of forwards stands in a turn of the loop of the backward (steps in time)."""
        return event.loops[:-1] == passed.loops and bool(passed.loops)

    def _is_first(self, at: int, event: Event) -> bool:
        """Return whether no other call of the same model stands before it in the same loop or function."""
        where = self._region(event)
        for earlier in self.events[max(0, at - 60) : at]:
            same = self._region(earlier) is where and self.turns.is_model_call(earlier)
            if (
                same
                and self._key(earlier) == self._key(event)
                and not self._trains(self.events.index(earlier), earlier)
            ):
                return False
        return True

    def _region(self, event: Event) -> ast.AST | None:
        for step in reversed(event.path):
            if isinstance(step.node, (*LOOPS, *FUNCTIONS)):
                return step.node
        return None

    def _key(self, event: Event, node: ast.AST | None = None) -> Any:
        """Return what tells models apart: the construction, else the words for it."""
        node = node if node is not None else getattr(event.node, "func", event.node)
        spot = (id(node), id(event.frame))
        if spot not in self._keys:
            self._keys[spot] = self._new_key(event, node)
        return self._keys[spot]

    def _new_key(self, event: Event, node: ast.AST) -> Any:
        if isinstance(node, ast.Attribute) and node.attr == "forward":
            node = node.value
        built = self.objects.only(node, event.frame)
        return id(built.node) if built is not None else ast.unparse(node)

    def _one(self, at: int, event: Event) -> Evaluation:
        place = self._place(at, event)
        assert isinstance(event.node, ast.Call)
        return Evaluation(
            span=self.program.span(event.node),
            model=ast.unparse(event.node.func).removesuffix(".forward"),
            place=place,
            eval_mode=self._eval_mode(at, event),
            no_grad=self._no_grad(at, event),
            trains_again=self._trains_again(at, event) if place == "between" else Missing("no training follows"),
            data=self._data(event),
            figure=self._figure(event),
        )

    def _place(self, at: int, event: Event) -> Any:
        if not self._stepped:
            return Missing("no training is to be seen")
        for passed in self._stepped:
            if set(event.loops) & set(self.events[passed].loops):
                return "between"
        return "after" if at > self._stepped[-1] else "before" if at < self._stepped[0] else "between"

    def _mode(self, event: Event) -> tuple[Any, bool | None] | None:
        """Return whose mode an event sets and to what: True for training, None where that is computed.

        None for an event that sets no mode.
        """
        node = event.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        if node.func.attr not in ("eval", "train") or self.program.qualified(node.func):
            return None
        train: bool | None = node.func.attr == "train"
        if train and (node.args or node.keywords):
            value = self.values.maybe(node.args[0] if node.args else node.keywords[0].value, None, event.frame)
            train = value if isinstance(value, bool) else None
        return self._key(event, node.func.value), train

    def _eval_mode(self, at: int, event: Event) -> Any:
        """Return whether the last word before a call, in the order in which the program runs, was `eval()`."""
        key = self._key(event)
        strange = False
        for earlier in reversed(self.events[:at]):
            mode = self._mode(earlier)
            if mode is None:
                continue
            if mode[0] == key and mode[1] is None:
                return Missing("its mode is set to a computed value")
            if mode[0] == key:
                unsure = self._is_conditional(earlier, event)
                return Missing("its mode is set under a condition") if unsure else not mode[1]
            strange = strange or not mode[1]
        if strange:
            return Missing("another model, or one that cannot be told from it, is in evaluation mode")
        return False

    def _is_conditional(self, earlier: Event, event: Event) -> bool:
        around = {id(s.node) for s in event.path}
        return any(isinstance(s.node, (ast.If, ast.Match)) and id(s.node) not in around for s in earlier.path)

    def _no_grad(self, at: int, event: Event) -> Any:
        for context in event.contexts:
            call = context if isinstance(context, ast.Call) else None
            name = last_name(call.func if call is not None else context) or ""
            if name in _QUIET:
                return True
            if name == "set_grad_enabled" and call is not None and call.args:
                value = self.values.maybe(call.args[0], None, event.frame)
                return not value if isinstance(value, bool) else Missing("`set_grad_enabled` takes a computed value")
        for earlier in reversed(self.events[:at]):
            node = earlier.node
            entered = any(isinstance(s.node, (ast.With, ast.AsyncWith)) for s in earlier.path)
            if isinstance(node, ast.Call) and last_name(node.func) == "set_grad_enabled" and not entered:
                value = self.values.maybe(node.args[0], None, earlier.frame) if node.args else None
                if not isinstance(self.program.parent.get(node), ast.withitem):
                    return (
                        not value if isinstance(value, bool) else Missing("gradients are switched by a computed value")
                    )
        return False

    def _trains_again(self, at: int, event: Event) -> Any:
        """Return whether `train()` is called between a call and the next training step, once around the loop."""
        key = self._key(event)
        shared = [loop for p in self._stepped for loop in event.loops if loop in self.events[p].loops]
        order = list(range(at + 1, len(self.events)))
        if shared:
            inner = max(shared, key=event.loops.index)
            turn = [n for n, e in enumerate(self.events) if inner in e.loops]
            order = [n for n in turn if n > at] + [n for n in turn if n <= at]
        passes = set(self._stepped)
        for n in order:
            mode = self._mode(self.events[n])
            if mode is not None and mode[0] == key and mode[1]:
                return True
            if n in passes:
                return False
        return Missing("no training is seen to follow")

    def _data(self, event: Event) -> Any:
        """Return whose data are scored, as the names of the loop's iterable or of the argument say."""
        assert isinstance(event.node, ast.Call)
        texts: list[ast.expr] = []
        region = self._region(event)
        if isinstance(region, (ast.For, ast.AsyncFor)):
            texts.append(region.iter)
        texts += event.node.args[:1]
        for node in texts:
            for _ in range(3):
                role = role_of_name(ast.unparse(node))
                if role is not None:
                    return role
                frame = event.frame
                if not isinstance(node, ast.Name) or frame is None:
                    break
                try:
                    node = self.flow.argument(frame.function, frame.call, node.id, frame.outer).node
                except Lost:
                    break
        return Missing("whose data are scored is not to be seen")

    def _figure(self, event: Event) -> Any:
        region = self._region(event)
        statements = self._behind(event.node, region) if region is not None else self._near(event.node)
        seen = "other"
        if self._counted(event.node, statements):
            return "accuracy"
        for node, _ in self.turns.loops.training.effects.runs(statements):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq) and _summed(self.program, node):
                return "accuracy"
            if not isinstance(node, ast.Call):
                continue
            name = last_name(node.func) or ""
            if name in _CHOSEN:
                return "accuracy"
            if name in KINDS or id(node) in self.turns.losses or "crit" in name.lower() or "loss" in name.lower():
                seen = "loss"
        return seen

    def _counted(self, call: ast.AST, statements: list[ast.AST]) -> bool:
        """Return whether what a call gives is cut at a threshold and then summed up over the turns of a loop."""
        cut = (ast.Gt, ast.GtE, ast.Lt, ast.LtE)
        around = itertools.takewhile(lambda n: not isinstance(n, ast.stmt), self.program.ancestors(call))
        if not any(isinstance(n, ast.Compare) and isinstance(n.ops[0], cut) for n in around):
            return False
        sums = (n for s in statements for n in ast.walk(s) if isinstance(n, ast.AugAssign))
        return any(last_name(n.func) == "sum" for one in sums for n in ast.walk(one) if isinstance(n, ast.Call))

    def _behind(self, node: ast.AST, region: ast.AST) -> list[ast.AST]:
        """Return the statement of a node and all that follow it in its loop or function."""
        found: list[ast.AST] = []
        inner = node
        for outer in self.program.ancestors(node):
            for block in ("body", "orelse", "finalbody"):
                statements = getattr(outer, block, None)
                if isinstance(statements, list) and inner in statements:
                    found += statements[statements.index(inner) + bool(found) :]
            if outer is region:
                break
            inner = outer
        return found

    def _near(self, node: ast.AST) -> list[ast.AST]:
        """Return the statement of a node at the top level, and the few that follow it."""
        body: list[ast.AST] = list(self.program.tree.body)
        found = [at for at, s in enumerate(body) if self.program.within(node, s)]
        return body[found[0] : found[0] + 4] if found else []


def _summed(program: Any, node: ast.AST) -> bool:
    """Return whether a comparison is summed or averaged: a count of hits."""
    for outer in program.ancestors(node):
        if isinstance(outer, ast.stmt):
            return False
        if isinstance(outer, ast.Attribute) and outer.attr in ("sum", "mean", "float"):
            return True
    return False

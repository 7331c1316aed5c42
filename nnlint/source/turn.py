"""One turn of the training loop, call by call."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..facts import Call, Missing
from .gradients import CLIPS, LoopReader, reads_grad
from .objects import Objects
from .program import last_name
from .terms import Term
from .trace import Event, Trace
from .training import Site, Training


class Turns:
    """Names the calls of a turn."""

    def __init__(
        self, objects: Objects, training: Training, loops: LoopReader, trace: Trace, terms: Sequence[Term]
    ) -> None:
        self.objects, self.training, self.loops, self.trace = objects, training, loops, trace
        self.program = objects.program
        self.losses = {id(t.node) for t in terms}
        self.built = {id(t.built.node) for t in terms if t.built is not None}
        self._models: dict[tuple[int, int], bool] = {}

    def events(self, site: Site) -> list[Event]:
        """Return what one turn of a site's innermost loop does; [] where it is not reached."""
        around = site.loops[0] if site.loops else self.program.function_of(site.backward)
        if around is None:
            return [e for e in self.trace.events if not e.loops]
        return self.trace.segment(around, site.backward)

    def calls(self, site: Site) -> tuple[Call, ...] | Missing:
        """Return the calls of one turn in order."""
        events = self.events(site)
        if not events:
            return Missing("the loop is not reached in a way that can be followed")
        around = site.loops[0] if site.loops else self.program.function_of(site.backward)
        found: list[Call] = []
        for event in events:
            told = self.kind(event)
            if told is None:
                continue
            call = Call(
                kind=told[0],
                span=self.program.span(event.node),
                on=told[1],
                conditional=self.is_conditional(event, around),
            )
            # gradients that are cleared one by one in a loop of their own are cleared once
            if not (found and found[-1].kind == call.kind and found[-1].span == call.span):
                found.append(call)
        return tuple(found)

    def kind(self, event: Event) -> tuple[Any, str | None] | None:
        """Return what an event does in a turn, and on what; None for anything else."""
        node = event.node
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            return self._assigned(node)
        if not isinstance(node, ast.Call):
            return None
        name = last_name(node.func) or ""
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        loss = self.training.loss_of(node)
        if loss is not None:
            return "backward", _text(loss)
        if self.loops.is_clearing(node):
            return "zero_grad", _text(owner) if name == "zero_grad" and owner is not None else None
        if name in CLIPS or (name in ("clamp_", "clip_") and reads_grad(node.func)):
            return f"clip_{CLIPS.get(name, 'value')}", None
        if name == "unscale_":
            return "unscale", _text(node.args[0]) if node.args else None
        if name == "unscale_gradients":
            return "unscale", None
        return self._stepped(event, node, name, owner)

    def _assigned(self, node: ast.Assign | ast.AugAssign) -> tuple[str, str | None] | None:
        if self.loops.is_clearing(node):
            return "zero_grad", None
        if id(node.value) in self.losses and not isinstance(node.value, ast.Call):
            return "loss", None
        return None

    def _stepped(
        self, event: Event, node: ast.Call, name: str, owner: ast.expr | None
    ) -> tuple[str, str | None] | None:
        if name == "step" and owner is not None:
            step = self.training.step(node)
            if step is not None:
                return "step", _text(step.optimizer)
            return ("scheduler_step", _text(owner)) if self.is_scheduler(owner, event) else None
        if name in ("update_parameters", "update_ema", "ema_update") or (name == "update" and _is_ema(owner)):
            return "ema_update", _text(owner) if owner is not None else None
        if id(node) in self.losses or self._is_built_loss(node, event):
            return "loss", _text(node.func)
        if self.is_model_call(event):
            return "forward", _text(node.func)
        return None

    def _is_built_loss(self, node: ast.Call, event: Event) -> bool:
        """Return whether a call is that of a loss that a term of the recipe is built as."""
        if not self.built or isinstance(node.func, ast.Call):
            return False
        built = self.objects.only(node.func, event.frame)
        return built is not None and id(built.node) in self.built

    def is_model_call(self, event: Event) -> bool:
        """Return whether an event is the call of a model from outside of it."""
        node = event.node
        if not isinstance(node, ast.Call) or isinstance(node.func, ast.Call):
            return False
        key = (id(node), id(event.frame))
        if key not in self._models:
            self._models[key] = self._is_model_call(node, event)
        return self._models[key]

    def _is_model_call(self, node: ast.Call, event: Event) -> bool:
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr != "forward":
            owned = self.objects.flow.own_class(func.value)
            if owned is None and not self.objects.is_trained(func):
                return False
            if owned is not None and self.objects.modules.is_class(owned):
                return False
        if isinstance(func, ast.Name) and (self.program.qualified(func) or self.program.definition(func)):
            return False
        return self.objects.is_model(func, event.frame)

    def is_scheduler(self, node: ast.expr, event: Event) -> bool:
        """Return whether an expression stands for a scheduler, by what built it or by its name."""
        built = self.objects.only(node, event.frame)
        if built is not None and isinstance(built.node, ast.Call):
            return "lr_scheduler" in (self.program.qualified(built.node.func) or "") or "sched" in _text(node).lower()
        return "sched" in _text(node).lower()

    def is_conditional(self, event: Event, around: ast.AST | None) -> bool:
        """Return whether some turns leave an event out."""
        inner = event.inside(around) if around is not None else event.path
        return any(
            (isinstance(s.node, ast.If) and not self.loops.always(s.node))
            or isinstance(s.node, ast.Match)
            or (isinstance(s.node, ast.Try) and not s.side)
            for s in inner
        )


def _is_ema(owner: ast.expr | None) -> bool:
    return owner is not None and "ema" in _text(owner).lower().split(".")[-1]


def _text(node: ast.AST) -> str:
    return ast.unparse(node)

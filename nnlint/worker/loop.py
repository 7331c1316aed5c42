"""The order of calls in the training loop: optimizers, steps, cleared gradients, clipping, schedulers."""

from __future__ import annotations

import linecache
from types import FrameType
from typing import Any

import torch

from .schedules import Schedules
from .sites import span_of, user_frame
from .steps import Steps
from .turns import Turns

_SMALL = 1_000_000
_FEW = 16


class SeenOptimizer:
    """An optimizer that the user's code built, with how far it came."""

    def __init__(self, optimizer: torch.optim.Optimizer, span: dict[str, Any] | None, given: list[str] | None) -> None:
        self.optimizer, self.span, self.given = optimizer, span, given
        self.steps = 0
        self.rates = [_number(group.get("lr")) for group in optimizer.param_groups]
        self.leftovers: list[bool] = []
        self._cleared = True

    def look(self) -> None:
        """Notice gradients that are gone, by whatever means."""
        if not self._cleared:
            self._cleared = not any(_nonzero(p.grad) for p in self.parameters())

    def stepped(self) -> None:
        """Note a step: were its gradients cleared at some time since the one before?"""
        self.steps += 1
        if self.steps > 1:
            self.leftovers.append(not self._cleared)
        self._cleared = False

    def parameters(self) -> list[torch.Tensor]:
        """Return what it steps."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def facts(self, names: dict[int, str]) -> dict[str, Any]:
        """Return an `Optimizer` dict; `names` are the model's parameters by identity."""
        defaults = self.optimizer.defaults
        facts: dict[str, Any] = {"kind": type(self.optimizer).__name__, "span": self.span}
        if self.rates and all(rate == self.rates[0] for rate in self.rates):
            if self.rates[0] is not None:
                facts["lr"] = self.rates[0]
        else:
            facts["lr"] = {"unknown": "its groups of parameters have different rates"}
        for key in ("momentum", "weight_decay"):
            value = _number(defaults.get(key))
            if value is not None:
                facts[key] = value
        if isinstance(defaults.get("nesterov"), bool):
            facts["nesterov"] = defaults["nesterov"]
        facts["parameters"] = [names[id(p)] for p in self.parameters() if id(p) in names]
        facts["groups"] = [_group(group, rate, names) for group, rate in zip(self.optimizer.param_groups, self.rates)]
        if self.given is not None:
            facts["given"] = self.given
        return facts


def _group(group: dict[str, Any], rate: float | None, names: dict[int, str]) -> dict[str, Any]:
    """Return a `Group` dict."""
    found: dict[str, Any] = {"parameters": [names[id(p)] for p in group["params"] if id(p) in names]}
    numbers = {"lr": rate, "weight_decay": _number(group.get("weight_decay"))}
    return found | {key: value for key, value in numbers.items() if value is not None}


class StepsByHand:
    """Notices steps that no optimizer makes: parameters that moved between two backward passes."""

    def __init__(self) -> None:
        self.leftovers: list[bool] = []
        self._values: dict[int, torch.Tensor] = {}

    def look(self, parameters: list[torch.Tensor]) -> None:
        """Before a backward pass: if a step was made since the one before, is its gradient still there?"""
        if any(id(p) in self._values and not torch.equal(p.detach(), self._values[id(p)]) for p in parameters):
            self.leftovers.append(any(_nonzero(p.grad) for p in parameters))
        small = [p for p in parameters if p.requires_grad and p.numel() <= _SMALL]
        self._values = {id(p): p.detach().clone() for p in small[:_FEW]}


class Loop:
    """What the loop does, told call by call; `facts` says it in the end."""

    def __init__(self) -> None:
        self.optimizers: list[SeenOptimizer] = []
        self.by_hand = StepsByHand()
        self.turns = Turns()
        self.schedules = Schedules(self.turns)
        self.measured = Steps()
        self.clips: str | None = None
        self.backwards = 0
        self.steps = 0
        self._backward: dict[str, Any] | None = None
        self._step: dict[str, Any] | None = None
        self._name: str | None = None
        self._rebuilt: dict[str, Any] | None = None

    def built(self, optimizer: torch.optim.Optimizer, span: dict[str, Any] | None, given: list[str] | None) -> None:
        """Remember an optimizer."""
        if self.steps and span is not None and any(entry.span == span for entry in self.optimizers):
            self._rebuilt = span
        self.optimizers.append(SeenOptimizer(optimizer, span, given))

    def seen(self, optimizer: torch.optim.Optimizer) -> SeenOptimizer:
        """Return what is known of an optimizer, also of one whose constructor nobody saw."""
        for entry in self.optimizers:
            if entry.optimizer is optimizer:
                return entry
        self.built(optimizer, None, None)
        return self.optimizers[-1]

    @property
    def scheduler(self) -> str | None:
        """The class of the last scheduler that was built, None for none."""
        own = self.schedules.own
        return type(own[-1].scheduler).__name__ if own else None

    def before_backward(self, frame: FrameType | None, parameters: list[torch.Tensor], loss: Any = None) -> None:
        """Look at the gradients that a `backward()` will add to.

        `parameters` are those of the models in use, where no optimizer is there to say what it steps.
        """
        self.backwards += 1
        self.turns.note("backward", frame)
        self.measured.backward(loss)
        user = user_frame(frame)
        self._backward = self._backward or span_of(user)
        self.look()
        if not self.optimizers:
            self.by_hand.look(parameters)

    def look(self) -> None:
        """Notice gradients that are gone (before a `backward()`, after a `zero_grad()`)."""
        for entry in self.optimizers:
            entry.look()

    def cleared(self, frame: FrameType | None) -> None:
        """Note a `zero_grad()`."""
        self.turns.note("zero_grad", frame)
        self.look()

    def clipped(self, kind: str, norm: Any, frame: FrameType | None) -> None:
        """Note that gradients are clipped by their `norm`, which `clip_grad_norm_` returns, or by `value`."""
        self.clips = self.clips or kind
        self.turns.note(f"clip_{kind}", frame)
        self.measured.clipped(norm)

    def about_to_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Measure the gradients that a step is going to use."""
        self.measured.before_step(self.seen(optimizer).parameters())

    def stepped(self, optimizer: torch.optim.Optimizer, frame: FrameType | None) -> SeenOptimizer:
        """Note a step, and where and on what it was called."""
        entry = self.seen(optimizer)
        entry.stepped()
        self.steps += 1
        self.schedules.stepped(self.steps)
        self.turns.note("step", frame)
        user = user_frame(frame)
        if self._step is None and user is not None:
            self._step = span_of(user)
            self._name = _expression(user, self._step, optimizer)
        return entry

    def done(self, limit: int) -> bool:
        """Whether every optimizer has made `limit` steps (or one has made many, and others wait for their turn)."""
        if not self.optimizers:
            return self.backwards >= limit
        if self.steps == 0:
            return self.backwards >= max(64, 8 * limit)
        counts = [entry.steps for entry in self.optimizers]
        return min(counts) >= limit or sum(counts) >= 8 * limit

    def facts(self, names: dict[int, str]) -> dict[str, Any]:
        """Return a `Loop` dict; `names` are the model's parameters by identity."""
        facts: dict[str, Any] = {"backward": self._backward, "step": self._step, "optimizer_name": self._name}
        facts["steps_seen"] = self.steps
        facts["clips"] = self.clips
        leftovers = [left for entry in self.optimizers for left in entry.leftovers]
        if not self.optimizers:
            leftovers = self.by_hand.leftovers
        if leftovers:
            facts["clears_gradients"] = not any(leftovers)
        else:
            facts["clears_gradients"] = {"unknown": "fewer than two steps were seen"}
        calls, backwards = self.turns.calls(), self.turns.backwards_to_a_step()
        if calls is not None:
            facts["calls"] = calls
            facts["optimizer_built"] = self._rebuilt
        if backwards is not None and len(self.optimizers) == 1:
            facts["accumulates"] = backwards
        facts["steps"] = self.measured.measured
        facts["without_gradient"] = self.measured.without_gradient(names)
        return facts


def _nonzero(grad: torch.Tensor | None) -> bool:
    if grad is None:
        return False
    if grad.is_sparse:
        return bool(grad._nnz())
    return bool(grad.detach().abs().max() > 0) if grad.numel() else False


def _number(value: Any) -> float | None:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return float(value)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _expression(frame: FrameType, span: dict[str, Any] | None, optimizer: object) -> str | None:
    """Return the text before `.step(` at `span`, where it names that very optimizer."""
    if span is None or span.get("column") is None or span["line"] != span["end_line"]:
        return None
    text = linecache.getline(span["path"], span["line"])[span["column"] - 1 : span["end_column"] - 1]
    name, dot, _ = text.rpartition(".step(")
    if not dot:
        return None
    first, *rest = name.split(".")
    value = frame.f_locals.get(first, frame.f_globals.get(first))
    for attribute in rest:
        value = getattr(value, attribute, None)
    return name if value is optimizer else None

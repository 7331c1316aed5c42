"""What one turn of the training loop does, call by call."""

from __future__ import annotations

from typing import ClassVar, Literal

from .span import Span
from .unknown import Fact, Known, Plain, Unknown, missing

CallKind = Literal[
    "zero_grad", "forward", "loss", "backward", "unscale", "clip_norm", "clip_value", "step", "scheduler_step",
    "ema_update",
]  # fmt: skip


class Call(Plain):
    """One call of a turn, in the order in which it runs.

    `on` is what it is called on, or handed, as the user wrote it: the optimizer for `zero_grad`, `unscale` and `step`
    (also in `scaler.step(optimizer)`), the scheduler for `scheduler_step`, the model for `forward`, the loss function
    for `loss`, the loss for `backward`. Gradients that are cleared by hand are a `zero_grad` without `on`.
    """

    kind: CallKind
    span: Span | None = None
    on: str | None = None
    conditional: bool = False
    """Whether it stands under an `if` inside the turn, so that some turns leave it out."""


class Sum(Plain):
    """A value of the loss that is kept beyond its turn (`total += loss`, `history.append(loss)`), for a report.

    A sum that is itself differentiated (`loss += term`, then `backward()`) is none.
    """

    span: Span
    """The statement."""
    value: Span
    """What is added or appended: `loss`, `loss.item()`."""
    detached: bool
    """Whether the graph is let go of (`.item()`, `float(loss)`, `.detach()`, under `no_grad`)."""
    name: str = ""
    """What it is added to, as the user wrote it: `total`, `self.history`."""


class Step(Fact):
    """One observed optimizer step: the loss before it, and the norm of all its gradients before they were clipped."""

    named: ClassVar[str] = "recipe.loop.step"
    loss: Known[float] = missing()
    gradient: Known[float] = missing()
    finite: Known[bool] = missing()
    """Whether every gradient was finite."""


class Loop(Fact):
    """The training loop. Spans point to the calls in the user's file.

    Where a file trains in several loops, it is one that never clears gradients, else the first.
    """

    named: ClassVar[str] = "recipe.loop"
    clears_gradients: Known[bool] = missing()
    """Whether gradients are cleared (by whatever means) between a step and the next backward."""
    backward: Span | None = None
    step: Span | None = None
    optimizer_name: str | None = None
    """The expression on which `step()` is called, as the user wrote it (`optimizer`, `self.opt`)."""
    clips: Known[str | None] = missing()
    """`norm`, `value`, or None for no clipping."""
    steps_seen: int = 0
    calls: Known[tuple[Call, ...]] = missing()
    """The calls of one turn in order, all optimizers' together. Missing where a framework makes them."""
    accumulates: Known[int] = missing()
    """Backward passes to one step: 1 where each is followed by its step."""
    divides: Known[bool] = missing()
    """Whether the loss is divided by a number before its backward (`loss / 4`); a mean over the batch is none."""
    sums: Known[tuple[Sum, ...]] = missing()
    optimizer_built: Known[Span | None] = missing()
    """Where an optimizer that steps in the turn is built in the turn itself; None where none is."""
    forward_calls: Known[tuple[Span, ...]] = missing()
    """Every `net.forward(...)` on a model, in the whole file, methods of the model's own class left out."""
    steps: Known[tuple[Step, ...]] = missing()
    """The steps that were observed, up to 64, all optimizers' together."""
    without_gradient: Known[tuple[str, ...]] = missing()
    """Parameters that an optimizer holds and that had no gradient (`None`) at any observed step."""
    unheld: Known[tuple[str, ...]] = missing()
    """Parameters of a model in training mode of which no optimizer holds any, while another model of the same step has
    one: those that got a gradient and that nobody moved."""

    @property
    def models(self) -> tuple[str, ...]:
        """What the models that a turn calls are named in the loop (`model`, `self.net`); () where that is not known."""
        try:
            return tuple(dict.fromkeys(call.on for call in self.calls if call.kind == "forward" and call.on))
        except Unknown:
            return ()

"""How a model is trained: loss, optimizer, schedule, batch, epochs, loop."""

from __future__ import annotations

from typing import ClassVar, Literal

from .data import Target
from .span import Span
from .unknown import Fact, Known, missing

LossKind = Literal[
    "cross_entropy", "nll", "bce", "bce_with_logits", "mse", "l1", "smooth_l1", "huber", "kl_div", "soft_margin",
    "multilabel_soft_margin", "hinge", "poisson_nll", "gaussian_nll", "cosine", "triplet", "ctc", "custom",
]  # fmt: skip
"""`custom` is a loss that is written by hand and matches none of the others."""


class Loss(Fact):
    """One loss. `name` is what the user wrote: `CrossEntropyLoss`, `F.mse_loss`, or "hand-written loss"."""

    named: ClassVar[str] = "recipe.loss"
    kind: Known[LossKind] = missing()
    name: str = "the loss"
    span: Span | None = None
    """Where it is built (`nn.CrossEntropyLoss()`), else where it is called."""
    call: Span | None = None
    reduction: Known[str] = missing()
    reads: Known[tuple[int, ...]] = missing()
    """Ids of the graph's nodes whose values reach the loss as predictions."""
    compares: Known[Target] = missing()
    """What the predictions are compared with."""

    @property
    def shown(self) -> str:
        """How a message speaks of it: "`CrossEntropyLoss`", "the hand-written loss"."""
        return f"`{self.name}`" if " " not in self.name else "the " + self.name.removeprefix("the ")


class Optimizer(Fact):
    """One optimizer. `kind` is its class name; `parameters` the names of the model's parameters that it steps."""

    named: ClassVar[str] = "recipe.optimizer"
    kind: str
    span: Span | None = None
    lr: Known[float] = missing()
    momentum: Known[float] = missing()
    nesterov: Known[bool] = missing()
    weight_decay: Known[float] = missing()
    parameters: Known[tuple[str, ...]] = missing()
    given: Known[tuple[str, ...]] = missing()
    """Names of the arguments that the user wrote out (`lr`, `momentum`)."""


class Loop(Fact):
    """The training loop. Spans point to the calls in the user's file."""

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


class Recipe(Fact):
    """How a model is trained. An empty tuple means "none", a missing one "not known"."""

    named: ClassVar[str] = "recipe"
    losses: Known[tuple[Loss, ...]] = missing()
    optimizers: Known[tuple[Optimizer, ...]] = missing()
    scheduler: Known[str | None] = missing()
    batch_size: Known[int] = missing()
    shuffles: Known[bool] = missing()
    epochs: Known[int] = missing()
    updates: Known[int] = missing()
    """Planned optimizer steps in all."""
    loop: Known[Loop] = missing()

    @property
    def loss(self) -> Loss:
        """The only loss. Raises Unknown where there are several or none is known."""
        from .unknown import Unknown

        if len(self.losses) != 1:
            raise Unknown("recipe.loss", f"{len(self.losses)} losses found")
        return self.losses[0]

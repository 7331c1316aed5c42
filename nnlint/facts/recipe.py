"""How a model is trained: loss, optimizer, schedule, batch, epochs, loop."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from .around import (
    Averaging,
    BestWeights,
    EarlyStop,
    Evaluation,
    Loaded,
    Loader,
    Preparation,
    Saved,
    Threshold,
)
from .data import Target
from .loop import Loop
from .span import Span
from .unknown import Fact, Known, known, missing

__all__ = ["Group", "Loop", "Loss", "LossKind", "Optimizer", "Recipe", "Scheduler"]

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


class Group(Fact):
    """One group of parameters of an optimizer. What the group does not set, the optimizer's own arguments say."""

    named: ClassVar[str] = "recipe.optimizer.group"
    span: Span | None = None
    params: str | None = None
    """What it holds, as the user wrote it: `model.body.parameters()`."""
    parameters: Known[tuple[str, ...]] = missing()
    """Names of the model's parameters in it."""
    lr: Known[float] = missing()
    weight_decay: Known[float] = missing()


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
    groups: Known[tuple[Group, ...]] = missing()
    """Its groups of parameters, where they are written as dictionaries; one for an optimizer without any."""


class Scheduler(Fact):
    """One learning-rate scheduler. `kind` is its class name (`StepLR`, `get_linear_schedule_with_warmup`)."""

    named: ClassVar[str] = "recipe.scheduler"
    kind: str
    span: Span | None = None
    """Where it is built."""
    optimizer: Known[str] = missing()
    """The optimizer that it was handed, as the user wrote it."""
    arguments: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """Arguments that were written out and whose values are known, by PyTorch's names: numbers, texts, booleans, None,
    lists of these. What PyTorch fills in is not here."""
    given: Known[tuple[str, ...]] = missing()
    """Names of all arguments that were written out. One that `arguments` lacks has a value that is not known."""
    parts: tuple[Scheduler, ...] = ()
    """The schedulers that a `SequentialLR` or a `ChainedScheduler` is made of. They are stepped by it alone."""
    stepped: Known[Literal["batch", "epoch", "never"]] = missing()
    """After how much it is stepped: once an optimizer step (`batch`), once a pass over the data (`epoch`), `never`
    where its `step` is nowhere called. Where one optimizer step sees all data, it is `epoch`."""
    step: Span | None = None
    """Its first `step(...)`."""
    metric: Known[bool] = missing()
    """Whether `step` is handed anything."""
    before_optimizer: Known[bool] = missing()
    """Whether in a turn of the loop it is stepped ahead of the optimizer."""


class Recipe(Fact):
    """How a model is trained. An empty tuple means "none", a missing one "not known"."""

    named: ClassVar[str] = "recipe"
    losses: Known[tuple[Loss, ...]] = missing()
    optimizers: Known[tuple[Optimizer, ...]] = missing()
    scheduler: Known[str | None] = missing()
    batch_size: Known[int] = missing()
    shuffles: Known[bool] = missing()
    epochs: Known[int] = missing()
    """Planned passes over the data. Phases of one optimizer add up; where phases have optimizers of their own, it is
    known only where they agree, and is that of one of them."""
    updates: Known[int] = missing()
    """Planned optimizer steps in all."""
    loop: Known[Loop] = missing()
    schedulers: Known[tuple[Scheduler, ...]] = missing()
    """Every scheduler that is built, those inside another one left out."""
    loaders: Known[tuple[Loader, ...]] = missing()
    evaluations: Known[tuple[Evaluation, ...]] = missing()
    best_weights: Known[BestWeights | None] = missing()
    """None where no figure is compared with the best so far."""
    early_stopping: Known[EarlyStop | None] = missing()
    """None where nothing ends the training early."""
    seeded: Known[bool] = missing()
    """Whether the random state of torch is set before the model is built."""
    saved: Known[tuple[Saved, ...]] = missing()
    loaded: Known[tuple[Loaded, ...]] = missing()
    preparations: Known[tuple[Preparation, ...]] = missing()
    averaging: Known[Averaging | None] = missing()
    """None where no weights are averaged."""
    thresholds: Known[tuple[Threshold, ...]] = missing()
    """Where the plain output of a model is compared with 0.5 or rounded: no sigmoid stands in between."""

    @property
    def loss(self) -> Loss:
        """The only loss. Raises Unknown where there are several or none is known."""
        from .unknown import Unknown

        if len(self.losses) != 1:
            raise Unknown("recipe.loss", f"{len(self.losses)} losses found")
        return self.losses[0]

    @property
    def counted(self) -> bool:
        """Whether `updates` rests on a DataLoader that trains. Without one it may be an estimate."""
        nothing: tuple[Loader, ...] = ()
        return any(_role(loader) == "train" for loader in known(lambda: self.loaders, nothing))


def _role(loader: Loader) -> str:
    return known(lambda: str(loader.role), "")

"""What stands around the training loop: loaders, scoring, weights that are kept, saved and loaded, prepared data."""

from __future__ import annotations

from typing import ClassVar, Literal

from .span import Span
from .unknown import Fact, Known, missing

Role = Literal["train", "validation", "test"]
Keeping = Literal["deepcopy", "reference", "disk", "nothing"]
"""How weights are kept: a deep copy, a `state_dict()` that still shares its memory with the model, a file, not at
all."""


class Loader(Fact):
    """One DataLoader."""

    named: ClassVar[str] = "recipe.loader"
    span: Span | None = None
    """Where it is built."""
    role: Known[Role] = missing()
    batch_size: Known[int] = missing()
    shuffle: Known[bool] = missing()
    """Whether the order changes from pass to pass, by `shuffle=True` or by a sampler."""
    drop_last: Known[bool] = missing()
    sampler: Known[str | None] = missing()
    """The class of the sampler that was handed over, None for none."""
    samples: Known[int] = missing()
    """The number of samples in its data set."""


class Evaluation(Fact):
    """One place outside the training step where a model is scored."""

    named: ClassVar[str] = "recipe.evaluation"
    span: Span | None = None
    """The call of the model, the first one where there are several."""
    model: str = "model"
    """The expression that is called, as the user wrote it."""
    place: Known[Literal["between", "after", "before"]] = missing()
    """`between` epochs (or steps) of training, `after` it, or `before` it."""
    eval_mode: Known[bool] = missing()
    """Whether the model is in evaluation mode there, by whatever means."""
    no_grad: Known[bool] = missing()
    """Whether no graph is kept (`no_grad`, `inference_mode`, a decorator)."""
    trains_again: Known[bool] = missing()
    """Whether `train()` is called before the next training step. Known only for `between`."""
    data: Known[Role] = missing()
    figure: Known[Literal["accuracy", "loss", "other"]] = missing()
    """What is computed from what the model says."""


class BestWeights(Fact):
    """Weights kept because a figure was the best so far. `how` is `nothing` where only the figure is remembered."""

    named: ClassVar[str] = "recipe.best_weights"
    how: Known[Keeping] = missing()
    span: Span | None = None
    """Where they are kept (`best = model.state_dict()`): the expression; for `nothing`, the comparison."""
    restored: Known[bool] = missing()
    """Whether they are loaded back."""


class EarlyStop(Fact):
    """Training that ends early by a figure: `span` is the `break`, or the callback."""

    named: ClassVar[str] = "recipe.early_stopping"
    span: Span | None = None
    patience: Known[int] = missing()


class Saved(Fact):
    """A checkpoint that is written."""

    named: ClassVar[str] = "recipe.saved"
    span: Span | None = None
    holds: Known[tuple[str, ...]] = missing()
    """`model`, `optimizer`, `scheduler`, `epoch`, `other`, in the order written."""


class Loaded(Fact):
    """A checkpoint that is loaded into something (`model.load_state_dict(...)`)."""

    named: ClassVar[str] = "recipe.loaded"
    span: Span | None = None
    into: Known[Literal["model", "optimizer", "scheduler", "other"]] = missing()
    strict: Known[bool] = missing()
    initialised_after: Known[Span | None] = missing()
    """What gives the same model new values afterwards (`model.apply(init_weights)`); None for nothing."""
    missing_keys: Known[tuple[str, ...]] = missing()
    """Keys of the model that the checkpoint lacks, up to 20; observed."""
    unexpected_keys: Known[tuple[str, ...]] = missing()
    """Keys of the checkpoint that the model lacks, up to 20; observed."""


class Preparation(Fact):
    """Something fitted on, or drawn for, the data before they reach the model."""

    named: ClassVar[str] = "recipe.preparation"
    kind: Literal["scaler", "projection", "selection", "oversampler", "random_transform"]
    """`projection` is PCA and its like, `selection` a choice of features by the target, `random_transform` an
    augmentation."""
    name: str = ""
    """The class, as `StandardScaler`, `RandomHorizontalFlip`."""
    span: Span | None = None
    """The `fit` or `fit_transform`; where a random transform is built."""
    split: Span | None = None
    """Where the same data are split into training and held-back data."""
    before_split: Known[bool] = missing()
    """Whether it was fitted on data that are split later. Known only where a split of the same data is to be seen."""
    reaches: Known[tuple[Role, ...]] = missing()
    """For a random transform: whose data it changes."""


class Averaging(Fact):
    """A model whose weights are averaged along the way (`torch.optim.swa_utils.AveragedModel`)."""

    named: ClassVar[str] = "recipe.averaging"
    span: Span | None = None
    """Where it is built."""
    model: str | None = None
    """What is averaged, as the user wrote it."""
    updates_norms: Known[bool] = missing()
    """Whether the statistics of its norms are its own: by `update_bn`, or averaged with `use_buffers=True`."""


class Threshold(Fact):
    """One place where the plain output of a model is compared with 0.5 (`half`) or rounded (`round`)."""

    named: ClassVar[str] = "recipe.threshold"
    kind: Literal["half", "round"]
    span: Span
    """The comparison, or the call that rounds."""
    value: Span | None = None
    """The 0.5; what a function (and not a method) rounds."""
    model: str = "model"
    """The model, as the user wrote it."""

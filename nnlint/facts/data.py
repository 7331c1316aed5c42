"""A profile of what reaches the model and the loss, from a bounded sample."""

from __future__ import annotations

from typing import ClassVar, Literal

from .unknown import Fact, Known, Plain, missing


class Column(Plain):
    """One feature (a vector's column, an image's channel) over the sampled rows."""

    mean: float
    std: float
    low: float
    high: float


class Features(Fact):
    """One model input. `entering` describes the same values where they reach the first layer with a weight.

    `columns` holds at most 4096 features; `rows` counts the samples behind the figures.
    """

    named: ClassVar[str] = "data.features"
    kind: Literal["vector", "image", "sequence", "ids", "other"]
    shape: tuple[int, ...]
    """Shape of one batch."""
    dtype: str
    rows: int
    columns: tuple[Column, ...] = ()
    entering: Known[tuple[Column, ...]] = missing()
    finite: Known[bool] = missing()


class Target(Fact):
    """What the loss compares with.

    `made` says where it comes from: `data`, or `constant` for labels made in the loop (`torch.ones_like(...)`), or
    `input` where it is the model's own input (an autoencoder).
    """

    named: ClassVar[str] = "data.target"
    shape: tuple[int, ...]
    dtype: str
    rows: int
    low: Known[float] = missing()
    high: Known[float] = missing()
    mean: Known[float] = missing()
    std: Known[float] = missing()
    integral: Known[bool] = missing()
    distinct: Known[int] = missing()
    """Number of different values seen, counted up to 1000."""
    one_hot: Known[bool] = missing()
    """Rows of zeros with a single one."""
    made: Known[Literal["data", "constant", "input"]] = missing()


class Data(Fact):
    """What was seen of the data. `samples` is the size of the training set where known."""

    named: ClassVar[str] = "data"
    features: Known[tuple[Features, ...]] = missing()
    target: Known[Target] = missing()
    """What the loss compares with. A rule that is called for one of several losses sees that loss's target."""
    samples: Known[int] = missing()
    guessed: bool = False
    """Whether the input was drawn by nnlint rather than taken from the user."""

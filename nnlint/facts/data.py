"""A profile of what reaches the model and the loss, from a bounded sample."""

from __future__ import annotations

from typing import ClassVar, Literal

from .unknown import Fact, Known, Plain, missing


class Column(Plain):
    """One feature (a vector's column, an image's channel) over the sampled rows; figures are of the finite values.

    `missing` and `infinite` are shares of all values. `outliers` is the share that lies further than three times the
    interquartile range outside the quartiles; None where it was not counted, or where half of the values are equal.
    """

    mean: float
    std: float
    low: float
    high: float
    missing: float = 0.0
    infinite: float = 0.0
    outliers: float | None = None

    @property
    def constant(self) -> bool:
        """Whether every finite value is the same."""
        return self.low == self.high


class Padding(Plain):
    """Ids that fill rows of unequal length up: `value` stands at one end of rows and nowhere else in them.

    `share` is the share of all positions, `rows` that of rows with at least one.
    """

    value: int
    side: Literal["left", "right"]
    share: float
    rows: float


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
    low: Known[float] = missing()
    """The smallest finite value (of ids: the smallest id)."""
    high: Known[float] = missing()
    missing_share: Known[float] = missing()
    """Share of values that are NaN."""
    infinite_share: Known[float] = missing()
    one_hot: Known[bool] = missing()
    """Rows of zeros with a single one."""
    padding: Known[Padding | None] = missing()
    """Of ids of shape (N, T); None where rows are not filled up."""


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
    multi_hot: Known[bool] = missing()
    """Rows of zeros and ones (two or more columns), at least one row with other than a single one."""
    classes: Known[tuple[tuple[int, int], ...]] = missing()
    """(label, rows that have it), by label: of whole numbers, up to 1000 different ones; of one-hot rows by place."""
    shifted: Known[int | None] = missing()
    """Which of the model's inputs that are ids (counted from 0) the target is, one step ahead; None for none."""
    grouped: Known[bool] = missing()
    """Whether, in the order of the data set, all rows of a label stand together."""
    missing_share: Known[float] = missing()
    """Share of values that are NaN."""
    infinite_share: Known[float] = missing()
    outliers: Known[float] = missing()
    """Share of values further than three interquartile ranges outside the quartiles; of numbers, not of labels."""
    padding: Known[Padding | None] = missing()
    """Of whole numbers of shape (N, T); None where rows are not filled up."""
    made: Known[Literal["data", "constant", "input"]] = missing()


class Overlap(Plain):
    """Rows (features and target) of the validation data that stand, value for value, in the training data as well.

    `share` of the `rows` validation rows that were looked up among `training` training rows. `repeated` is the share of
    those training rows that stand there more than once: rows of few different values meet by chance. `name` is what
    the user calls the validation data.
    """

    share: float
    rows: int
    training: int
    repeated: float
    name: str | None = None


class Data(Fact):
    """What was seen of the data. `samples` is the size of the training set where known."""

    named: ClassVar[str] = "data"
    features: Known[tuple[Features, ...]] = missing()
    target: Known[Target] = missing()
    """What the loss compares with. A rule that is called for one of several losses sees that loss's target."""
    samples: Known[int] = missing()
    validation_samples: Known[int] = missing()
    """Size of the data that the user holds back (a loader, data set or tensor named `val`, `valid`, `test`...)."""
    overlap: Known[Overlap] = missing()
    guessed: bool = False
    """Whether the input was drawn by nnlint rather than taken from the user."""

"""One batch through the model at initialization, and its gradient back: nothing is trained."""

from __future__ import annotations

from typing import ClassVar

from .unknown import Fact, Known, Plain, missing

GRADIENT_LIMIT = 20.0
"""A net trains badly where gradients differ by more between its first and last hidden activation (precision .89,
recall .95 on 114 nets)."""

SPREAD_LIMIT = 50.0
"""The same for the standard deviation over the batch (.95 and .90)."""


class Signal(Plain):
    """What one hidden activation (or the prediction) carries.

    `std` is the standard deviation over the batch, averaged over units; `gradient` the norm of the loss's gradient at
    it; `dead` the share of units that are zero for every sample.
    """

    node: int
    std: float
    rms: float
    gradient: float | None = None
    dead: float = 0.0


class Mixing(Plain):
    """A counterexample to "each sample's output is its own": other values in sample `changed` move sample `moved`.

    Samples are counted along the first axis of the inputs and of the output, in evaluation mode and without dropout.
    `by` is the largest change of an entry of the moved sample's output, `spread` the largest distance of any entry from
    its mean over the samples, for comparison. `share` of the other `samples` - 1 samples move. `node` is the first call
    that hands on, for one sample, what depends on another; None where that could not be told.
    """

    changed: int
    moved: int
    by: float
    spread: float
    share: float
    samples: int
    node: int | None = None


class Later(Plain):
    """A counterexample to "no output looks ahead": other ids from position `changed` on move the output at `moved`.

    `input` counts the inputs that are ids, from 0; `steps` are the positions of that one. `by` is the largest change.
    """

    input: int
    changed: int
    moved: int
    by: float
    steps: int


class Attended(Plain):
    """How far what the first attention gives at real positions moves: with what stands at padding (the id `value`),
    and with what stands at another real position. `node` is that attention."""

    value: int
    by_padding: float
    by_real: float
    node: int


class Probe(Fact):
    """Signals in the order of the forward pass. `seeds` counts the batches or initializations averaged over."""

    named: ClassVar[str] = "probe"
    signals: Known[tuple[Signal, ...]] = missing()
    """The hidden activations on the way to the prediction, first to last."""
    prediction: Known[Signal] = missing()
    """What the model hands to the loss before any output activation (the logits)."""
    loss: Known[float] = missing()
    seeds: int = 1
    drawn: bool = False
    """Whether nnlint drew the batch. Real values may lie on another scale, where other layers fade."""
    mixes: Known[Mixing | None] = missing()
    """How one sample's output depends on another's; None where no dependence showed (first axis = samples)."""
    constant: Known[bool] = missing()
    """Whether the outputs are equal for all samples although the inputs differ (evaluation mode)."""
    unreached: Known[tuple[str, ...]] = missing()
    """Names of trainable parameters on which no output depends, so that no gradient can arrive at them."""
    unmoved: Known[tuple[str, ...]] = missing()
    """Names of those at which a gradient of the outputs arrives that is zero in every entry."""
    later: Known[tuple[Later, ...]] = missing()
    """Where outputs of shape (N, T, ...) depend on later ids; empty where they do not."""
    padding: Known[Attended | None] = missing()
    """What attention over padded ids looks at; None where no input holds ids."""
    after: int = 0
    """Optimizer steps before `mixes`, `constant`, `unreached` and `unmoved` were measured; the rest is measured before
    the first."""

    @property
    def gradient_ratio(self) -> float:
        """Gradient norm at the first hidden activation over that at the last; inf or 0 where one of them is zero."""
        from .unknown import Unknown

        known = [s.gradient for s in self.signals if s.gradient is not None]
        if len(known) < 2:
            raise Unknown("probe.gradient_ratio", "fewer than two hidden activations with a gradient")
        if known[0] == known[-1] == 0.0:
            raise Unknown("probe.gradient_ratio", "no gradient arrives anywhere")
        return known[0] / known[-1] if known[-1] else float("inf")

    @property
    def std_ratio(self) -> float:
        """Standard deviation over the batch at the last hidden activation over that at the first."""
        from .unknown import Unknown

        if len(self.signals) < 2:
            raise Unknown("probe.std_ratio", "fewer than two hidden activations")
        first, last = self.signals[0].std, self.signals[-1].std
        return last / first if first else float("inf")

    @property
    def gradient_arrives(self) -> bool:
        """Whether any gradient of the loss arrives at a hidden activation (a constant output gives none)."""
        return any(s.gradient for s in self.signals)

    @property
    def gradient_fails(self) -> bool:
        """Whether gradients fade or grow too much between the first and the last hidden activation."""
        return not 1 / GRADIENT_LIMIT <= self.gradient_ratio <= GRADIENT_LIMIT

    @property
    def spread_fails(self) -> bool:
        """Whether what tells the samples apart fades or grows too much from the first to the last hidden activation."""
        return not 1 / SPREAD_LIMIT <= self.std_ratio <= SPREAD_LIMIT

"""From pairs of trials to a word: helps, hurts, no difference, undecided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..facts import Plain
from .statistics import LOOKS, NOMINAL, Comparison, compare, mcnemar, survives

Word = Literal["helps", "hurts", "no difference", "undecided", "not confirmed"]
MetricName = Literal["accuracy", "error"]


class Metric(Plain):
    """What is measured on the untouched third of the data.

    `accuracy` is a share of right answers (higher is better); `error` the root mean square error in units of the
    target's spread (lower is better). `rows` is the number of rows it is measured on.
    """

    name: MetricName
    rows: int

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.name == "accuracy" else -1

    @property
    def step(self) -> float:
        """The smallest change that the metric can show."""
        return 1 / max(self.rows, 1) if self.name == "accuracy" else 0.0

    def possible(self, interval: tuple[float, float]) -> tuple[float, float]:
        """Cut off what no change can reach."""
        return (max(interval[0], -1.0), min(interval[1], 1.0)) if self.name == "accuracy" else interval

    @property
    def smallest(self) -> float:
        """The smallest effect of interest: a point of accuracy, or one row where rows are few; 0.02 spreads."""
        return max(0.01, self.step) if self.name == "accuracy" else 0.02


@dataclass(frozen=True)
class Pair:
    """The scores of both arms with one seed; None for a run that failed (diverged, crashed, hung)."""

    seed: int
    before: float | None
    after: float | None


class Failures(Plain):
    """Runs that diverged, crashed or hung, out of `pairs`, with the exact p-value of the difference."""

    before: int = 0
    after: int = 0
    added: int = 0
    pairs: int = 0
    p: float = 1.0


class Verdict(Plain):
    """What a change is worth, on this data.

    `effect` and `interval` are changes of the metric for the better (accuracy as a share, error in spreads of the
    target), adjusted for having looked several times; None where nothing could be compared. `before` and `after` are
    means over the runs that did not fail. `p` is adjusted for the looks, not for the other findings of the report.
    """

    name: str
    word: Word
    reason: str = ""
    metric: Metric | None = None
    before: float | None = None
    after: float | None = None
    effect: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    error: float | None = None
    """The standard error of the mean difference over the pairs."""
    seeds: int = 0
    identical: bool = False
    crashed: bool = False
    """Whether the changed program does not even begin to train, where the original does."""
    failures: Failures = Failures()
    seconds: float = 0.0
    factors: tuple[float, float] | None = None
    """What the rates were multiplied with on both sides, where each was trained at its best rate."""
    best_rate: Verdict | None = None
    """The verdict with each side at its best rate; this one is at the user's."""


def judge(name: str, pairs: Sequence[Pair], metric: Metric, *, final: bool = True) -> Verdict:
    """Judge the pairs at the last look that they fill. Word is "undecided" as long as more pairs may change it.

    The adjusted estimate takes a moment: with `final` False an undecided verdict goes without.
    """
    looks = [n for n in LOOKS if n <= len(pairs)]
    if not looks:
        return Verdict(name=name, word="undecided", reason=_too_few(len(pairs)), metric=metric, seeds=len(pairs))
    seen = pairs[: looks[-1]]
    failures = _failures(seen)
    both = [(p.before, p.after) for p in seen if p.before is not None and p.after is not None]
    common = {
        "name": name, "metric": metric, "seeds": len(seen), "failures": failures,
        "before": _mean([p.before for p in seen]), "after": _mean([p.after for p in seen]),
    }  # fmt: skip
    if len(both) < 3:
        word, reason = _by_failures(failures, None)
        return Verdict.model_validate({**common, "word": word, "reason": reason, "p": failures.p})
    counts = [sum(p.before is not None and p.after is not None for p in pairs[:n]) for n in looks]
    differences = [metric.sign * (after - before) for before, after in both]
    result = compare(differences, counts, metric.step)
    word, reason = _by_failures(failures, _by_score(result, metric))
    decided_by_failures = failures.p <= NOMINAL and not result.crossed
    return Verdict.model_validate({
        **common, "word": word, "reason": reason,
        "effect": result.estimate() if final or word != "undecided" else None,
        "interval": metric.possible(result.interval),
        "error": result.spread / len(both) ** 0.5,
        "p": min(1.0, 2 * failures.p) if decided_by_failures else result.p,
        "identical": result.identical and failures.added == 0 and failures.before == failures.after,
    })  # fmt: skip


def correct(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Take back what does not hold once it counts that several findings were tried in one report."""
    tested = [v for v in verdicts if v.p is not None]
    if len(tested) < 2:
        return list(verdicts)
    kept = dict(zip([v.name for v in tested], survives([v.p or 0.0 for v in tested]), strict=True))
    reason = f"would be significant alone, not among {len(tested)} findings"
    return [
        v.model_copy(update={"word": "undecided", "reason": reason})
        if v.word in ("helps", "hurts") and not kept[v.name]
        else v
        for v in verdicts
    ]


def _by_score(result: Comparison, metric: Metric) -> tuple[Word, str]:
    """Return the word for the runs that did not fail."""
    if result.identical:
        return "no difference", "identical in every run"
    low, high = result.interval
    if -metric.smallest <= low and high <= metric.smallest:
        return "no difference", ""
    if result.crossed and low > 0:
        return "helps", ""
    if result.crossed and high < 0:
        return "hurts", ""
    return "undecided", "the interval includes zero" if low <= 0 <= high else "not significant"


def _by_failures(failures: Failures, score: tuple[Word, str] | None) -> tuple[Word, str]:
    """Weigh failing runs against the word that the others earned. Any added failure vetoes "helps"."""
    everywhere = failures.before == failures.after == failures.pairs
    few = "every run failed, with the change and without" if everywhere else "too few pairs of runs reached the end"
    word, reason = score or ("undecided", few)
    counts = f"{failures.before} of {failures.pairs} runs failed before, {failures.after} after"
    if failures.p <= NOMINAL and failures.after > failures.before:
        return "hurts", counts
    if failures.added and word in ("helps", "no difference"):
        return "undecided", f"{failures.added} of {failures.pairs} runs failed only with the change"
    if failures.p <= NOMINAL and not failures.added and word in ("no difference", "undecided"):
        return "helps", counts
    if word == "no difference" and failures.before != failures.after:
        return "undecided", counts
    return word, reason


def _failures(pairs: Sequence[Pair]) -> Failures:
    removed = sum(p.before is None and p.after is not None for p in pairs)
    added = sum(p.before is not None and p.after is None for p in pairs)
    return Failures(
        before=sum(p.before is None for p in pairs),
        after=sum(p.after is None for p in pairs),
        added=added,
        pairs=len(pairs),
        p=mcnemar(removed, added),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    there = [v for v in values if v is not None]
    return sum(there) / len(there) if there else None


def _too_few(count: int) -> str:
    return f"{count} pairs of runs finished, {LOOKS[0]} are needed"

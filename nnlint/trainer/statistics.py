"""Paired comparisons that may stop early, failures apart, and several findings in one report.

Seeds are looked at after 3, 5, 8 and 16 pairs. A paired t test at each look against a nominal 0.0153 rejects a true
null in 5 % of studies, where looking as often at 0.05 rejects it in 15 %. Stopping early also inflates the effect and
narrows a plain interval, so what is shown is the repeated interval (right however often one looks) and the
median-unbiased estimate, not the mean of the pairs.

numpy and scipy are imported inside the functions: they belong to the extra `nnlint[confirm]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LOOKS = (3, 5, 8, 16)
"""Numbers of seeds after which the pairs are looked at."""

NOMINAL = 0.0153
"""Significance level of one look: 5 % over the four."""

PATHS = 20_000
"""Simulated studies behind the adjusted p-values and estimates; fixed, so that the same pairs give the same figures."""


@dataclass(frozen=True)
class Comparison:
    """What paired differences say. Positive means that the second arm is better; units are those of the metric.

    `looks` are the numbers of pairs at the looks so far. `single` is the p-value of this look by itself and `crossed`
    whether it rejects; `identical` whether every pair was equal to the last digit.
    """

    looks: tuple[int, ...]
    mean: float
    spread: float
    single: float
    identical: bool = False

    @property
    def crossed(self) -> bool:
        """Whether this look rejects."""
        return self.single <= NOMINAL

    @property
    def p(self) -> float:
        """The p-value adjusted for the looks."""
        if len(self.looks) == 1 or self.identical:
            return self.single
        return _stagewise_p(abs(self.mean) / (self.spread / self.looks[-1] ** 0.5), self.looks)

    @property
    def interval(self) -> tuple[float, float]:
        """The repeated confidence interval: it covers the effect in 95 % of studies however often they are looked at.

        It leaves out zero exactly where this look rejects.
        """
        from scipy import stats

        n = self.looks[-1]
        reach = float(stats.t.isf(NOMINAL / 2, n - 1)) * self.spread / n**0.5
        return self.mean - reach, self.mean + reach

    def estimate(self) -> float:
        """Return the median-unbiased estimate of the effect, stage-wise ordered: not inflated by an early stop."""
        if len(self.looks) == 1 or self.identical:
            return self.mean
        low, high = self.interval
        return min(max(_median(self.mean, self.spread, self.looks), low), high)


def compare(differences: Sequence[float], looks: Sequence[int], resolution: float = 0.0) -> Comparison:
    """Compare at the last of `looks`, the numbers of pairs that were there at each look so far.

    `resolution` is the smallest step of the metric (1 / rows for an accuracy): pairs that agree to the last digit do
    so because of it, and their spread is taken to be that of rounding. Raises ValueError below 3 pairs.
    """
    import numpy as np
    from scipy import stats

    n = looks[-1]
    if n < 3 or n > len(differences):
        raise ValueError(f"{n} pairs cannot be compared ({len(differences)} given)")
    used = np.asarray(differences[:n], dtype=float)
    mean, spread = float(used.mean()), float(used.std(ddof=1))
    counts = tuple(k for k in looks if k >= 3)
    if not used.any():
        return Comparison(counts, 0.0, 0.0, 1.0, identical=True)
    spread = max(spread, resolution / 6**0.5, 1e-12 * abs(mean))  # two rounding errors of variance step**2 / 12
    t = mean / (spread / n**0.5)
    return Comparison(counts, mean, spread, float(2 * stats.t.sf(abs(t), n - 1)))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value for failures seen in one arm of a pair and not in the other."""
    from scipy import stats

    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    return float(stats.binomtest(only_first, discordant, 0.5).pvalue)


def survives(p_values: Sequence[float], rate: float = 0.05) -> list[bool]:
    """Return which of these p-values Benjamini and Hochberg's procedure keeps at this false discovery rate."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    last = 0
    for rank, index in enumerate(order, start=1):
        if p_values[index] <= rate * rank / len(order):
            last = rank
    kept = set(order[:last])
    return [index in kept for index in range(len(p_values))]


@lru_cache(maxsize=32)
def _simulated(looks: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return mean, standard error and critical value at each look of standard normal studies, shapes (looks, paths)."""
    import numpy as np
    from scipy import stats

    draws = np.random.default_rng(20_140).standard_normal((PATHS, looks[-1]))
    means = np.stack([draws[:, :n].mean(1) for n in looks])
    errors = np.stack([draws[:, :n].std(1, ddof=1) / n**0.5 for n in looks])
    critical = np.array([stats.t.isf(NOMINAL / 2, n - 1) for n in looks])
    return means, errors, critical


def _stagewise_p(t: float, looks: tuple[int, ...]) -> float:
    """Return the chance under the null to stop at an earlier look, or to come this far and be as extreme."""
    import numpy as np

    means, errors, critical = _simulated(looks)
    seen = np.abs(means / errors)
    stopped = (seen[:-1] > critical[:-1, None]).any(0)
    return float((stopped | (seen[-1] >= t)).mean())


def _median(mean: float, spread: float, looks: tuple[int, ...]) -> float:
    """Return the effect under which half of the studies would end higher than this one.

    Within the stage at which the study stands, the pivot is the t statistic around the effect; whether a study with
    that effect would have stopped before is simulated with the spread that was observed.
    """
    import numpy as np

    error = spread / looks[-1] ** 0.5
    means, errors, critical = _simulated(looks)

    def above(effect: float) -> float:
        """Return the chance of an outcome at least as high as this one, were `effect` true."""
        seen = (means[:-1] + effect / spread) / errors[:-1]
        up, down = seen > critical[:-1, None], seen < -critical[:-1, None]
        stopped = up.any(0) | down.any(0)
        first = (up | down).argmax(0)
        stopped_high = stopped & np.take_along_axis(up, first[None], axis=0)[0]
        here = ~stopped & (means[-1] / errors[-1] >= (mean - effect) / error)
        return float((stopped_high | here).mean())

    return _solve(above, 0.5, mean - 40 * error, mean + 40 * error)


def _solve(rising: Callable[[float], float], level: float, low: float, high: float) -> float:
    """Return where a rising function reaches `level`, to a thousandth of a percent of the interval."""
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < level else (low, middle)
    return (low + high) / 2

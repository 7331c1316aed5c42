"""The range test: train while the learning rate rises, and read off at which rate to start.

The rate rises from 1e-6 to 10 by a constant factor in 150 steps; the loss is smoothed by .9, and the suggestion is a
quarter of the rate at its minimum: what that loses against a fine grid, beside other rules, `bench/range_test.py` says.
A tenth, as it is often done, lost more there, in the mean and at worst, in either half of the set-ups.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median, pstdev

from ..facts import Plain
from .confirmation import Arm, Options
from .plan import NotConfirmed, check_installed
from .study import Progress, Study
from .trials import TrialsFailed

LOW, HIGH, STEPS = 1e-6, 10.0, 150
SMOOTHING = 0.9
BELOW = 4.0
"""The suggestion is the rate of the smoothed minimum divided by this."""
SEEDS = 5
_LEAST = 20
"""Steps that a curve needs."""


class Sweep(Plain):
    """One range test: the rates, the loss at each, and the loss smoothed. `suggestion` is None where nothing falls."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float | None = None


class LearningRate(Plain):
    """What the range test suggests: the median over seeds, and the lowest and highest of them. `rate` is the user's."""

    suggestion: float | None
    interval: tuple[float, float] | None
    rate: float | None
    sweeps: tuple[Sweep, ...]
    data: str = ""
    reason: str = ""

    @property
    def sure(self) -> bool:
        """Whether all seeds agree within a factor of three."""
        return self.interval is not None and self.interval[1] <= 3 * self.interval[0]


def range_test(path: Path, options: Options, progress: Progress, *, seeds: int = SEEDS) -> LearningRate:
    """Return the rate at which the script's model should start. `reason` says why where there is none."""
    study = Study([Arm(name="original", path=path)], options, progress)
    try:
        check_installed()
        with options.trials() as trials:
            study.scout(trials)
            progress(f"{seeds} range tests of {STEPS} steps")
            requests = [study.sweep_request(seed, LOW, HIGH, STEPS) for seed in range(seeds)]
            answers = [answer for _, answer in trials.run(requests)]
    except (NotConfirmed, TrialsFailed) as reason:
        return LearningRate(suggestion=None, interval=None, rate=None, sweeps=(), reason=str(reason))
    finally:
        progress("")
    sweeps = tuple(sweep_of(a["rates"], a["losses"]) for a in answers if a["status"] == "ok")
    failed = next((str(a["reason"]) for a in answers if a["status"] != "ok"), "")
    return conclude(sweeps, study.own_rate, study.data, failed)


def conclude(sweeps: Sequence[Sweep], rate: float | None, data: str, failed: str = "") -> LearningRate:
    """Return what several range tests say together."""
    found = [sweep.suggestion for sweep in sweeps if sweep.suggestion is not None]
    if 2 * len(found) <= len(sweeps):
        reason = failed or "the loss does not fall at any rate: something else is in the way of training"
        return LearningRate(suggestion=None, interval=None, rate=rate, sweeps=tuple(sweeps), data=data, reason=reason)
    return LearningRate(
        suggestion=median(found), interval=(min(found), max(found)), rate=rate, sweeps=tuple(sweeps), data=data
    )


def sweep_of(rates: Sequence[float], losses: Sequence[float | None]) -> Sweep:
    """Smooth one curve and read off the suggestion. Losses from the first that is no number on are left out."""
    count = next((i for i, loss in enumerate(losses) if loss is None), len(losses))
    seen = [float(loss) for loss in losses[:count] if loss is not None]
    smoothed = smooth(seen)
    suggestion = None
    if count >= _LEAST:
        start, noise = fmean(seen[:_LEAST]), pstdev(seen[:_LEAST])  # so slow at first that nothing is learned
        lowest = min(range(count), key=smoothed.__getitem__)
        if smoothed[lowest] < start - noise:
            suggestion = rates[lowest] / BELOW
    return Sweep(rates=tuple(rates[:count]), losses=tuple(seen), smoothed=tuple(smoothed), suggestion=suggestion)


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the exponential moving average, corrected for its beginning."""
    average, found = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found.append(average / (1 - SMOOTHING**step))
    return found

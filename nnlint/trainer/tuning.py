"""The learning rate at which each program does best, found on validation rows with seeds that never judge.

A change that is compared at one rate alone is often compared by its rate: a program against itself, one side tuned,
is "significant" every time. So each side is tuned alike: rates a factor of three apart around the program's own, three
seeds, the full length, and further rates where the best one stands at the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .plan import Scouted
from .runs import Runs
from .trials import Answer
from .verdict import Metric

STEP = 3.0
"""The factor between two rates."""
AROUND = 2
"""Rates tried on each side of the program's own."""
FURTHER = 3
"""Rates beyond these that are tried on one side, one after the other, while the best stands at the edge."""
SEEDS = 3
FIRST_SEED = 5000
"""Seeds that tune are not the seeds that judge."""

Ask = Callable[[str, int, float], dict[str, Any]]
"""Makes the request for one run: name of the program, seed, factor on its rate."""


def runs_needed(programs: int) -> int:
    """Return how many runs tuning takes at least."""
    return programs * SEEDS * (2 * AROUND + 1)


def best_factors(
    names: Sequence[str],
    scouts: Mapping[str, Scouted],
    metric: Metric,
    runs: Runs,
    ask: Ask,
    say: Callable[[str], None],
) -> dict[str, float | None]:
    """Return for each program the factor on its own rate that does best; None where no rate trains."""
    return {name: _tune(name, scouts[name], metric, runs, ask, say) for name in names}


def _tune(name: str, scout: Scouted, metric: Metric, runs: Runs, ask: Ask, say: Callable[[str], None]) -> float | None:
    scores: dict[int, float | None] = {}
    wanted = list(range(-AROUND, AROUND + 1))
    while wanted:
        say(f"{name}: the best of {len(scores) + len(wanted)} rates")
        places = [(power, seed) for power in wanted for seed in range(SEEDS)]
        requests = [ask(name, FIRST_SEED + seed, STEP**power) for power, seed in places]
        answers = dict(runs.run(requests, [scout] * len(requests)))
        for power in wanted:
            own = [answers[i] for i, (p, _) in enumerate(places) if p == power]
            scores[power] = _mean(own, metric)
        wanted = _beyond(scores)
    best = _best(scores)
    return None if best is None else STEP**best


def _mean(answers: Sequence[Answer], metric: Metric) -> float | None:
    """Return the mean score on validation rows, higher is better; None where a run failed."""
    chosen = [answer.get("chosen") for answer in answers if answer["status"] == "ok"]
    if len(chosen) < len(answers) or any(value is None for value in chosen):
        return None
    return metric.sign * sum(float(value) for value in chosen if value is not None) / len(chosen)


def _best(scores: Mapping[int, float | None]) -> int | None:
    """Return the best rate; among equals the one nearest to the program's own."""
    there = {power: score for power, score in scores.items() if score is not None}
    return max(there, key=lambda power: (there[power], -abs(power)), default=None)


def _beyond(scores: Mapping[int, float | None]) -> list[int]:
    """Return the next rate to try where the best one stands at the edge of those tried."""
    best, low, high = _best(scores), min(scores), max(scores)
    if best in (low, None) and low > -AROUND - FURTHER:  # where nothing trains, the rates are too high
        return [low - 1]
    if best == high and high < AROUND + FURTHER:
        return [high + 1]
    return []

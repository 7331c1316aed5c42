"""From evidence to levels: what a rule may say aloud follows from what was measured, not from what its author thinks.

The rule, in full:

- An **error** rests on a demonstration (shown by execution, or exact from the source): no measurement lowers it.
- A **warning** rests on measured harm. It stays one where, over at least three reference tasks, the pooled gain of
  the fix lies above zero (random effects, 95 % interval) *and* the fix is not inferior on any of them (the interval
  ends above a loss of twice the smallest effect of interest, and nothing fails that did not fail before). "It helps on
  one of eight and hurts none" is not enough: a fix that does nothing earns that by chance, once in seven times.
  Otherwise the warning is advice.
- **Advice** and **experiments** stay what they are, whatever was measured.
- A rule is a **preview**, at the level that its author proposes, until all of its evidence is in and belongs to its
  pair of programs as it stands.

What counts is the comparison with each side at its best learning rate, else most of what is measured is the rate; a fix
that sets the rate has only the one at its own. The pair of programs is shown and does not count: it was written to
show the defect.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .finding import Level
from .rule import Rule

PAIR = "its pair of programs"
"""How evidence names the rule's own example."""
TASKS = 3
"""Reference tasks that a pooled gain needs at least."""
SMALLEST = {"accuracy": 0.01, "error": 0.02}
"""The smallest effect of interest, in units of the metric; at least one row where rows are few."""
MARGIN = 2.0
"""How many times the smallest effect of interest a fix may lose on one task."""
_NARROWEST = 0.1
"""The least standard error that is believed, in the same units: a test set is finite."""


@dataclass(frozen=True)
class Pooled:
    """A gain over tasks, in smallest effects of interest: `mean`, its interval of 95 %, how much tasks differ."""

    mean: float
    low: float
    high: float
    between: float
    tasks: int


@dataclass(frozen=True)
class Earned:
    """What evidence makes of a rule: its level, whether that is settled, and why in words."""

    level: Level
    preview: bool
    why: str
    gain: Pooled | None = None


def settled(rule: Rule) -> Rule:
    """Return the rule at the level that its evidence carries; as it is where there is none."""
    found = evidence_of(rule)
    if found is None:
        return rule
    earned = earn(rule.level, found, matches=found.get("pair") == rule.pair_digest)
    return replace(rule, level=earned.level, preview=earned.preview)


def evidence_of(rule: Rule) -> dict[str, Any] | None:
    """Return what was measured of a rule, None where nothing was."""
    path = Path(rule.path).with_suffix(".evidence.json")
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def earn(level: Level, evidence: Mapping[str, Any], *, matches: bool = True) -> Earned:
    """Return what `evidence` makes of a rule whose author proposes `level`."""
    if not matches:
        return Earned(level, True, "its evidence is of an earlier form of its pair of programs")
    if not evidence.get("complete"):
        return Earned(level, True, "its evidence is not complete")
    tasks = [task for task in evidence["tasks"] if task["task"] != PAIR]
    counted = [measured for measured in map(_counted, tasks) if measured is not None]
    gain = pool([(m["effect"], m["error"]) for m in counted if m["effect"] is not None])
    if level != "warning":
        return Earned(level, False, _words(gain), gain)
    if len(counted) < TASKS:
        return Earned(level, True, f"measured on {len(counted)} reference tasks, {TASKS} are needed", gain)
    worse = [m["task"] for m in counted if not _not_inferior(m)]
    if worse:
        return Earned("advice", False, f"that it does no harm is not shown on {', '.join(worse)}", gain)
    by_failures = gain is None and all(m["verdict"] == "helps" for m in counted)
    if by_failures or (gain is not None and gain.low > 0):
        return Earned("warning", False, _words(gain), gain)
    return Earned("advice", False, f"no gain over all tasks is shown: {_words(gain)}", gain)


def pool(effects: Sequence[tuple[float, float]]) -> Pooled | None:
    """Return the gain over tasks from (effect, standard error) of each: DerSimonian and Laird's random effects."""
    if not effects:
        return None
    variances = [max(error, _NARROWEST) ** 2 for _, error in effects]
    values = [effect for effect, _ in effects]
    weights = [1 / v for v in variances]
    fixed = _mean(values, weights)
    spread = sum(w * (x - fixed) ** 2 for w, x in zip(weights, values))
    scale = sum(weights) - sum(w * w for w in weights) / sum(weights)
    between = max(0.0, (spread - (len(values) - 1)) / scale) if scale > 0 else 0.0
    weights = [1 / (v + between) for v in variances]
    mean, reach = _mean(values, weights), 1.96 / math.sqrt(sum(weights))
    return Pooled(mean, mean - reach, mean + reach, math.sqrt(between), len(values))


def _counted(task: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the comparison of a task that counts, in smallest effects of interest; None where there is none."""
    if task.get("crashed"):
        return {"task": task["task"], "verdict": "hurts", "added": 1, "effect": None, "error": None, "low": None}
    measured = task.get("best_rate") or task.get("your_rate")
    if measured is None:
        return None
    unit = max(SMALLEST[task["metric"]], 1 / max(task["rows"], 1) if task["metric"] == "accuracy" else 0.0)
    effect, interval = measured["effect"], measured["interval"]
    return {
        "task": task["task"], "verdict": measured["verdict"], "added": measured["failures"]["added"],
        "effect": None if effect is None or interval is None else effect / unit,
        "error": None if effect is None else measured["error"] / unit,
        "low": None if interval is None else interval[0] / unit,
    }  # fmt: skip


def _not_inferior(measured: Mapping[str, Any]) -> bool:
    if measured["added"] or measured["verdict"] == "hurts":
        return False
    return bool(measured["verdict"] == "helps" if measured["low"] is None else measured["low"] >= -MARGIN)


def _words(gain: Pooled | None) -> str:
    if gain is None:
        return "no gain could be pooled"
    how = "smallest effects of interest"
    return f"{gain.mean:+.1f} {how} over {gain.tasks} tasks ({gain.low:+.1f} to {gain.high:+.1f})"


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, values)) / sum(weights)

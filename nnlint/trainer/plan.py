"""What a study trains and measures, decided from what the scouts saw."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..facts import known
from ..source.discover import outline
from ..source.text import SourceError
from .verdict import Metric, MetricName, Verdict

NO_STEP = "no training step was seen"
"""What the worker says of a script that trains nothing."""

LEAST_ROWS = 30
"""Rows below which none can be held out."""

SCORES = 20
"""Checkpoints from which each run chooses its best."""

_STEPS = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1, 0.06, 0.04, 0.02, 0.01)
"""Parts of the planned training that a short budget may leave: few, so that the same machine gives the same study."""

Scouted = dict[str, Any]


class NotConfirmed(Exception):
    """A program that cannot be judged, with the reason in plain words."""


def check_installed() -> None:
    """Raise NotConfirmed where what the statistics stand on is missing."""
    missing = [name for name in ("numpy", "scipy", "joblib") if importlib.util.find_spec(name) is None]
    if missing:
        raise NotConfirmed(f'the trainer needs {" and ".join(missing)}: pip install "nnlint[confirm]"')


def choose_metric(scouts: Sequence[Scouted]) -> Metric:
    """Return the metric that all arms can be measured by. Raises NotConfirmed where there is none."""
    profiles = [scout["profile"] for scout in scouts]
    rows = min(scout["counts"]["report"] for scout in scouts)
    fewest = min(scout["rows"] for scout in scouts)
    if fewest < LEAST_ROWS:
        raise NotConfirmed(f"its data has {fewest} rows: too few to hold any out ({LEAST_ROWS} are needed)")
    if any(p["distinct"] < 2 for p in profiles):
        raise NotConfirmed("its targets are all the same in the data that was seen")
    name: MetricName = "accuracy" if any(_is_classes(p) for p in profiles) else "error"
    for profile in profiles:
        _check(profile, name)
    return Metric(name=name, rows=rows)


def _is_classes(profile: dict[str, Any]) -> bool:
    return bool(
        profile["integer"]
        or profile["zero_one"]
        or profile["plus_minus"]
        or profile["loss"] in ("cross_entropy", "nll")
    )


def _check(profile: dict[str, Any], name: MetricName) -> None:
    """Raise NotConfirmed where what the model gives cannot be read as `name` asks."""
    output, target = profile["output"], profile["target"]
    size, wanted = _size(output), _size(target)
    if name == "error":
        if size != wanted:
            raise NotConfirmed(f"its predictions {tuple(output)} and targets {tuple(target)} do not correspond")
        return
    by_class = profile["integer"] and len(output) == len(target) + 1
    if by_class or profile["one_hot"] or profile["loss"] in ("cross_entropy", "nll", "kl_div"):
        return
    if size != wanted:
        raise NotConfirmed(f"its predictions {tuple(output)} and targets {tuple(target)} do not correspond")
    if not (profile["zero_one"] or profile["plus_minus"] or profile["whole"]):
        raise NotConfirmed("the programs predict different things: classes here, numbers there")
    unknown = profile["loss"] == "custom" and profile["ending"] is None and not profile["plus_minus"]
    if profile["zero_one"] and unknown:
        raise NotConfirmed("its loss is written by hand: which outputs mean yes is not known")


def _size(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def planned_epochs(path: Path, text: str) -> int | None:
    """Return how many epochs the source plans, None where it does not say."""
    try:
        recipe = outline(path, text).recipe
    except SourceError:
        return None
    return None if recipe is None else known(lambda: recipe.epochs, None)


def model_of(path: Path, text: str, model: str | None, inputs: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the expression that builds the file's model, and what it takes. Raises NotConfirmed where unknown."""
    try:
        candidates = outline(path, text).candidates
    except SourceError as error:
        raise NotConfirmed(error.message) from error
    expression = model or (candidates[0].expression if candidates else None)
    taken = tuple(inputs) or next((c.input for c in candidates if c.expression == expression), ())
    if expression is None:
        raise NotConfirmed("it trains no model, and none was found that a built-in task could train")
    if not taken:
        raise NotConfirmed(f"it does not train `{expression}`, and the shape of its input is not known (--input)")
    return expression, taken


def tells_all(text: str, planned: int | None) -> bool:
    """Whether two epochs show how a script trains: its length is known, and nothing changes on the way."""
    return planned is not None and not re.search(r"schedul|param_groups|[Ee]arly|\bbreak\b|\.step\(\w", text)


def epochs_of(scout: Scouted, planned: int | None) -> float:
    """Return how many epochs a script trains: as it did, or as its source plans where it was not watched to the end."""
    seen = scout["steps"] / scout["steps_per_epoch"]
    return float(seen if scout["ended"] == "finished" or planned is None else max(planned, seen))


def shortened(verdict: Verdict, epochs: float, planned: float) -> Verdict:
    """Qualify what was measured on a shorter training than planned; below half of it, no word is given."""
    if verdict.word not in ("helps", "hurts", "no difference") or verdict.identical or epochs > 0.99 * planned:
        return verdict
    length = f"{round(epochs, 1):g} of {round(planned, 1):g} epochs, all that the budget allows"
    if epochs < planned / 2:
        return verdict.model_copy(update={"word": "undecided", "reason": f"it trained for {length}"})
    return verdict.model_copy(update={"reason": f"after {length}"})


def seconds_of(scout: Scouted, updates: float) -> float:
    """Return how long a trial of so many updates should take."""
    return float(scout["setup"] + scout["epoch_seconds"] + scout["each"] * updates + 0.2)


def affordable(seconds: float, budget: float) -> float:
    """Return which part of the training fits: the whole takes `seconds`, and `budget` seconds are left."""
    return next((part for part in _STEPS if part * seconds <= budget), _STEPS[-1])


def only_rates_differ(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Whether two traces of an optimizer's options differ, and in nothing but the learning rate."""

    def without_rates(trace: Sequence[Any]) -> list[Any]:
        return [[i, [{k: v for k, v in g.items() if k != "lr"} for g in groups]] for _, i, groups in trace[:1]]

    return list(before) != list(after) and without_rates(before) == without_rates(after)


def order_of(scout: Scouted, metric: Metric, updates: int) -> dict[str, Any]:
    """Return what every run of an arm is told."""
    trace: dict[str, list[Any]] = {}
    for step, index, groups in scout["trace"]:
        trace.setdefault(str(step), []).append([index, groups])
    return {
        "metric": metric.name, "updates": updates, "looks": min(SCORES, updates), "factor": 1.0,
        "evaluates": scout["evaluates"], "shuffles": scout["shuffles"], "trace": trace,
        "modes": {str(step): mode for step, mode in scout["modes"]},
    }  # fmt: skip

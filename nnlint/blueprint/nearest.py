"""From a fix of the script to a change of the configuration: the one whose script comes nearest to the fixed script.

A rule knows nothing of configurations. So its fix is applied to the script, and among the configurations a step away
the one is taken whose own script differs least from the fixed text; then a step from there, as long as it comes nearer.
Whether the finding is gone is for the one who asks to check.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from .changes import REMOVED, Change, after
from .reading import Mistakes, Written
from .schema import Activation, LossName, OptimizerName, Output, Scheme
from .script import Script, script_of

_STEPS = 4
_NEARER = 0.75
"""The distance that may be left, as a share of what the fix changed: more, and the fix has no form here."""

_TOKEN = re.compile(r"\w+(?:\.\w+)*|[^\s\w]")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")
_SCHEDULES = ("constant", "step", "exponential", "plateau", "1cycle", "cosine")


def nearest(written: Written, script: Script, fixed: str, place: Path) -> tuple[Change, ...]:
    """Return the changes that bring the script of a configuration nearest to the text `fixed`; none where none does."""
    wanted, whole = _pairs(fixed), _distance(_pairs(script.text), _pairs(fixed))
    numbers = _new_numbers(script.text, fixed)
    done: tuple[Change, ...] = ()
    left = whole
    for _ in range(_STEPS):
        best = None
        for step in _steps(written, done, numbers):
            changed = after(written, (*done, *step))
            if changed is None:
                continue
            try:
                text = script_of(changed, place, script.source).text
            except Mistakes:
                continue
            distance = _distance(_pairs(text), wanted)
            if distance < left:
                best, left = step, distance
        if best is None:
            break
        done = _joined(done, best)
    return done if whole and left <= _NEARER * whole else ()


def _joined(done: tuple[Change, ...], step: tuple[Change, ...]) -> tuple[Change, ...]:
    """Add a step; of several values for one key the last one counts."""
    keys = {change.key for change in step}
    return (*(change for change in done if change.key not in keys), *step)


def _steps(written: Written, done: tuple[Change, ...], numbers: list[float]) -> Iterator[tuple[Change, ...]]:
    """Yield the configurations a step away: another word, another number, a block more or less."""
    now = after(written, done)
    if now is None:
        return
    blueprint = now.blueprint
    words: dict[tuple[str, ...], tuple[Any, ...]] = {
        ("loss",): get_args(LossName), ("model", "output"): get_args(Output),
        ("model", "initialization"): get_args(Scheme), ("model", "activation"): get_args(Activation),
        ("model", "normalization"): ("none", "batch", "layer", "first", "last"),
        ("schedule", "kind"): _SCHEDULES, ("model", "bias"): (True, False), ("shuffle",): (True, False),
        ("data", "standardize"): (True, False), ("data", "standardize_target"): (True, False),
    }  # fmt: skip
    for key, values in words.items():
        for value in values:
            yield (Change(key, value),)
    given = {name for name, value in blueprint.optimizer.model_dump().items() if value is not None}
    yield from _optimizers(given)
    yield from _dropouts(getattr(blueprint.model, "dropout", None) is not None, numbers)
    for block in ("clip", "early_stopping", "swa"):
        if getattr(blueprint, block) is not None:
            yield (Change((block,), REMOVED),)
    whole = [int(number) for number in numbers if number == int(number) and number > 0]
    for number in (*numbers, 0.9, 1.0):
        for key in (("optimizer", "rate"), ("optimizer", "momentum"), ("optimizer", "weight_decay")):
            yield (Change(key, float(number)),)
        yield (Change(("clip",), {"norm": float(number)}),)
        yield (Change(("clip",), {"value": float(number)}),)
    for count in (*whole, 10):
        for key in (("batch_size",), ("epochs",), ("early_stopping", "patience"), ("swa", "start")):
            yield (Change(key, count),)
        for name in ("layers", "dense"):
            widths = getattr(blueprint.model, name, ())
            for at in range(len(widths) if isinstance(widths, tuple) else 0):
                yield (Change(("model", name), [count if i == at else w for i, w in enumerate(widths)]),)


def _optimizers(given: set[str]) -> Iterator[tuple[Change, ...]]:
    """Yield other kinds, without the options (of those `given`) that they do not have, and options more or less."""

    def without(*names: str) -> list[Change]:
        return [Change(("optimizer", name), REMOVED) for name in names if name in given]

    for kind in get_args(OptimizerName):
        lacks = [] if kind in ("sgd", "rmsprop") else ["momentum"]
        lacks += [] if kind == "sgd" else ["nesterov"]
        lacks += ["betas"] if kind in ("sgd", "rmsprop", "adagrad", "adadelta") else []
        yield (Change(("optimizer", "kind"), kind), *without(*lacks))
    yield (Change(("optimizer", "nesterov"), True),)
    for names in (("nesterov",), ("weight_decay",), ("momentum", "nesterov")):
        if given & set(names):
            yield tuple(without(*names))


def _dropouts(there: bool, numbers: list[float]) -> Iterator[tuple[Change, ...]]:
    if there:
        yield (Change(("model", "dropout"), REMOVED),)
        for kind in ("plain", "alpha", "channels"):
            yield (Change(("model", "dropout", "kind"), kind),)
    for number in numbers:
        if number < 1:
            yield (Change(("model", "dropout", "rate"), float(number)),)


def _new_numbers(before: str, fixed: str) -> list[float]:
    """Return the numbers that a fix brings in, the most frequent first."""
    new = Counter(_NUMBER.findall(fixed)) - Counter(_NUMBER.findall(before))
    return [float(number) for number, _ in new.most_common(6)]


def _pairs(text: str) -> Counter[tuple[str, str]]:
    """Return how often each two words of a program stand side by side."""
    tokens = _TOKEN.findall(re.sub(r"#[^\n]*", "", text))
    return Counter(pairwise(tokens))


def _distance(one: Counter[tuple[str, str]], other: Counter[tuple[str, str]]) -> int:
    return (one - other).total() + (other - one).total()

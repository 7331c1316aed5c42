"""Find what a model's forward takes: given, written as a spec, or searched for.

The search is guess, abstract run, repair from the failing layer, run again; "found" means that it runs, not that it is
what the author meant, so the result says that it was guessed.
"""

from __future__ import annotations

import heapq
import itertools
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .guesses import guesses
from .repairs import repairs
from .specs import Spec, parse_spec, shown
from .tiers import TIERS, Trace, asks_for_values, can_run, run_tier
from .values import each_tensor

MOST_RUNS = 80
MOST_SECONDS = 20.0
"""CPU seconds after which no further input is tried."""
_IN_TRAINING = re.compile(r"(in|during|when|while) training", re.IGNORECASE)
Key = int | str
Specs = dict[Key, Any]
"""What forward gets: position or name to a Spec, or to a plain value."""


@dataclass
class Inputs:
    """What forward gets, and how it is shown."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    guessed: bool = False
    drawn_from: Specs | None = None
    """The specs, where the values were drawn."""

    @property
    def batch(self) -> int | None:
        """The length of the first tensor's first axis."""
        first = next(each_tensor((self.args, self.kwargs)), None)
        return int(first.shape[0]) if first is not None and first.dim() else None

    def with_batch(self, size: int, seed: int) -> Inputs | None:
        """Return newly drawn values with another length of the first axis; None where the inputs do not share one."""
        specs = {key: spec for key, spec in (self.drawn_from or {}).items() if isinstance(spec, Spec)}
        if not specs or any(spec.times or spec.shape[0] != self.batch for spec in specs.values()):
            return None
        changed = {key: spec.sized(size, *spec.shape[1:]) for key, spec in specs.items()}
        return drawn({**(self.drawn_from or {}), **changed}, self.guessed, seed * 1000)


def given_inputs(
    args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None, specs: Sequence[str] | None
) -> Inputs | None:
    """Return what the user handed over or wrote down; None for neither. Raises ValueError for a wrong spec."""
    if args is not None or kwargs:
        texts = [shown(a) for a in args or () if isinstance(a, torch.Tensor)]
        texts += [shown(v, k) for k, v in (kwargs or {}).items() if isinstance(v, torch.Tensor)]
        return Inputs(tuple(args or ()), dict(kwargs or {}), texts)
    if specs:
        read = [parse_spec(text) for text in specs]
        positional = [spec for spec in read if spec.name is None]
        named: Specs = {spec.name: spec for spec in read if spec.name is not None}
        return drawn({**dict(enumerate(positional)), **named})
    return None


def drawn(specs: Specs, guessed: bool = False, seed: int = 0) -> Inputs:
    """Return drawn values for specs."""
    values = {
        key: spec.draw(seed + i) if isinstance(spec, Spec) else spec for i, (key, spec) in enumerate(specs.items())
    }
    texts = [str(spec) if isinstance(spec, Spec) else f"{key}={spec!r}" for key, spec in specs.items()]
    return Inputs(*_split(values), texts, guessed, specs)


def guessed_inputs(model: nn.Module) -> tuple[Inputs | None, Trace | None]:
    """Search for an input that runs. Returns it with its trace, or the attempt that came furthest without one.

    A model that wants its targets in training mode is tried in evaluation mode as well.
    """
    found, best = _search(model, evaluate=False)
    if found is None and model.training and best is not None and "train" in str(best.error):
        evaluated, attempt = _search(model, evaluate=True)
        if evaluated is not None or (attempt is not None and len(attempt.nodes) > len(best.nodes)):
            return evaluated, attempt
    return found, best


def _search(model: nn.Module, *, evaluate: bool) -> tuple[Inputs | None, Trace | None]:
    order = itertools.count()
    runs = 0
    best: Trace | None = None
    seen: set[str] = set()
    until = time.thread_time() + MOST_SECONDS
    firsts, furthest, likeliest = guesses(model), list[tuple[float, int, Specs]](), list[tuple[float, int, Specs]]()
    while time.thread_time() < until:
        specs = next(firsts, None)  # every first guess comes before any repair
        if specs is None:
            # every third time what its own repair thinks likeliest, lest one that came far keeps all others waiting
            waiting = likeliest if likeliest and runs % 3 == 2 else furthest
            if not waiting:
                break
            _, _, specs = heapq.heappop(waiting)
        if repr(specs) in seen:
            continue
        if runs >= MOST_RUNS:
            break
        runs += 1
        seen.add(repr(specs))
        attempt = _attempt(model, specs, evaluate)
        if attempt.complete:
            return drawn(specs, guessed=True), attempt
        if best is None or len(attempt.nodes) > len(best.nodes):
            best = attempt
        if not evaluate and model.training and _IN_TRAINING.search(str(attempt.error)):
            return None, attempt  # no other input changes that
        for rank, repaired in enumerate(itertools.islice(repairs(model, specs, attempt), 60)):
            heapq.heappush(furthest, (-len(attempt.nodes) + rank * 0.5, next(order), repaired))
            heapq.heappush(likeliest, (rank, next(order), repaired))
    return None, best


def _attempt(model: nn.Module, specs: Specs, evaluate: bool) -> Trace:
    """Run on shapes alone; where the model asks for values, on drawn ones or with invented answers."""
    blank = {key: spec.blank() if isinstance(spec, Spec) else spec for key, spec in specs.items()}
    args, kwargs = _split(blank)
    tried: list[Trace] = []
    for tier in TIERS:
        if tier == "real":
            if not can_run(model):
                continue
            given = drawn(specs)
            args, kwargs = given.args, given.kwargs
        elif tier == "fake":
            args, kwargs = _split({key: specs[key].draw() if _is_fixed(specs[key]) else blank[key] for key in specs})
        attempt = run_tier(model, args, kwargs, tier, evaluate=evaluate)
        tried.append(attempt)
        if attempt.complete or not asks_for_values(attempt.error):
            break  # it runs, or it fails for another reason: the input is wrong
    best = attempt if attempt.complete else max(tried, key=lambda t: len(t.nodes))
    best.earlier = [t for t in tried if t is not best]
    return best


def _is_fixed(spec: Any) -> bool:
    return isinstance(spec, Spec) and spec.fixed and not spec.times


def _split(values: Mapping[Key, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = tuple(value for key, value in values.items() if isinstance(key, int))
    return args, {key: value for key, value in values.items() if isinstance(key, str)}

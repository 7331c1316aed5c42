"""What the range test's suggestion costs against the best of a fine grid, beside other rules: `make bench-range-test`.

    python bench/range_test.py [SETUP ...] [--again] [--jobs 2]

Each set-up (a task, a model, an optimizer) is trained at 19 rates from 1e-5 to 10 and at the rate that each rule
suggests, over the same seeds: 60 % of the rows to fit, 20 % to choose the checkpoint and the best of the grid, 20 % to
report. All rules read the same five curves (the loss while the rate rises from 1e-6 to 10 in 150 steps) and suggest the
median of their five answers; what one curve alone would have cost is read off the nearest rate of the grid.

The other rules are written here from their public description, each with its own smoothing (.98) and its own end
(four times the lowest smoothed loss): `steepest` is Lightning's `lr_find` (the steepest fall, without the first ten
points and the last), `valley` and `minimum` are fastai's (the middle of the longest fall; a tenth of the minimum's
rate; both without the first tenth and the last five points). One row a set-up goes into
bench/results/range_test.json.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from range_setups import SETUPS, Setup, batches_of, parts_of
from torch import nn

from nnlint.trainer.range_test import HIGH, LOW, STEPS, sweep_of

RESULT = Path(__file__).resolve().parent / "results" / "range_test.json"
GRID = tuple(10 ** (-5 + k / 3) for k in range(19))
SEEDS = (1, 2, 3)
CURVES = (11, 12, 13, 14, 15)

Curve = tuple[Sequence[float], Sequence[float]]
"""Rates, and the loss at each, up to the first that is no number."""


def nnlint(curve: Curve) -> float | None:
    """A quarter of the rate at the minimum, smoothed by .9: what `nnlint lr` suggests."""
    return sweep_of(*curve).suggestion


def steepest(curve: Curve) -> float | None:
    """Lightning's: the rate at the steepest fall of the smoothed loss."""
    rates, losses = _until_four_times(curve)
    inner = losses[10:-1]
    if len(inner) < 2:
        return None
    slopes = [
        inner[min(i + 1, len(inner) - 1)] - inner[max(i - 1, 0)]
        if 0 < i < len(inner) - 1
        else 2 * (inner[min(i + 1, len(inner) - 1)] - inner[max(i - 1, 0)])
        for i in range(len(inner))
    ]  # differences in the middle span two steps, at the edges one
    return rates[10 + min(range(len(inner)), key=slopes.__getitem__)]


def valley(curve: Curve) -> float | None:
    """fastai's default: the rate in the middle of the longest fall of the smoothed loss."""
    rates, losses = (part[STEPS // 10 : -5] for part in _until_four_times(curve))
    if len(losses) < 2:
        return None
    lengths = [1] * len(losses)
    end = 0
    for i in range(1, len(losses)):
        lengths[i] = 1 + max((lengths[j] for j in range(i) if losses[i] < losses[j]), default=0)
        end = i if lengths[i] > lengths[end] else end
    start = end - lengths[end]
    third = (end - start) / 3
    return rates[max(0, start + int(third) + int(third / 2))]


def minimum(curve: Curve) -> float | None:
    """fastai's: a tenth of the rate at the smoothed minimum."""
    rates, losses = (part[STEPS // 10 : -5] for part in _until_four_times(curve))
    return rates[min(range(len(losses)), key=losses.__getitem__)] / 10 if losses else None


RULES: dict[str, Callable[[Curve], float | None]] = {
    "nnlint": nnlint, "steepest": steepest, "valley": valley, "minimum": minimum,
}  # fmt: skip


def _until_four_times(curve: Curve) -> tuple[list[float], list[float]]:
    """Smooth by .98, corrected for the beginning, and end where the loss is four times the lowest so far."""
    average, found, lowest = 0.0, [], math.inf
    for step, loss in enumerate(curve[1], start=1):
        average = 0.98 * average + 0.02 * loss
        found.append(average / (1 - 0.98**step))
        if step > 1 and found[-1] > 4 * lowest:
            break
        lowest = min(lowest, found[-1])
    return list(curve[0][: len(found)]), found


def curve_of(name: str, seed: int) -> Curve:
    """Train while the rate rises; return the loss at each rate."""
    setup = SETUPS[name]
    model, optimizer = _begin(setup, seed)
    rows, losses, rates = batches_of(setup, seed, endless=True), [], []
    for step in range(STEPS):
        rate = LOW * (HIGH / LOW) ** (step / (STEPS - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _step(model, optimizer, *next(rows))
        if not math.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
    return rates, losses


def score_of(name: str, seed: int, rate: float) -> tuple[float, float]:
    """Train at this rate; return the best accuracy to choose by, and what that checkpoint reaches on the last rows."""
    setup = SETUPS[name]
    model, optimizer = _begin(setup, seed)
    for group in optimizer.param_groups:
        group["lr"] = rate
    _, choose, report = parts_of(setup, seed)
    best = (-1.0, 0.0)
    for epoch in range(setup.epochs):
        model.train()
        for inputs, targets in batches_of(setup, 1000 * seed + epoch, split=seed):
            if not math.isfinite(_step(model, optimizer, inputs, targets)):
                return max(best, (0.0, 0.0))
        model.eval()
        chosen = _accuracy(model, *choose)
        if chosen > best[0]:
            best = (chosen, _accuracy(model, *report))
    return best


def _begin(setup: Setup, seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    model = setup.model()
    return model, setup.optimizer(model.parameters())


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), targets)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def _accuracy(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    return float((model(inputs).argmax(1) == targets).float().mean())


def grid_of(name: str, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Return what each rate of the grid reaches on the last rows, and the best, which other rows choose."""
    runs = [[pool.submit(score_of, name, seed, rate) for seed in SEEDS] for rate in GRID]
    grid = [[run.result() for run in same] for same in runs]
    chosen, reported = ([fmean(run[k] for run in same) for same in grid] for k in (0, 1))
    best = max(range(len(GRID)), key=chosen.__getitem__)
    return {
        "grid": [round(value, 5) for value in reported], "best_rate": GRID[best], "best": round(reported[best], 5),
        "spread": round(stdev(run[1] for run in grid[best]), 5),
    }  # fmt: skip


def rules_of(name: str, grid: dict[str, Any], pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Return what each rule suggests and what that loses."""
    curves = [f.result() for f in [pool.submit(curve_of, name, seed) for seed in CURVES]]
    single = {rule: [suggest(curve) for curve in curves] for rule, suggest in RULES.items()}
    there = {rule: [rate for rate in rates if rate] for rule, rates in single.items()}
    suggested = {rule: median(rates) if rates else None for rule, rates in there.items()}
    own = {rule: [pool.submit(score_of, name, s, rate) for s in SEEDS] for rule, rate in suggested.items() if rate}
    found = {}
    for rule, rates in single.items():
        reached = fmean(run.result()[1] for run in own[rule]) if rule in own else None
        alone = [grid["grid"][_nearest(rate)] if rate else None for rate in rates]
        found[rule] = {
            "rate": suggested[rule], "rates": rates,
            "lost": None if reached is None else round(grid["best"] - reached, 5),
            "one_curve": [None if score is None else round(grid["best"] - score, 5) for score in alone],
        }  # fmt: skip
    return found


@cache
def _nearest(rate: float) -> int:
    return min(range(len(GRID)), key=lambda k: abs(math.log(GRID[k] / rate)))


def main() -> int:
    """Train what is missing; 1 where nnlint's rule loses more than another, in the mean or at worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setups", nargs="*", help="names of set-ups (default: all)")
    parser.add_argument("--again", action="store_true", help="ask again what is there")
    parser.add_argument("--rules", action="store_true", help="ask the rules again, keep the grids")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time (default 2)")
    chosen = parser.parse_args()
    rows: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    todo = [name for name in chosen.setups or SETUPS if chosen.again or chosen.rules or name not in rows]
    with ProcessPoolExecutor(chosen.jobs, mp_context=get_context("fork")) as pool:
        started = time.monotonic()
        for done, name in enumerate(todo, start=1):
            kept = rows.get(name) if chosen.rules else None
            grid = {k: v for k, v in kept.items() if k != "rules"} if kept else grid_of(name, pool)
            rows[name] = {**grid, "rules": rules_of(name, grid, pool)}
            RESULT.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", "utf-8")
            left = (time.monotonic() - started) / done * (len(todo) - done)
            lost = "  ".join(f"{rule} {_points(one['lost'])}" for rule, one in rows[name]["rules"].items())
            print(f"{name:32} best {rows[name]['best']:.1%} at {rows[name]['best_rate']:.2g}   {lost}"
                  f"   ({left / 60:.0f} min left)", flush=True)  # fmt: skip
    return _conclude(rows)


def _conclude(rows: dict[str, Any]) -> int:
    means, worst = {}, {}
    for rule in RULES:
        lost = [row["rules"][rule]["lost"] for row in rows.values()]
        there = [value for value in lost if value is not None]
        if there:
            means[rule], worst[rule] = fmean(there), max(there)
            print(f"{rule:10} mean {_points(means[rule])}  worst {_points(worst[rule])}  none {lost.count(None)}")
    return int(any(part["nnlint"] > min(part.values()) + 1e-9 for part in (means, worst)))


def _points(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:+.1f}"


if __name__ == "__main__":
    sys.exit(main())

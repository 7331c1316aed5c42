"""What is tracked: one entry for each run of a training, or for each program of a confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..facts import Plain
from ..trainer import Confirmation, Verdict
from ..training import Training

Scalar = bool | int | float | str


class Tracked(Plain):
    """One run: its settings, its curves (name: (epoch, value), ...), its figures at the end, and its words."""

    name: str
    parameters: Mapping[str, Scalar] = {}
    curves: Mapping[str, tuple[tuple[float, float], ...]] = {}
    figures: Mapping[str, float] = {}
    words: Mapping[str, str] = {}


class Record(Plain):
    """All that one command has measured. `data` says on what."""

    name: str
    data: str
    runs: tuple[Tracked, ...]


def of_training(result: Training, settings: Mapping[str, Any]) -> Record:
    """Return the runs of a training; `settings` are those of its configuration."""
    runs = []
    for run in result.runs:
        curves = {
            "training loss": tuple((float(i), v) for i, v in enumerate(run.losses, 1)),
            f"validation {result.metric}": tuple((float(i), v) for i, v in enumerate(run.validation, 1)),
        }
        figures = {"seconds": run.seconds}
        if run.score is not None:
            figures[f"test {result.metric}"] = run.score
        words = {"status": run.status, **({"reason": run.reason} if run.reason else {})}
        own = {**flat(settings), "seed": run.seed}
        runs.append(Tracked(name=f"seed {run.seed}", parameters=own, curves=curves, figures=figures, words=words))
    return Record(name=result.name, data=result.data, runs=tuple(runs))


def of_confirmation(name: str, result: Confirmation) -> Record:
    """Return the programs of a confirmation: their curves at the user's rate, and the verdict on each change."""
    verdicts = {verdict.name: verdict for verdict in result.verdicts}
    curves = {curve.name: curve for curve in result.curves}
    metric = next((v.metric.name for v in result.verdicts if v.metric is not None), "score")
    runs = []
    for program in dict.fromkeys((*curves, *verdicts)):
        shown = {}
        if program in curves:
            curve = curves[program]
            shown = {f"validation {metric}": tuple(zip(curve.epochs, curve.mean, strict=True))}
        figures, words = _verdict(verdicts[program]) if program in verdicts else ({}, {})
        runs.append(Tracked(name=program, curves=shown, figures=figures, words=words))
    return Record(name=name, data=result.data, runs=tuple(runs))


def _verdict(verdict: Verdict, before: str = "") -> tuple[dict[str, float], dict[str, str]]:
    words = {f"{before}verdict": str(verdict.word)}
    if verdict.reason:
        words[f"{before}reason"] = verdict.reason
    low, high = verdict.interval or (None, None)
    found = {
        "before": verdict.before, "after": verdict.after, "effect": verdict.effect, "interval low": low,
        "interval high": high, "seeds": float(verdict.seeds),
    }  # fmt: skip
    figures = {before + name: value for name, value in found.items() if value is not None}
    if verdict.best_rate is not None:
        more = _verdict(verdict.best_rate, "best rate ")
        figures, words = figures | more[0], words | more[1]
    return figures, words


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Scalar]:
    """Return nested settings as `optimizer.rate: 0.01`; what is not set is left out."""
    found: dict[str, Scalar] = {}
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif isinstance(value, bool | int | float | str):
            found[name] = value
        elif value is not None:
            found[name] = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return found

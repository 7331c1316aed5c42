"""Pictures of what was trained: learning curves, and the range test. matplotlib belongs to `nnlint[confirm]`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..trainer import Confirmation, LearningRate
from ..training import Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _FAINT = "#1f2328", "#8c959f"
_COLOURS = ("#6e7781", "#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700", "#0a7ea4")
"""The original is grey; each change has a colour of its own. Legible on white, and told apart without red and green."""


def learning_curves(result: Confirmation, kind: str) -> bytes:
    """Return the validation score of every program over its epochs: the mean of the seeds, and their range."""
    figure, axes = _figure(7.5, 4.5)
    share = any(v.metric is not None and v.metric.name == "accuracy" for v in result.verdicts)
    scale = 100.0 if share else 1.0
    words: Mapping[str, str] = {v.name: v.word for v in result.verdicts}
    for number, curve in enumerate(result.curves):
        colour = _COLOURS[number % len(_COLOURS)]
        label = f"{curve.name} ({words[curve.name]})" if curve.name in words else curve.name
        axes.plot(curve.epochs, [scale * v for v in curve.mean], color=colour, linewidth=2, label=label)
        low, high = ([scale * v for v in side] for side in (curve.low, curve.high))
        axes.fill_between(curve.epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("epochs")
    axes.set_ylabel("validation accuracy in %" if share else "validation error in spreads of the target")
    axes.set_title("Mean over seeds at your rate; the band holds every seed", fontsize=10, color=_INK, loc="left")
    axes.legend(frameon=False, fontsize=9)
    return _written(figure, kind)


def range_test(found: LearningRate, kind: str) -> bytes:
    """Return the smoothed loss over the learning rate for every seed, with the user's rate and the suggestion."""
    figure, axes = _figure(7.5, 4.5)
    for number, sweep in enumerate(found.sweeps):
        axes.plot(sweep.rates, sweep.losses, color=_FAINT, linewidth=0.5, alpha=0.3)
        label = "loss, smoothed: one line a seed" if not number else None
        axes.plot(sweep.rates, sweep.smoothed, color=_COLOURS[1], linewidth=1.5, alpha=0.8, label=label)
    if found.suggestion is not None and found.interval is not None:
        axes.axvspan(*found.interval, color=_COLOURS[3], alpha=0.12, linewidth=0)
        axes.axvline(found.suggestion, color=_COLOURS[3], linewidth=2, label=f"suggestion {found.suggestion:.2g}")
    if found.rate:
        axes.axvline(found.rate, color=_COLOURS[2], linewidth=2, linestyle="--", label=f"your rate {found.rate:.2g}")
    axes.set_xscale("log")
    axes.set_ylim(*_visible(found))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.legend(frameon=False, fontsize=9)
    return _written(figure, kind)


def _visible(found: LearningRate) -> tuple[float, float]:
    """Return the part of the losses that tells something: not the explosion at the end."""
    smoothed = [value for sweep in found.sweeps for value in sweep.smoothed]
    if not smoothed:
        return 0.0, 1.0
    start = max(sweep.smoothed[0] for sweep in found.sweeps if sweep.smoothed)
    low = min(smoothed)
    room = max(start - low, abs(start) * 0.1, 1e-9)
    return low - 0.1 * room, start + 0.6 * room


def _figure(width: float, height: float, columns: int = 1) -> tuple[Figure, Any]:
    """Return a figure with its axes: a list of them where there are several columns."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, facecolor="white", layout="constrained")
    found = [figure.add_subplot(1, columns, number + 1) for number in range(columns)]
    for axes in found:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#d0d7de", linewidth=0.5)
        axes.tick_params(colors=_INK, labelsize=9)
    return figure, found if columns > 1 else found[0]


def _written(figure: Figure, kind: str) -> bytes:
    held = io.BytesIO()
    # A date or random ids would make the same study give another file.
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "nnlint", "svg.fonttype": "none"}):
        figure.savefig(held, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return held.getvalue()


def training_curves(result: Training, kind: str) -> bytes:
    """Return loss and validation score of every seed over its epochs, side by side."""
    share = result.metric == "accuracy"
    figure, axes = _figure(9.0, 4.2, columns=2)
    for number, run in enumerate(result.runs):
        colour = _COLOURS[(number + 1) % len(_COLOURS)]
        epochs = range(1, len(run.losses) + 1)
        axes[0].plot(epochs, run.losses, color=colour, linewidth=1.3, label=f"seed {run.seed}")
        axes[1].plot(epochs, [(100 if share else 1) * v for v in run.validation], color=colour, linewidth=1.3)
    axes[0].set_ylabel("training loss")
    axes[1].set_ylabel("validation accuracy in %" if share else "validation error in spreads of the target")
    for one in axes:
        one.set_xlabel("epochs")
    if 1 < len(result.runs) <= 10:
        axes[0].legend(frameon=False, fontsize=9)
    return _written(figure, kind)

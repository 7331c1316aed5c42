"""The runs of a configuration: a table for the screen, JSON, and their curves as a chart."""

from __future__ import annotations

import json

from ..report import Report
from ..training import Run, Training
from .excerpt import one_line
from .style import Style
from .words import counted


def as_text(result: Training, style: Style) -> str:
    """Return one line for each seed, then mean and interval."""
    share = result.metric == "accuracy"
    unit = "accuracy" if share else "error in spreads of the target"
    rows = [f"{style('bold', result.name)}: {result.data} · {unit} on {result.rows} untouched rows"]
    if not result.runs:
        return "interrupted before a run was done\n"
    rows.append("  seed       test  best validation  epochs     time")
    rows += ["  " + _row(run, share) for run in result.runs]
    if result.mean is not None:
        ok = sum(run.score is not None for run in result.runs)
        line = f"mean {_figure(result.mean, share)}"
        if result.interval is not None:
            low, high = result.interval
            low, high = (max(low, 0.0), min(high, 1.0)) if share else (max(low, 0.0), high)
            line += f" (95 % interval {_figure(low, share)} to {_figure(high, share)})"
        rows.append(f"{style('bold', line)} · {counted(ok, 'seed')} · {result.seconds:.0f} s")
    failed = [run for run in result.runs if run.score is None]
    if failed:
        others = "; the mean is that of the others" if result.mean is not None else ""
        rows.append(f"note: {len(failed)} of {counted(len(result.runs), 'run')} failed{others}")
    if result.interrupted:
        rows.append("note: interrupted: these are the runs that were done")
    return "\n".join(rows) + "\n"


def as_json(result: Training, report: Report | None) -> str:
    """Return the report as JSON with the runs as its `training`."""
    data = (report or Report()).model_dump(mode="json") | {"training": result.model_dump(mode="json")}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _row(run: Run, share: bool) -> str:
    if run.score is None:
        return f"{run.seed:>4}  {run.status}: {one_line(run.reason)}"
    best = (max if share else min)(run.validation, default=0.0)
    cells = (_figure(run.score, share), _figure(best, share), str(len(run.losses)), f"{run.seconds:.1f} s")
    return f"{run.seed:>4}  {cells[0]:>9}  {cells[1]:>15}  {cells[2]:>6}  {cells[3]:>7}"


def _figure(value: float, share: bool) -> str:
    return f"{100 * value:.1f} %" if share else f"{value:.4f}"

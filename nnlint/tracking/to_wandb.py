"""Weights & Biases: one run for each run, offline unless WANDB_MODE says otherwise (`wandb sync` sends them)."""

from __future__ import annotations

import os
from pathlib import Path

from .record import Record


def write(record: Record, folder: Path) -> str:
    """Write a run of the project "nnlint" for each run, grouped by the record's name. Returns their folder."""
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    mode = os.environ.get("WANDB_MODE", "offline")
    for tracked in record.runs:
        run = wandb.init(
            project="nnlint", group=record.name, name=f"{record.name} {tracked.name}", dir=str(folder), mode=mode,
            config={**tracked.parameters, "data": record.data}, reinit="finish_previous",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )  # fmt: skip
        points: dict[float, dict[str, float]] = {}
        for name, curve in tracked.curves.items():
            for epoch, value in curve:
                points.setdefault(epoch, {"epoch": epoch})[name] = value
        for _, values in sorted(points.items()):
            run.log(values)
        run.summary.update({**tracked.figures, **tracked.words})
        run.finish()
    return f"{folder / 'wandb'}{os.sep} ({mode})"

"""TensorBoard: one folder of events for each run, by tensorboardX."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .record import Record


def write(record: Record, folder: Path) -> str:
    """Write an event file for each run under `folder`/name of the record. Returns that folder."""
    from tensorboardX import SummaryWriter

    place = folder / record.name
    for run in record.runs:
        with SummaryWriter(str(place / _plain(run.name))) as writer:
            for name, curve in run.curves.items():
                for number, (epoch, value) in enumerate(curve, 1):
                    whole = float(epoch).is_integer()
                    writer.add_scalar(_plain(name), value, int(epoch) if whole else number)
            for name, value in run.figures.items():
                writer.add_scalar(f"result/{_plain(name)}", value, 0)
            words = {**run.words, **{name: str(value) for name, value in run.parameters.items()}, "data": record.data}
            writer.add_text("run", "\n\n".join(f"**{name}**: {word}" for name, word in words.items()), 0)
    return f"{place}{os.sep}"


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("_") or "run"

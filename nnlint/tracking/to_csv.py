"""CSV files: `runs.csv` (one line for each run), `curves.csv` (one for each epoch), in a folder of its name."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .record import Record


def write(record: Record, folder: Path) -> str:
    """Write the files whole, or not at all, in the place of those of an earlier run. Returns their folder."""
    place = folder / record.name
    place.mkdir(parents=True, exist_ok=True)
    parts = ("parameters", "figures", "words")
    names = {part: list(dict.fromkeys(n for run in record.runs for n in getattr(run, part))) for part in parts}
    head = ["run", *names["figures"], *names["words"], *names["parameters"]]
    rows = [
        [run.name, *(getattr(run, part).get(n, "") for part in ("figures", "words", "parameters") for n in names[part])]
        for run in record.runs
    ]
    _save(place / "runs.csv", head, rows)
    points = (
        [run.name, f"{epoch:g}", name, value]
        for run in record.runs
        for name, curve in run.curves.items()
        for epoch, value in curve
    )
    _save(place / "curves.csv", ["run", "epoch", "name", "value"], points)
    return f"{place}{os.sep}"


def _save(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(held.getvalue(), "utf-8")
    beside.replace(path)

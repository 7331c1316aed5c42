"""Where the rows of a configuration come from: their shape, and the lines that read them."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..configuration import did_you_mean
from ..trainer.reference import Reference, reference
from ..trainer.tasks import NoTask
from .lines import Lines
from .reading import Key, Mistakes, Written
from .reading import mistake as _mistake

MOST_CLASSES = 20
"""Different whole numbers in a CSV's target up to which they are held to be classes."""


@dataclass(frozen=True)
class Source:
    """Rows of `shape`; `classes` is 0 where a number is learned, `vocabulary` 0 where rows are no text."""

    name: str
    shape: tuple[int, ...]
    classes: int
    vocabulary: int = 0
    reference: Reference | None = None
    file: Path | None = None
    target: str = ""


def source_of(written: Written) -> Source:
    """Return the rows that a configuration asks for. Raises Mistakes where they are not there."""
    data = written.blueprint.data
    if data.csv is not None:
        return _table(written, data.csv, data.target or "")
    try:
        found = reference(data.task or "")
        if found.missing:
            found.load()  # which says what to install
    except NoTask as error:
        raise _wrong(written, ("data", "task"), str(error)) from error
    return Source(found.title, found.shape, found.classes, found.vocabulary, found)


def write_source(lines: Lines, source: Source, place: Path) -> None:
    """Write the function that reads the rows, for a script at `place`, and its call."""
    if source.reference is not None:
        lines.add(source.reference.source.replace("tuple[Any, Any]", "tuple").rstrip("\n"), ("data",))
        lines.add(f"\n\ninputs, labels = (torch.from_numpy(values) for values in {source.reference.name}())", ("data",))
        return
    assert source.file is not None
    relative = os.path.relpath(source.file, place.resolve().parent).replace(os.sep, "/")
    lines.add(
        f'with open(Path(__file__).parent / "{relative}", newline="", encoding="utf-8") as file:', ("data", "csv")
    )
    lines.add("    header, *rows = csv.reader(file)", ("data", "csv"))
    lines.add(f"column = header.index({source.target!r})", ("data", "target"))
    lines.add(
        "inputs = torch.tensor([[float(v) for v in row[:column] + row[column + 1 :]] for row in rows])", ("data",)
    )
    if source.classes:
        lines.add("classes = sorted({row[column] for row in rows})", ("data", "target"))
        lines.add("labels = torch.tensor([classes.index(row[column]) for row in rows])", ("data", "target"))
    else:
        lines.add("labels = torch.tensor([float(row[column]) for row in rows])", ("data", "target"))


def _table(written: Written, name: str, target: str) -> Source:
    path = written.path.parent / name
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _wrong(written, ("data", "csv"), f"{name} cannot be read: {why}") from error
    if len(rows) < 2:
        raise _wrong(written, ("data", "csv"), f"{name} has no rows under its header")
    header = rows[0]
    if target not in header:
        help = did_you_mean(target, header) or "its columns are " + ", ".join(header[:12])
        raise _wrong(written, ("data", "target"), f"{name} has no column {target!r}", help)
    column = header.index(target)
    for number, row in enumerate(rows[1:], 2):
        _check(written, name, header, row, number, column)
    values = [row[column] for row in rows[1:]]
    wanted = written.blueprint.data.goal
    if wanted == "number" or (wanted is None and _are_numbers(values)):
        if not all(_number(value) for value in values):
            raise _wrong(written, ("data", "goal"), f"column {target!r} of {name} holds more than numbers")
        return Source(name, (len(header) - 1,), 0, file=path, target=target)
    count = len(set(values))
    if count < 2:
        raise _wrong(written, ("data", "target"), f"column {target!r} of {name} holds one value alone")
    return Source(name, (len(header) - 1,), count, file=path, target=target)


def _check(written: Written, name: str, header: Sequence[str], row: Sequence[str], number: int, column: int) -> None:
    if len(row) != len(header):
        raise _wrong(written, ("data", "csv"), f"{name}:{number} has {len(row)} columns, its header {len(header)}")
    for at, value in enumerate(row):
        if at != column and not _number(value):
            help = "turn it into numbers, or leave the column out"
            raise _wrong(written, ("data", "csv"), f"{name}:{number}: {header[at]} is {value!r}, no number", help)


def _are_numbers(values: Sequence[str]) -> bool:
    """Whether a target is learned as a number: not all whole, or too many different ones for classes."""
    if not all(_number(value) for value in values):
        return False
    return any(not float(value).is_integer() for value in values) or len(set(values)) > MOST_CLASSES


def _number(value: str) -> bool:
    try:
        return abs(float(value)) < float("inf")
    except ValueError:
        return False


def _wrong(written: Written, key: Key, message: str, help: str = "") -> Mistakes:
    return Mistakes([_mistake(written.path, message, written.place(key)[0], help)])

"""Source lines with places marked in them, cleaned so that they can be shown anywhere."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..report import Place, ReportedEdit, ReportedFinding, applied, lines

TAB = 4
WIDEST = 160
"""Lines longer than this are cut around the first mark."""
TALLEST = 6
"""Marks over more lines than this lose their middle."""


@dataclass(frozen=True)
class Mark:
    """Characters `start` to `end` (from 0, end exclusive) of the shown line."""

    start: int
    end: int
    label: str
    primary: bool


@dataclass(frozen=True)
class Line:
    """One shown line; `number` is None for the place of lines left out."""

    number: int | None
    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Block:
    """Lines of one file that stand together under `path:line:column`."""

    place: Place
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Change:
    """One line of a diff: `sign` is `-` or `+`, `number` counts in the old or the new text."""

    sign: str
    number: int
    text: str


def blocks(finding: ReportedFinding, sources: Mapping[str, str]) -> list[Block]:
    """Return what to show of the sources: the place itself, then what belongs to it; one block for one line."""
    if finding.path is None or finding.line is None:
        places: list[tuple[Place, str, bool]] = []
    else:
        places = [(finding, finding.label, True)]
    places += [(r, r.message, False) for r in finding.related if r.path is not None and r.line is not None]
    result: list[Block] = []
    for place, label, primary in places:
        shown = _lines(place, label, primary, sources.get(place.source or "", ""))
        same = next((i for i, b in enumerate(result) if _one_line(b.place) == _one_line(place) is not None), None)
        if same is not None and shown:
            first = result[same].lines[0]
            merged = Line(first.number, first.text, first.marks + shown[0].marks)
            result[same] = Block(result[same].place, (merged,))
        else:
            result.append(Block(place, shown))
    return result


def changes(path: str, edits: Sequence[ReportedEdit], sources: Mapping[str, str]) -> list[Change]:
    """Return the lines that `edits` take from and add to the file at `path`."""
    old = sources.get(path, "")
    new = applied(old, [e for e in edits if e.source == path])
    before, after = _rows(old), _rows(new)
    result: list[Change] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            result += [Change("-", n + 1, cleaned(before[n])) for n in range(i, j)]
            result += [Change("+", n + 1, cleaned(after[n])) for n in range(k, m)]
    return result


def cleaned(text: str) -> str:
    """Return a line with tabs as spaces and characters that would steer a terminal as a sign of their own."""
    return "".join(_shown(char) for char in text)


def width(text: str) -> int:
    """Return the columns that `text` takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def one_line(text: str) -> str:
    """Return `text` on one line, without characters that would steer a terminal."""
    return cleaned(" ".join(text.split()))


def _rows(text: str) -> list[str]:
    return [line.rstrip("\r\n") for line in lines(text)]


def _shown(char: str) -> str:
    if char == "\t":
        return " " * TAB
    return "�" if unicodedata.category(char) in ("Cc", "Cs") else char


def _one_line(place: Place) -> tuple[str, int] | None:
    if place.path is None or place.line is None or place.end_line not in (None, place.line):
        return None
    return place.source or "", place.line


def _lines(place: Place, label: str, primary: bool, source: str) -> tuple[Line, ...]:
    text = _rows(source)
    first = place.line or 1
    last = min(place.end_line or first, len(text))
    numbers: Iterable[int | None] = range(first, last + 1)
    if last - first + 1 > TALLEST:
        numbers = [first, first + 1, None, last]
    result = []
    for number in numbers:
        if number is None:
            result.append(Line(None, ""))
        elif number <= len(text):
            result.append(_line(place, number, text[number - 1], label if number == last else "", primary))
    return tuple(result)


def _line(place: Place, number: int, raw: str, label: str, primary: bool) -> Line:
    indent = len(raw) - len(raw.lstrip())
    start = (place.column or indent + 1) - 1 if number == place.line else indent
    ends_here = number == (place.end_line or place.line) and place.end_column is not None
    end = (place.end_column or 1) - 1 if ends_here else len(raw.rstrip())
    start, end = min(start, len(raw)), min(end, len(raw))
    text, left, right = cleaned(raw), len(cleaned(raw[:start])), len(cleaned(raw[:end]))
    right = max(right, left + 1)
    if len(text) > WIDEST:
        cut = max(0, left - WIDEST // 3)
        text = ("…" if cut else "") + text[cut : cut + WIDEST] + ("…" if cut + WIDEST < len(text) else "")
        shift = cut - (1 if cut else 0)
        left, right = left - shift, min(right - shift, len(text))
    return Line(number, text, (Mark(left, right, label, primary),))

"""Programs for the rules, kept as cells of a few files: see `tests/cases/README.md`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

CASES = Path(__file__).resolve().parent / "cases"
_CELL = re.compile(r"^# %% (.+)$", re.MULTILINE)
_MARK = re.compile(r"# <- ([a-z0-9-]+(?:, [a-z0-9-]+)*)$")
_LEAVES = re.compile(r"^# leaves: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One program: where it stands, what is to be found on which line, and which rules have to leave it alone."""

    theme: str
    title: str
    text: str = field(repr=False)

    @cached_property
    def marked(self) -> set[tuple[str, int]]:
        """The rules that have to point to a line, with the line (from 1)."""
        found = ((n, _MARK.search(line)) for n, line in enumerate(self.text.splitlines(), 1))
        return {(rule, n) for n, mark in found if mark for rule in mark[1].split(", ")}

    @cached_property
    def leaves(self) -> set[str]:
        """The rules that have to say nothing."""
        return {rule.strip() for names in _LEAVES.findall(self.text) for rule in names.split(",")}


def cases() -> list[Case]:
    """Return every program, in the order of the files."""
    return [case for path in sorted(CASES.glob("*.py")) for case in _of(path)]


def _of(path: Path) -> list[Case]:
    head, *rest = _CELL.split(path.read_text("utf-8"))
    return [Case(path.stem, title, head + body) for title, body in zip(rest[::2], rest[1::2], strict=True)]


def counted(every: list[Case]) -> tuple[Counter[str], Counter[str]]:
    """Return how many programs each rule has to speak of, and how many it has to leave alone."""
    speaks = Counter(rule for case in every for rule in {rule for rule, _ in case.marked})
    leaves = Counter(rule for case in every for rule in case.leaves)
    return speaks, leaves

"""The report: what was found, in the form in which it leaves nnlint (the JSON contract, field for field).

Places are as a reader needs them: paths relative to the working directory with `/`, lines and columns from 1 in code
points, end exclusive, None where unknown.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from .engine import NotChecked
from .facts import Facts, Plain, Subject
from .finding import Finding, Level
from .fix import Fix, Safety
from .settings import at_least

VERSION = 1
"""Of the JSON contract: raised when a field changes its meaning or goes."""

MOST_ADVICE = 3
"""Pieces of advice that a screen shows for one subject."""

Verdict = Literal["helps", "hurts", "no difference", "undecided", "not confirmed"]


class InCell(Plain):
    """What may stand in a notebook: then `cell` is the number of its cell, text cells counted, from 1.

    Lines are those of the cell. Of other files, the field is left out of the JSON.
    """

    cell: int | None = None

    @model_serializer(mode="wrap")
    def _without_cell(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        if data.get("cell") is None:
            data.pop("cell", None)
        return data


class Place(InCell):
    """Where something stands."""

    path: str | None = None
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None

    @property
    def source(self) -> str | None:
        """The name of its text among a report's sources."""
        return self.path if self.cell is None else f"{self.path}#{self.cell}"

    @property
    def shown(self) -> str:
        """`path:line:column` as far as it is known; `path:cell 3:line:column` in a notebook."""
        cell = None if self.cell is None else f"cell {self.cell}"
        return ":".join(str(part) for part in (self.path, cell, self.line, self.column) if part is not None)


class Related(Place):
    """Another place that belongs to a finding, with what it has to do with it."""

    message: str


class ReportedEdit(Place):
    """Replace what stands from `line`, `column` to `end_line`, `end_column` by `text`."""

    text: str


class ReportedFix(Plain):
    """A fix as text edits; `edits` is empty where the source cannot be changed, and `obstacle` says why.

    `origin` and `facts` are what the edits were made from.
    """

    title: str
    safety: Safety
    edits: tuple[ReportedEdit, ...] = ()
    changes: str = Field(default="", exclude=True)
    obstacle: str = Field(default="", exclude=True)
    origin: Fix | None = Field(default=None, exclude=True, repr=False)
    facts: Facts | None = Field(default=None, exclude=True, repr=False)


class Measured(Plain):
    """A metric before and after a fix: means over seeds, the interval of the paired difference, the verdict."""

    before: float | None
    after: float | None
    interval: tuple[float, float] | None
    verdict: Verdict


class Evidence(Plain):
    """What the trainer measured on one task, at the user's learning rate and with each side's best."""

    task: str
    seeds: int
    metric: str
    your_rate: Measured | None
    best_rate: Measured | None = None


class ReportedFinding(Place):
    """A finding with everything a renderer needs. `label` stands under the underlined code."""

    rule: str
    level: Level
    message: str
    subject: str
    module: str | None = None
    related: tuple[Related, ...] = ()
    why: str = ""
    help: str = ""
    evidence: tuple[Evidence, ...] | None = None
    fixes: tuple[ReportedFix, ...] = ()
    also_explains: tuple[str, ...] = ()
    label: str = Field(default="", exclude=True)
    origin: Finding | None = Field(default=None, exclude=True, repr=False)


class Experiment(Plain):
    """A proposal to try; nothing is wrong with the code."""

    rule: str
    title: str
    fixes: tuple[ReportedFix, ...] = ()


class Suppressed(InCell):
    """A finding that a comment, the configuration or the baseline silenced."""

    rule: str
    path: str | None
    line: int | None
    by: Literal["comment", "configuration", "baseline"]


class Trouble(InCell):
    """Something that kept nnlint from its work. `fatal` makes the exit status 2."""

    kind: str
    path: str | None = None
    line: int | None = None
    message: str
    help: str = ""
    fatal: bool = Field(default=True, exclude=True)


class Report(Plain):
    """All that one run has to say. `sources` holds the text of every file that is pointed to, by its shown path."""

    version: int = VERSION
    findings: tuple[ReportedFinding, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    subjects: tuple[Subject, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    errors: tuple[Trouble, ...] = ()
    sources: Mapping[str, str] = Field(default_factory=dict, exclude=True, repr=False)

    def shown(self, level: Level) -> tuple[ReportedFinding, ...]:
        """Return the findings that a screen at `level` shows: advice at most three a subject."""
        advice: Counter[str] = Counter()
        result = []
        for finding in self.findings:
            advice[finding.subject] += finding.level == "advice"
            if at_least(finding.level, level) and (finding.level != "advice" or advice[finding.subject] <= MOST_ADVICE):
                result.append(finding)
        return tuple(result)

    def __add__(self, other: Report) -> Report:
        """Join two reports; the subjects of the first stand first."""
        joined = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("findings", "experiments", "not_checked", "subjects", "suppressed", "errors")
        }
        return Report(**joined, sources={**self.sources, **other.sources})


def joined(reports: Iterable[Report]) -> Report:
    """Join reports in order."""
    total = Report()
    for report in reports:
        total = total + report
    return total


def lines(text: str) -> list[str]:
    """Return the lines of a program with their ends; unlike `str.splitlines`, a form feed ends none."""
    return list(io.StringIO(text, newline=""))


def applied(text: str, edits: Iterable[ReportedEdit]) -> str:
    """Return `text` with `edits` made; they must not overlap. Lines and columns outside of it raise IndexError."""
    starts = [0]
    for line in lines(text):
        starts.append(starts[-1] + len(line))

    def offset(line: int | None, column: int | None) -> int:
        return starts[(line or 1) - 1] + (column or 1) - 1

    spans = [(offset(e.line, e.column), offset(e.end_line, e.end_column), e.text) for e in edits]
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text

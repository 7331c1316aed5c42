"""Places in a notebook as its reader knows them: a cell, and a line in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from .report import Place, Report, ReportedFinding, ReportedFix, Suppressed, Trouble
from .source.notebook import Cell, cells, is_notebook, place
from .source.text import split_lines

P = TypeVar("P", bound=Place)


def in_cells(report: Report) -> Report:
    """Return a report with places in notebooks given by cell; the texts of the cells join its sources."""
    known = {path: cells(text) for path, text in report.sources.items() if is_notebook(path)}
    if not any(known.values()):
        return report
    return report.model_copy(
        update={
            "findings": tuple(_finding(one, known) for one in report.findings),
            "experiments": tuple(
                one.model_copy(update={"fixes": tuple(_fix(fix, known) for fix in one.fixes)})
                for one in report.experiments
            ),
            "suppressed": tuple(_moved(one, known) for one in report.suppressed),
            "errors": tuple(_moved(one, known) for one in report.errors),
            "sources": {**report.sources, **_texts(report.sources, known)},
        }
    )


def _texts(sources: Mapping[str, str], known: Mapping[str, list[Cell]]) -> dict[str, str]:
    found = {}
    for path, starts in known.items():
        rows = split_lines(sources[path])
        for one, following in zip(starts, [*starts[1:], None], strict=True):
            last = following.start - 2 if following else len(rows)
            found[Place(path=path, cell=one.number).source or ""] = "\n".join(rows[one.start - 1 : last]) + "\n"
    return found


def _finding(finding: ReportedFinding, known: Mapping[str, list[Cell]]) -> ReportedFinding:
    moved = _placed(finding, known)
    return moved.model_copy(
        update={
            "related": tuple(_placed(one, known) for one in finding.related),
            "fixes": tuple(_fix(one, known) for one in finding.fixes),
        }
    )


def _fix(fix: ReportedFix, known: Mapping[str, list[Cell]]) -> ReportedFix:
    return fix.model_copy(update={"edits": tuple(_placed(edit, known) for edit in fix.edits)})


def _placed(one: P, known: Mapping[str, list[Cell]]) -> P:
    found = place(known.get(one.path or "", []), one.line) if one.line else None
    if found is None or one.cell is not None or one.line is None:
        return one
    shift = one.line - found[1]
    end = None if one.end_line is None else one.end_line - shift
    return one.model_copy(update={"cell": found[0], "line": found[1], "end_line": end})


def _moved(one: Any, known: Mapping[str, list[Cell]]) -> Any:
    """Return a suppression or an error with its cell."""
    entry: Suppressed | Trouble = one
    found = place(known.get(entry.path or "", []), entry.line) if entry.line else None
    return entry if found is None or entry.cell else entry.model_copy(update={"cell": found[0], "line": found[1]})

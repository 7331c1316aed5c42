"""Words that every form of the report shares: titles of fixes, notes, figures."""

from __future__ import annotations

from collections.abc import Iterable

from ..report import Evidence, Measured, ReportedEdit, ReportedFinding, ReportedFix
from .excerpt import one_line


def notes(finding: ReportedFinding) -> list[str]:
    """Return what stands behind `=`: why, the evidence, what else follows."""
    rows = [f"why: {one_line(finding.why)}"] if finding.why else []
    rows += [f"evidence: {evidence_words(e)}" for e in finding.evidence or ()]
    if finding.also_explains:
        rows.append(f"also explains: {', '.join(finding.also_explains)}")
    return rows


def evidence_words(evidence: Evidence) -> str:
    """Return one measurement in words: `digits, 8 seeds: 46.5 % -> 96.6 % at your rate; ...`."""
    parts = []
    for measured, rate in ((evidence.your_rate, "at your rate"), (evidence.best_rate, "with each side's best rate")):
        if measured is not None:
            parts.append(f"{_figure(measured, evidence.metric)} {rate}")
    return f"{evidence.task}, {evidence.seeds} seeds: {'; '.join(parts)}"


def fix_title(fix: ReportedFix) -> str:
    """Return what a fix does and what to know before applying it."""
    if fix.obstacle:
        return f"{fix.title} (by hand: {one_line(fix.obstacle)})"
    if fix.safety == "display":
        return f"{fix.title} (by hand{': ' + fix.changes if fix.changes else ''})"
    return f"{fix.title} ({fix.safety}{': ' + fix.changes if fix.changes else ''})"


def paths_of(edits: Iterable[ReportedEdit]) -> list[str]:
    """Return the sources that are changed (a file, a cell of a notebook), in order."""
    return list(dict.fromkeys(edit.source for edit in edits if edit.source is not None))


def named(edits: Iterable[ReportedEdit], source: str) -> str:
    """Return how the source of some edits is shown: `net.py`, `study.ipynb:cell 3`."""
    edit = next(edit for edit in edits if edit.source == source)
    return edit.model_copy(update={"line": None, "column": None}).shown


def place_of(finding: ReportedFinding) -> str:
    """Return `path:line:column` as far as it is known, else the subject and the layer in it."""
    if finding.path is None:
        return f"{finding.subject} ({finding.module})" if finding.module else finding.subject
    return finding.shown


def counted(number: int, noun: str) -> str:
    """Return `1 finding`, `2 findings`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def fix_safety(finding: ReportedFinding) -> str | None:
    """Return how safe the first fix is; None where there is none that can be applied."""
    fix = finding.fixes[0] if finding.fixes else None
    return fix.safety if fix is not None and fix.edits else None


def _figure(measured: Measured, metric: str) -> str:
    percent = metric in ("accuracy", "balanced accuracy", "F1")

    def one(value: float | None) -> str:
        if value is None:
            return "failed"
        return f"{100 * value:.1f} %" if percent else f"{value:.4g}"

    return f"{one(measured.before)} -> {one(measured.after)}"

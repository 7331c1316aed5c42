"""Workflow commands that GitHub shows as annotations on the lines of a pull request."""

from __future__ import annotations

from ..report import Report, ReportedFinding, Trouble
from ..settings import Settings
from .excerpt import one_line
from .words import fix_title

_COMMAND = {"error": "error", "warning": "warning", "advice": "notice"}


def render(report: Report, settings: Settings) -> str:
    """Return one `::error file=...::message` for each shown finding and each error."""
    rows = [_finding(finding) for finding in report.shown(settings.level)]
    rows += [_trouble(trouble) for trouble in report.errors if trouble.fatal]
    return "".join(f"{row}\n" for row in rows)


def _finding(finding: ReportedFinding) -> str:
    places: dict[str, str | int | None] = {"file": finding.path, "line": finding.line, "col": finding.column}
    if finding.cell is not None:  # a line of a cell is none of the file
        places = {"file": finding.path}
    elif finding.end_line == finding.line:  # GitHub takes an end column only on the same line, and counts it in
        places["endColumn"] = finding.end_column - 1 if finding.end_column is not None else None
    else:
        places["endLine"] = finding.end_line
    places["title"] = f"nnlint ({finding.rule})"
    where = "" if finding.cell is None else f"cell {finding.cell}, line {finding.line}: "
    said = [where + finding.message, finding.why, *(fix_title(fix) for fix in finding.fixes[:1]), finding.help]
    return _command(_COMMAND[finding.level], places, "\n".join(one_line(text) for text in said if text))


def _trouble(trouble: Trouble) -> str:
    line = trouble.line if trouble.cell is None else None
    places = {"file": trouble.path, "line": line, "title": f"nnlint ({trouble.kind})"}
    return _command("error", places, "\n".join(filter(None, (trouble.message, trouble.help))))


def _command(name: str, places: dict[str, str | int | None], message: str) -> str:
    properties = ",".join(
        f"{key}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in places.items()
        if value is not None
    )
    return f"::{name} {properties}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

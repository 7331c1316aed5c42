"""HTML: a page of its own, or the piece of one that a notebook shows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import jinja2
from markupsafe import Markup, escape

from ..report import Report, ReportedFinding
from ..settings import Settings
from .excerpt import Line, blocks, changes, one_line
from .style import Style
from .summary import status_lines, summary, trouble_lines
from .words import counted, fix_title, notes, paths_of, place_of


def page(report: Report, settings: Settings) -> str:
    """Return a whole page that needs nothing from outside."""
    return _templates().get_template("page.html").render(body=Markup(fragment(report, settings)))


def fragment(report: Report, settings: Settings) -> str:
    """Return a `<div>` with its own style, for a notebook's output."""
    return (
        _templates()
        .get_template("report.html")
        .render(
            findings=[_finding(finding, report) for finding in report.shown(settings.level)],
            errors=[line.strip() for line in trouble_lines(report.errors, Style())],
            status=status_lines(report),
            subjects=[
                f"{s.target}: {counted(s.nodes, 'call')}, {counted(s.parameters, 'parameter')}" for s in report.subjects
            ],
            summary=summary(report, settings),
        )
    )


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("nnlint", "render")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["code"] = _code
    return environment


def _finding(finding: ReportedFinding, report: Report) -> dict[str, object]:
    return {
        "level": finding.level,
        "rule": finding.rule,
        "message": one_line(finding.message),
        "place": place_of(finding),
        "blocks": [
            {
                "place": block.place.model_copy(update={"column": None}).shown,
                "lines": [_row(line) for line in block.lines],
            }
            for block in blocks(finding, report.sources)
        ],
        "notes": [note.partition(": ")[::2] for note in notes(finding)],
        "fixes": [
            {
                "title": fix_title(fix),
                "diffs": [(path, changes(path, fix.edits, report.sources)) for path in paths_of(fix.edits)],
            }
            for fix in finding.fixes
        ],
        "help": one_line(finding.help),
    }


def _row(line: Line) -> dict[str, object]:
    return {
        "number": line.number,
        "code": Markup("").join(_marked(line)),
        "labels": [one_line(mark.label) for mark in line.marks if mark.label],
    }


def _marked(line: Line) -> Iterator[Markup]:
    """Yield the line's text with its marks; where two overlap, the first one has the characters."""
    at = 0
    for mark in sorted(line.marks, key=lambda mark: mark.start):
        start = max(mark.start, at)
        if start < mark.end:
            yield escape(line.text[at:start])
            look = "primary" if mark.primary else "related"
            yield Markup('<mark class="{}">{}</mark>').format(look, line.text[start : mark.end])
            at = mark.end
    yield escape(line.text[at:])


def _code(text: str) -> Markup:
    """Return `text` with what stands in backticks as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)
    )

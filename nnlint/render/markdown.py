"""Markdown for a comment on a pull request or a job's summary page."""

from __future__ import annotations

import re

from ..report import Report, ReportedFinding
from ..settings import Settings
from .excerpt import blocks, changes, one_line
from .style import Style
from .summary import status_lines, summary, trouble_lines
from .text import block_lines
from .words import fix_title, notes, paths_of, place_of


def render(report: Report, settings: Settings) -> str:
    """Return a heading, a section for each shown finding, and the summary."""
    parts = ["## nnlint"]
    parts += [_finding(finding, report) for finding in report.shown(settings.level)]
    lines = [*trouble_lines(report.errors, Style()), *status_lines(report)]
    if lines:
        parts.append("\n".join(f"- {escaped(line.strip())}" for line in lines))
    parts.append(escaped(summary(report, settings)))
    return "\n\n".join(filter(None, parts)) + "\n"


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, code in backticks kept."""
    return "".join(
        part if i % 2 else re.sub(r"([\\*_<>\[\]#|~`])", r"\\\1", part)
        for i, part in enumerate(re.split(r"(`[^`]*`)", text))
    )


def _finding(finding: ReportedFinding, report: Report) -> str:
    rows = [
        f"### {finding.level}: {escaped(one_line(finding.message))}",
        f"`{finding.rule}` at `{place_of(finding)}`",
    ]
    shown = blocks(finding, report.sources)
    if any(block.lines for block in shown):
        numbers = [line.number or 0 for block in shown for line in block.lines]
        pad = " " * max(2, len(str(max(numbers))))
        code = [row for block in shown for row in block_lines(block, pad, finding, Style())]
        rows.append(_fenced("text", code))
    if notes(finding):
        rows.append("\n".join(f"- {escaped(note)}" for note in notes(finding)))
    for fix in finding.fixes:
        rows.append(f"**Fix:** {escaped(fix_title(fix))}")
        for path in paths_of(fix.edits):
            diff = [f"{change.sign}{change.text}" for change in changes(path, fix.edits, report.sources)]
            rows.append(_fenced("diff", [f"--- {path}", f"+++ {path}", *diff]))
    if finding.help:
        rows.append(f"**Help:** {escaped(one_line(finding.help))}")
    return "\n\n".join(rows)


def _fenced(language: str, rows: list[str]) -> str:
    text = "\n".join(rows)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"

"""The report as text for a screen: full, concise, statistics, and the last line that says what was withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..report import Report, ReportedFinding
from ..settings import Settings
from .excerpt import Block, Change, blocks, changes, one_line, width
from .style import Style
from .summary import details, status_lines, summary
from .words import fix_safety, fix_title, named, notes, paths_of, place_of

LONGEST_DIFF = 12
"""Changed lines shown of a fix; `--diff` shows all."""


def full(report: Report, settings: Settings, style: Style, *, verbose: bool = False) -> str:
    """Return every shown finding with its source lines, why and help, then the subjects' status and the summary."""
    parts = ["\n".join(finding_lines(f, report.sources, style)) for f in report.shown(settings.level)]
    tail = [*status_lines(report), *(details(report) if verbose else ()), summary(report, settings)]
    return "\n\n".join([*parts, "\n".join(filter(None, tail))]).strip("\n") + "\n"


def concise(report: Report, settings: Settings, style: Style, *, verbose: bool = False) -> str:
    """Return one line for each shown finding."""
    rows = []
    for finding in report.shown(settings.level):
        head = style(finding.level, f"{finding.level}[{finding.rule}]")
        rows.append(f"{place_of(finding)}: {head}: {one_line(finding.message)}{_fixable(finding)}")
    rows += [*status_lines(report), *(details(report) if verbose else ()), summary(report, settings)]
    return "\n".join(filter(None, rows)) + "\n"


def statistics(report: Report, settings: Settings) -> str:
    """Return how often each rule fired, the most frequent first."""
    counts = Counter((f.rule, f.level, _fixable(f)) for f in report.shown(settings.level))
    wide = max((len(rule) for rule, _, _ in counts), default=0)
    rows = [
        f"{count:4d}  {rule:<{wide}}  {level}{fix}"
        for (rule, level, fix), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return "\n".join([*rows, *status_lines(report), summary(report, settings)]).strip("\n") + "\n"


def finding_lines(finding: ReportedFinding, sources: Mapping[str, str], style: Style) -> list[str]:
    """Return one finding as it stands on the screen."""
    shown = blocks(finding, sources)
    edits = finding.fixes[0].edits if finding.fixes else ()
    diffs = {path: changes(path, edits, sources) for path in paths_of(edits)}
    numbers = [line.number or 0 for block in shown for line in block.lines]
    numbers += [change.number for diff in diffs.values() for change in diff[:LONGEST_DIFF]]
    pad = " " * max(2, len(str(max(numbers, default=0))))
    head = style(finding.level, f"{finding.level}[{finding.rule}]")
    rows = [f"{head}: {style('bold', one_line(finding.message))}"]
    if not shown:
        rows.append(
            f"{pad}{style('gutter', '-->')} {finding.subject}" + (f" ({finding.module})" * bool(finding.module))
        )
    for block in shown:
        rows += block_lines(block, pad, finding, style)
    rows += [f"{pad} {style('gutter', '=')} {note}" for note in notes(finding)]
    return rows + _help_lines(finding, diffs, pad, style)


def _fixable(finding: ReportedFinding) -> str:
    safety = fix_safety(finding)
    return f" ({safety} fix)" if safety in ("safe", "unsafe") else ""


def block_lines(block: Block, pad: str, finding: ReportedFinding, style: Style) -> list[str]:
    """Return the lines of one place with rulers under what is meant; `pad` is as wide as the line numbers."""
    rows = [f"{pad}{style('gutter', '-->')} {block.place.shown}"]
    if block.lines:
        rows.append(f"{pad} {style('gutter', '|')}")
    for line in block.lines:
        if line.number is None:
            rows.append(f"{pad} ...")
            continue
        rows.append(f"{style('gutter', f'{line.number:>{len(pad)}} |')} {line.text}".rstrip())
        for mark in line.marks:
            sign, look = ("^", finding.level) if mark.primary else ("-", "related")
            rule = sign * max(1, width(line.text[mark.start : mark.end]))
            label = f" {one_line(mark.label)}" if mark.label else ""
            rows.append(
                f"{pad} {style('gutter', '|')} {' ' * width(line.text[: mark.start])}{style(look, rule + label)}"
            )
    return rows


def _help_lines(finding: ReportedFinding, diffs: Mapping[str, list[Change]], pad: str, style: Style) -> list[str]:
    head = style("bold", "help")
    rows = [f"{head}: {fix_title(finding.fixes[0])}"] if finding.fixes else []
    for path, diff in diffs.items():
        if path != finding.source:
            rows.append(f"{pad}{style('gutter', '-->')} {named(finding.fixes[0].edits, path)}")
        rows.append(f"{pad} {style('gutter', '|')}")
        for change in diff[:LONGEST_DIFF]:
            number = style("gutter", f"{change.number:>{len(pad)}}")
            text = style("removed" if change.sign == "-" else "added", f"{change.sign} {change.text}".rstrip())
            rows.append(f"{number} {text}")
        if len(diff) > LONGEST_DIFF:
            rows.append(f"{pad} ... {len(diff) - LONGEST_DIFF} more changed lines (--diff shows them)")
    rows += [f"{head}: or {fix_title(other)}" for other in finding.fixes[1:]]
    if finding.help:
        rows.append(f"{head}: {one_line(finding.help)}")
    return rows

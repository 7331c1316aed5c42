"""What stands below the findings: the subjects' status, the errors, and what was withheld."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..report import Place, Report, Trouble
from ..settings import Settings
from .excerpt import one_line
from .style import Style
from .words import counted, fix_safety

STATUS = {"partial": "checked in part", "structure": "structure only", "failed": "not checked"}


def summary(report: Report, settings: Settings) -> str:
    """Return the last line: how many findings, and what was withheld."""
    shown = report.shown(settings.level)
    if not (shown or report.subjects or report.suppressed):
        return ""
    safe, unsafe = (sum(fix_safety(f) == safety for f in shown) for safety in ("safe", "unsafe"))
    fixes = f" ({safe} safe {'fix' if safe == 1 else 'fixes'}, {unsafe} unsafe)" if safe or unsafe else ""
    parts = [f"{counted(len(shown), 'finding')}{fixes}" if shown else _clean(report)]
    hidden = Counter(f.level for f in report.findings)
    hidden.subtract(f.level for f in shown)
    weaker = [f"{n} {name if n == 1 or name == 'advice' else name + 's'}" for name, n in hidden.items() if n]
    if weaker:
        how = "--level advice" if settings.level != "advice" else "three a subject are shown"
        parts.append(f"{' and '.join(sorted(weaker))} hidden ({how})")
    if report.suppressed:
        parts.append(f"{len(report.suppressed)} suppressed")
    parts += _unchecked(report)
    return " · ".join(parts)


def status_lines(report: Report) -> list[str]:
    """Return one line for each subject that could only be checked in part."""
    rows = []
    for subject in report.subjects:
        if subject.status != "traced":
            name = subject.target.removeprefix(f"{subject.path}:") if subject.path else subject.target
            where = f"{subject.path}: " if subject.path and subject.path != name else ""
            rows.append(f"{where}{name}: {STATUS[subject.status]}: {one_line(subject.reason or 'no reason known')}")
    return rows


def trouble_lines(troubles: Iterable[Trouble], style: Style) -> list[str]:
    """Return each error as `error: path:line: message`, with what to do behind it."""
    rows = []
    for trouble in troubles:
        place = Place(path=trouble.path, cell=trouble.cell, line=trouble.line).shown
        head = style("error", "error") if trouble.fatal else style("warning", "note")
        rows.append(f"{head}: {place + ': ' if place else ''}{one_line(trouble.message)}")
        if trouble.help:
            rows.append(f"  help: {one_line(trouble.help)}")
    return rows


def details(report: Report) -> list[str]:
    """Return what `--verbose` adds: each subject's input and size, the rules not checked, the findings suppressed."""
    rows = []
    for s in report.subjects:
        origin = " (guessed)" if s.guessed else ""
        reads = f", input {', '.join(s.input)}{origin}" if s.input else ""
        rows.append(f"{s.target}: {s.status}, {counted(s.nodes, 'call')}, {counted(s.parameters, 'parameter')}{reads}")
    rows += [f"not checked: {n.rule}: needs {n.needs} ({n.subject})" for n in report.not_checked]
    for one in report.suppressed:
        place = Place(path=one.path, cell=one.cell, line=one.line).shown
        rows.append(f"suppressed by {one.by}: {one.rule} at {place}")
    return rows


def _clean(report: Report) -> str:
    checked = [s for s in report.subjects if s.status != "failed"]
    return f"no findings in {counted(len(checked), 'model')}" if checked else "no findings"


def _unchecked(report: Report) -> list[str]:
    """Say how many rules could not be evaluated and why, the commonest reason first."""
    fired = {(f.rule, f.subject) for f in report.findings}
    needs: dict[str, str] = {}
    for entry in report.not_checked:
        if (entry.rule, entry.subject) not in fired:
            needs.setdefault(entry.rule, _need(entry.needs))
    if not needs:
        return []
    reasons = Counter(needs.values()).most_common()
    words = f"{counted(len(needs), 'rule')} not checked: "
    if len(reasons) == 1:
        return [words + reasons[0][0]]
    rest = sum(n for _, n in reasons[2:])
    listed = [f"{reason} ({n})" for reason, n in reasons[:2]] + ([f"other ({rest})"] if rest else [])
    return [words + ", ".join(listed)]


def _need(needs: str) -> str:
    if needs.startswith("data"):
        return "no data given"
    if needs == "recipe":
        return "no training recipe known"
    return f"`{needs}` not known"

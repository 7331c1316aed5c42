"""Suppression comments that do nothing: they name no rule, or keep nothing quiet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .report import Report, Trouble
from .reporting import Sources
from .rule import Rule
from .source.suppress import suppressions


def idle_ignores(
    paths: Iterable[str], report: Report, rules: Sequence[Rule], names: Sequence[str], sources: Sources
) -> Iterator[Trouble]:
    """Yield a note for each such comment in the files at `paths`; `names` are those of all rules that there are."""
    for path in dict.fromkeys(paths):
        found = suppressions(sources.read(path))
        shown = sources.shown(path)
        for ignore, name, near in found.unknown(names):
            help = f"did you mean {near}?" if near else "`nnlint rules` lists the rules"
            yield _note(shown, ignore.line, f"`# nnlint: ignore[{name}]` names no rule", help)
        for ignore, name in found.unused(_said(report, shown), _checked(report, shown, rules)):
            help = "take the comment out"
            yield _note(shown, ignore.line, f"`# nnlint: ignore[{name}]` keeps nothing quiet", help)


def _said(report: Report, path: str) -> list[tuple[str, int]]:
    shown = [(f.rule, f.line) for f in report.findings if f.path == path and f.line is not None]
    return shown + [(s.rule, s.line) for s in report.suppressed if s.path == path and s.line is not None]


def _checked(report: Report, path: str, rules: Sequence[Rule]) -> set[str]:
    """Return the rules that could be evaluated on every subject of the file."""
    own = {subject.id for subject in report.subjects if subject.path == path}
    if not own or any(subject.status != "traced" for subject in report.subjects if subject.id in own):
        return set()
    return {rule.name for rule in rules} - {gap.rule for gap in report.not_checked if gap.subject in own}


def _note(path: str, line: int, message: str, help: str) -> Trouble:
    return Trouble(kind="suppression", path=path, line=line, message=message, help=help, fatal=False)

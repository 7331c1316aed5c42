"""Check a configuration: its script is checked, and what is found is told of the keys that the lines come from."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .blueprint import Script, Written, script_of
from .blueprint.changes import Change, after, in_words, rewritten
from .blueprint.nearest import nearest
from .blueprint.reading import Mistakes
from .inspection.interpreter import NoInterpreter, choose
from .pipeline import check_targets
from .report import Related, Report, ReportedEdit, ReportedFinding, ReportedFix, Trouble, lines
from .settings import ConfigurationError, Settings
from .source.rewrite import read_source, rewrite_all

Progress = Callable[[str], None]

_IN_A_WORD: dict[str, tuple[Change, ...]] = {
    "unscaled-features": (Change(("data", "standardize"), True),),
    "unscaled-target": (Change(("data", "standardize_target"), True),),
    "bias-before-norm": (Change(("model", "bias"), False),),
}
"""What a configuration says in a word where a script needs statements of its own, by the rule that asks for it."""


@dataclass(frozen=True)
class Checked:
    """A configuration with its script, which lies in `folder`, and what was found.

    `report` speaks of the configuration, `own` of the script; their findings stand in the same order. `changes` are
    those that take a finding away, by its place among the findings.
    """

    written: Written
    script: Script
    place: Path
    report: Report
    own: Report
    changes: dict[int, tuple[Change, ...]]


def python_for(written: Written, settings: Settings) -> Path:
    """Return the Python that trains a configuration. Raises ConfigurationError where none has torch."""
    try:
        return choose(settings.python, written.path.resolve().parent)
    except NoInterpreter as error:
        raise ConfigurationError(error.message, help=error.help) from error


def check(written: Written, folder: Path, settings: Settings, progress: Progress, *, fixes: bool = True) -> Checked:
    """Check a configuration by the script that is written into `folder`. Raises Mistakes, ConfigurationError.

    With `fixes`, each finding shown is told with the change that takes it away, where there is one.
    """
    settings = settings.model_copy(update={"python": str(python_for(written, settings)), "run": True})
    place = folder / f"{written.path.stem}.py"
    script = script_of(written, place)
    place.write_text(script.text, "utf-8")
    own = check_targets((str(place),), settings, progress=progress)
    changes = _changes(written, script, place, own, settings, progress) if fixes else {}
    shown = _shown(written.path)
    findings = tuple(_told(f, written, script, shown, changes.get(i, ())) for i, f in enumerate(own.findings))
    subjects = tuple(s.model_copy(update={"path": shown, "target": shown}) for s in own.subjects)
    report = own.model_copy(
        update={
            "findings": findings,
            "subjects": subjects,
            "sources": {shown: written.text},
            "errors": _errors(own, shown),
        }
    )
    return Checked(written, script, place, report, own, changes)


def _errors(own: Report, shown: str) -> tuple[Trouble, ...]:
    return tuple(trouble.model_copy(update={"path": shown, "line": None}) for trouble in own.errors)


def _changes(
    written: Written, script: Script, place: Path, own: Report, settings: Settings, progress: Progress
) -> dict[int, tuple[Change, ...]]:
    """Return for each finding shown the changes that take it away, held against the rules."""
    shown = {id(finding) for finding in own.shown(settings.level)}
    found: dict[int, tuple[Change, ...]] = {}
    for number, finding in enumerate(own.findings):
        for fix in finding.fixes if id(finding) in shown else ():
            text = _fixed(fix, place)
            changes = nearest(written, script, text, place) if text is not None else ()
            if changes:
                found[number] = changes
                break
        own_word = _IN_A_WORD.get(finding.rule, ())
        if number not in found and id(finding) in shown and own_word and after(written, own_word) is not None:
            found[number] = own_word
    files: dict[str, int] = {}
    for number, changes in found.items():
        changed = after(written, changes)
        assert changed is not None
        file = place.with_name(f"{place.stem}_{number}.py")
        file.write_text(script_of(changed, file, script.source).text, "utf-8")
        files[str(file)] = number
    good = {}
    for name, number in files.items():
        report = check_targets((name,), settings, progress=progress)
        if _gone(own.findings[number], own, report):
            good[number] = found[number]
        Path(name).unlink()
    return good


def _fixed(fix: ReportedFix, place: Path) -> str | None:
    if fix.origin is None or fix.safety == "display":
        return None
    result = rewrite_all([fix.origin], read_source, [fix.facts])
    return next((text for path, text in result.files.items() if Path(path).resolve() == place.resolve()), None)


def _gone(finding: ReportedFinding, before: Report, now: Report) -> bool:
    """Whether a finding is gone, and nothing of its strength has come."""
    if any(trouble.fatal for trouble in now.errors) or not now.subjects:
        return False
    known = [f.rule for f in before.findings]
    rules = [f.rule for f in now.findings]
    new = [f for f in now.findings if rules.count(f.rule) > known.count(f.rule) and f.level in ("error", finding.level)]
    return rules.count(finding.rule) < known.count(finding.rule) and not new


# -- in terms of the configuration


def _told(
    finding: ReportedFinding, written: Written, script: Script, shown: str, changes: Sequence[Change]
) -> ReportedFinding:
    place = _place(finding.line, written, script, shown)
    related = []
    for other in finding.related:
        there = _place(other.line, written, script, shown)
        if there["line"] is not None and there != place:
            related.append(Related(message=other.message, **there))
    fixes = (fix_of(written, shown, changes),) if changes else ()
    help = "" if fixes else finding.help
    return finding.model_copy(update={**place, "related": tuple(related), "fixes": fixes, "help": help})


def fix_of(written: Written, shown: str, changes: Sequence[Change]) -> ReportedFix:
    """Return changes as a fix of the configuration's text."""
    edits = _edits(shown, written.text, rewritten(written, changes))
    return ReportedFix(title=f"set {in_words(written, changes)}", safety="unsafe", edits=edits)


def _place(line: int | None, written: Written, script: Script, shown: str) -> dict[str, Any]:
    key = script.key(line or 0)
    if not key:
        return {"path": shown, "line": None, "column": None, "end_line": None, "end_column": None}
    row, column, end = written.place(key)
    return {"path": shown, "line": row, "column": column, "end_line": row, "end_column": end}


def _edits(shown: str, before: str, now: str) -> tuple[ReportedEdit, ...]:
    """Return the edits, of whole lines, that make one text of the other."""
    old, new = lines(before), lines(now)
    if old and not old[-1].endswith("\n"):
        new[-1] = new[-1].rstrip("\n") if new and old[-1] + "\n" == new[-1] else new[-1]
    edits = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            edits.append(
                ReportedEdit(path=shown, line=i + 1, column=1, end_line=j + 1, end_column=1, text="".join(new[k:m]))
            )
    return tuple(edits)


def _shown(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


__all__ = ["Checked", "Mistakes", "check", "fix_of", "python_for"]

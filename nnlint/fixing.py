"""Apply fixes in rounds: after each, the files are checked again, until nothing is left to apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .report import Report, ReportedFinding, ReportedFix
from .settings import Settings
from .source.rewrite import read_source, rewrite_all, unified_diff, write

ROUNDS = 10
"""After so many rounds the fixes are held to go in a circle."""


TAKEN_BACK = "taken back, the model could not be checked after it"


@dataclass
class Fixed:
    """What became of the fixes: the report afterwards, the findings mended, each file's text at first and now."""

    report: Report
    mended: list[ReportedFinding] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    left: dict[tuple[str, str], str] = field(default_factory=dict)
    """Fixes not applied, by rule and title, with the reason."""

    def diff(self, shown: Callable[[str], str]) -> str:
        """Return a unified diff of all files."""
        return "".join(unified_diff(shown(path), self.before[path], new) for path, new in self.after.items())


def fix(check: Callable[[], Report], settings: Settings, *, unsafe: bool, dry: bool = False) -> Fixed:
    """Check, apply the fixes of what is shown, and repeat. `dry` writes nothing and so ends after one round.

    Fixes after which a model can no longer be checked are taken back, then tried one by one. Raises OSError where a
    file cannot be written.
    """
    done = Fixed(check())
    at_once: int | None = None
    for _ in range(ROUNDS):
        chosen = applicable(done.report, settings, unsafe, done.left)[:at_once]
        result = rewrite_all(
            [f.origin for _, f in chosen if f.origin], read_source, [f.facts for _, f in chosen if f.origin]
        )
        for one, reason in result.left:
            done.left.update({(f.rule, r.title): reason for f, r in chosen if r.origin is one})
        new = {path: text for path, text in result.files.items() if text != read_source(path)}
        mended = [f for f, r in chosen if any(r.origin is one for one in result.applied)]
        if not new:
            break
        old = {path: read_source(path) for path in new}
        if dry:
            _note(done, mended, old, new)
            break
        write(new)
        report = check()
        if worse(done.report, report):
            write(old)
            if len(mended) == 1:
                done.left.update({(f.rule, r.title): TAKEN_BACK for f, r in chosen if f in mended})
            at_once = 1
            continue
        _note(done, mended, old, new)
        done.report = report
    return done


def applicable(
    report: Report, settings: Settings, unsafe: bool, left: Mapping[tuple[str, str], str]
) -> list[tuple[ReportedFinding, ReportedFix]]:
    """Return for each shown finding the first of its fixes that may be applied."""
    allowed = ("safe", "unsafe") if unsafe else ("safe",)
    result = []
    for finding in report.shown(settings.level):
        usable = (f for f in finding.fixes if f.safety in allowed and f.edits and (finding.rule, f.title) not in left)
        first = next(usable, None)
        if first is not None:
            result.append((finding, first))
    return result


def worse(before: Report, after: Report) -> bool:
    """Return whether something that could be checked before can be checked no longer."""
    ranks = ("traced", "partial", "structure", "failed")
    was = {subject.id: ranks.index(subject.status) for subject in before.subjects}
    now = {subject.id: ranks.index(subject.status) for subject in after.subjects}
    lost = len(after.subjects) < len(before.subjects)
    fatal = sum(t.fatal for t in after.errors) > sum(t.fatal for t in before.errors)
    return lost or fatal or any(now.get(name, rank) > rank for name, rank in was.items())


def _note(done: Fixed, mended: Sequence[ReportedFinding], old: Mapping[str, str], new: Mapping[str, str]) -> None:
    done.mended += mended
    for path in new:
        done.before.setdefault(path, old[path])
        done.after[path] = new[path]

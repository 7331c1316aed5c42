"""From the facts of one subject to its part of the report: what the rules say, less what the user silenced."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pathspec

from .engine import check
from .facts import Facts, Subject, Unknown
from .finding import Finding
from .report import Report, ReportedFinding, Suppressed, Trouble
from .reporting import Sources, entry, experiment
from .rule import Rule
from .settings import Settings, chosen
from .source.suppress import suppressions


def check_facts(facts: Facts, rules: Sequence[Rule], settings: Settings, sources: Sources) -> Report:
    """Return what the rules say about one subject, what comments and settings silence left out."""
    crashes: list[Trouble] = []
    checked = check(facts, [_guarded(rule, crashes, sources) for rule in rules])
    families = {rule.name: rule for rule in rules}
    shown, quiet = [], []
    for finding in checked.findings:
        if finding.level == "experiment":
            continue
        one = entry(finding, facts, sources)
        silenced = _silenced(one, families[one.rule], settings, sources, finding)
        shown += [one] if silenced is None else []
        quiet += [silenced] if silenced is not None else []
    return Report(
        findings=tuple(shown),
        experiments=tuple(experiment(f, facts, sources) for f in checked.findings if f.level == "experiment"),
        not_checked=checked.not_checked,
        subjects=(_subject(facts.subject, sources),),
        suppressed=tuple(quiet),
        errors=tuple(crashes),
    )


def _silenced(
    one: ReportedFinding, rule: Rule, settings: Settings, sources: Sources, finding: Finding
) -> Suppressed | None:
    """Return what keeps a finding quiet: a comment in its file, or the configuration's per-file-ignores."""
    span = finding.span
    if span is None:
        return None
    if suppressions(sources.read(span.path)).covering(rule.name, one.line or span.line) is not None:
        return Suppressed(rule=rule.name, path=one.path, line=one.line, by="comment")
    path = Path(span.path)
    for pattern, words in settings.per_file_ignores.items():
        relative = path.relative_to(settings.root) if path.is_relative_to(settings.root) else path
        matches = pathspec.GitIgnoreSpec.from_lines([pattern]).match_file(relative.as_posix())
        if matches and not chosen(rule.name, rule.family, rule.level, ("ALL",), words):
            return Suppressed(rule=rule.name, path=one.path, line=one.line, by="configuration")
    return None


def _subject(subject: Subject, sources: Sources) -> Subject:
    """Return the subject with its path as the report shows paths."""
    if subject.path is None:
        return subject
    shown = sources.shown(subject.path)
    return subject.model_copy(update={"path": shown, "target": subject.target.replace(subject.path, shown, 1)})


def _guarded(rule: Rule, crashes: list[Trouble], sources: Sources) -> Rule:
    """Return the rule so that an error in it ends this call alone and goes into `crashes`."""

    @functools.wraps(rule.check)
    def call(**facts: Any) -> Iterator[Finding]:
        try:
            said = rule.check(**facts)
            if isinstance(said, Finding):
                yield said
            elif said is not None:
                yield from said
        except Unknown:
            raise
        except Exception as error:
            trace = traceback.extract_tb(error.__traceback__)
            line = next((frame.lineno for frame in reversed(trace) if frame.filename == str(rule.path)), None)
            message = f"the rule {rule.name} failed: {type(error).__name__}: {error}"
            crashes.append(Trouble(kind="rule", path=sources.shown(str(rule.path)), line=line, message=message))

    checked: Callable[..., Any] = call
    return replace(rule, check=checked)

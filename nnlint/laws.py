"""The laws of a rule, for packs of one's own: `nnlint rules --test PATH` holds each rule to its pair of programs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .checking import check_facts
from .engine import check
from .facts import Facts
from .finding import Finding
from .fix import Fix
from .pipeline import inspected
from .reporting import Sources
from .rule import Rule
from .settings import Settings, at_least
from .source.rewrite import CannotApply, read_source, rewrite
from .targets import Target

SECTIONS = ("Why is this bad?", "When is it fine?", "Fix safety", "References")
"""What a rule's page has."""

SIDES: tuple[Literal["bad", "good"], ...] = ("bad", "good")


@dataclass(frozen=True)
class Breach:
    """A law that a rule does not keep, and how it shows."""

    rule: str
    law: str
    says: str


@dataclass(frozen=True)
class Pair:
    """A rule, all rules that there are, and what is known of its faulty and its sound program."""

    rule: Rule
    rules: Sequence[Rule]
    settings: Settings
    bad: Sequence[Facts]
    good: Sequence[Facts]

    def found(self, subjects: Sequence[Facts], rules: Sequence[Rule]) -> list[Finding]:
        """Return what the rule finds in these programs beside `rules`."""
        return [one for facts in subjects for one in check(facts, rules).findings if one.rule == self.rule.name]

    def name(self, side: Literal["bad", "good"]) -> str:
        """Return the name of a program's file."""
        return self.rule.pair(side).name


def breaches(rule: Rule, rules: Sequence[Rule], settings: Settings) -> Iterator[Breach]:
    """Yield what is wrong with a rule; `rules` are all rules that there are.

    Runs the programs of the pair, as `nnlint --run` does.
    """
    for law, says in _of_the_text(rule):
        yield Breach(rule.name, law, says)
    missing = [rule.pair(side).name for side in SIDES if not rule.pair(side).is_file()]
    if missing:
        yield Breach(rule.name, "pair", f"there is no {' and no '.join(missing)} beside the rule")
        return
    sides = {side: _facts(rule.pair(side), settings) for side in SIDES}
    for side, (facts, troubles) in sides.items():
        if not facts:
            yield Breach(rule.name, "alive", f"{rule.pair(side).name}: {troubles or 'nothing in it could be checked'}")
    if all(facts for facts, _ in sides.values()):
        pair = Pair(rule, rules, settings, sides["bad"][0], sides["good"][0])
        for check_of in LAWS:
            yield from (Breach(rule.name, check_of.__name__, says) for says in check_of(pair))


def _of_the_text(rule: Rule) -> Iterator[tuple[str, str]]:
    for section in SECTIONS:
        if section not in rule.doc:
            yield "page", f'the docstring has no section "{section}"'


def _facts(path: Path, settings: Settings) -> tuple[list[Facts], str]:
    running = settings.model_copy(update={"run": True, "static": False, "inputs": ()})
    seen = list(inspected([Target(path=path, named=True)], running, lambda text: None))
    return [facts for one in seen for facts in one.facts], "; ".join(t.message for one in seen for t in one.troubles)


def fires(pair: Pair) -> Iterator[str]:
    """On the faulty program, exactly on the lines below its markers."""
    lines = read_source(str(pair.rule.pair("bad"))).splitlines()
    marked = {i + 2 for i, line in enumerate(lines) if line.strip() == f"# finding: {pair.rule.name}"}
    if not marked:
        yield f"{pair.name('bad')} has no line `# finding: {pair.rule.name}` above what is to be found"
    bad = str(pair.rule.pair("bad"))
    spans = [finding.span for finding in pair.found(pair.bad, pair.rules)]
    found = Counter(span.line if span is not None and span.path == bad else 0 for span in spans)
    for line in sorted(marked - found.keys()):
        yield f"{pair.name('bad')}:{line}: not found"
    for line in sorted(found.keys() - marked):
        yield f"{pair.name('bad')}:{line}: found, but not marked"
    for line in sorted(line for line in marked if found[line] > 1):
        yield f"{pair.name('bad')}:{line}: found {found[line]} times"


def lonely(pair: Pair) -> Iterator[str]:
    """Alone as in company: the other rules change nothing."""
    if len(pair.found(pair.bad, [pair.rule])) < len(pair.found(pair.bad, pair.rules)):
        yield "alone it finds less than beside the other rules"


def silent(pair: Pair) -> Iterator[str]:
    """On the sound program no rule warns."""
    for facts in pair.good:
        for finding in check_facts(facts, pair.rules, pair.settings, Sources()).findings:
            if at_least(finding.level, "warning"):
                yield f"{pair.name('good')}:{finding.line}: {finding.level} of {finding.rule}: {finding.message}"


def cures(pair: Pair) -> Iterator[str]:
    """The first fix makes the sound program of the faulty one."""
    fix = next(((f.fixes[0], facts) for facts in pair.bad for f in pair.found([facts], [pair.rule]) if f.fixes), None)
    if fix is None:
        if "no automatic fix" not in pair.rule.doc:
            yield 'it has no fix, and its page does not say so ("no automatic fix")'
        return
    yield from _cured(pair, *fix)


def _cured(pair: Pair, fix: Fix, facts: Facts) -> Iterator[str]:
    bad = str(pair.rule.pair("bad"))
    try:
        changed = rewrite(fix, read_source, facts)
    except CannotApply as error:
        yield f"its fix cannot be applied to {pair.name('bad')}: {error}"
        return
    if list(changed) != [bad]:
        yield f"its fix changes more than {pair.name('bad')}: {', '.join(sorted(changed))}"
    kept = [row for row in changed.get(bad, "").splitlines(keepends=True) if not re.match(r"\s*# finding: ", row)]
    wanted = read_source(str(pair.rule.pair("good"))).splitlines(keepends=True)
    if kept != wanted:
        pairs = enumerate(zip(kept, wanted, strict=False), start=1)
        line = next((i for i, (one, other) in pairs if one != other), min(len(kept), len(wanted)) + 1)
        yield f"its fix of {pair.name('bad')} differs from {pair.name('good')} in line {line}"


def once(pair: Pair) -> Iterator[str]:
    """Where it was fixed there is nothing to fix."""
    for finding in pair.found(pair.good, [pair.rule]):
        yield f"{pair.name('good')}: it finds something here as well: {finding.says}"


LAWS = (fires, lonely, silent, cures, once)
"""What is asked of every rule, by name."""

"""The laws that every rule is tested by, on its pair of programs. Adding a rule edits nothing here."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from laboratory import Laboratory, laboratory

from nnlint import laws
from nnlint.checking import check_facts
from nnlint.engine import Checked, check
from nnlint.facts import Fact, Facts, Missing
from nnlint.finding import LEVELS, Finding
from nnlint.fix import Fix
from nnlint.registry import load
from nnlint.render.style import Style
from nnlint.render.text import finding_lines
from nnlint.reporting import Sources, entry
from nnlint.rule import Rule
from nnlint.settings import Settings
from nnlint.source.rewrite import CannotApply, rewrite

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
RULES = load()
__all__ = ["laboratory"]  # a fixture
ALL = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def checked(facts: tuple[Facts, ...], rules: list[Rule]) -> list[Checked]:
    return [check(one, rules) for one in facts]


def findings(facts: tuple[Facts, ...], rules: list[Rule]) -> list[Finding]:
    return [finding for one in checked(facts, rules) for finding in one.findings]


def first_fix(laboratory: Laboratory, rule: Rule) -> tuple[Fix, Facts] | None:
    """Return the best fix of the rule's own finding; None where it has none."""
    for facts in laboratory.facts(rule.pair("bad")):
        for finding in check(facts, [rule]).findings:
            if finding.fixes:
                return finding.fixes[0], facts
    return None


@ALL
@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_law(rule, law, laboratory):
    """What is asked of any pack: fires, lonely, silent, cures, once."""
    sides = (laboratory.facts(rule.pair(side)) for side in laws.SIDES)
    assert list(law(laws.Pair(rule, RULES, Settings(), *sides))) == []


@ALL
def test_alive(rule, laboratory):
    """The sound program went forward and backward and stepped."""
    for facts in laboratory.facts(rule.pair("good")):
        assert facts.subject.status == "traced"
        assert facts.recipe is not None
        assert facts.recipe.loop.steps_seen >= 2


@ALL
def test_gentle(rule, laboratory):
    """Tracing changes nothing of the model and of the random state."""
    assert laboratory.call("left_alone", path=str(rule.pair("bad"))) == []


@ALL
def test_equal(rule, laboratory):
    """A fix that is called safe changes no output: in training, in evaluation, through a checkpoint."""
    fix = first_fix(laboratory, rule)
    if fix is None or fix[0].safety != "safe":
        pytest.skip("the fix is not called safe")
    assert laboratory.call("apart", bad=str(rule.pair("bad")), good=str(rule.pair("good"))) == []


@ALL
def test_twin(rule, laboratory):
    """A fix applied to the model itself gives the graph that the rewritten source gives."""
    fix = first_fix(laboratory, rule)
    if fix is None:
        pytest.skip("no fix")
    verbs = [json.loads(json.dumps(verb.as_data(), default=str)) for verb in fix[0].verbs]
    found = laboratory.call("twins", bad=str(rule.pair("bad")), good=str(rule.pair("good")), verbs=verbs)
    if "cannot" in found:
        pytest.skip(found["cannot"])
    assert found["live"] == found["text"]


@ALL
def test_said(rule, laboratory, monkeypatch):
    """What a user reads, as it was accepted (NNLINT_BLESS=1 accepts it)."""
    monkeypatch.chdir(ROOT)
    sources = Sources()
    facts = laboratory.facts(rule.pair("bad"))
    reports = [check_facts(one, RULES, Settings(level="advice"), sources) for one in facts]
    own = [f for report in reports for f in report.findings if f.rule == rule.name]
    if rule.level == "experiment":  # never shown by itself: what it proposes is read here as if it were
        assert not own
        own = [entry(f, one, sources) for one in facts for f in check(one, [rule]).findings]
    said = "\n\n".join("\n".join(finding_lines(f, sources.texts(), Style())) for f in own) + "\n"
    snapshot = SNAPSHOTS / f"{rule.name}.txt"
    if os.environ.get("NNLINT_BLESS"):
        snapshot.write_text(said)
    assert said == snapshot.read_text()


@ALL
@pytest.mark.parametrize("side", ["bad", "good"])
def test_lonely(rule, side, laboratory):
    """The order of rules changes nothing, and no rule changes a fact."""
    facts = laboratory.facts(rule.pair(side))
    before = [one.model_dump_json() for one in facts]
    expected = findings(facts, RULES)
    assert findings(facts, RULES[::-1]) == expected
    assert findings(facts, RULES[1::2] + RULES[::2]) == expected
    assert [one.model_dump_json() for one in facts] == before


@ALL
@pytest.mark.parametrize("side", ["bad", "good"])
def test_modest(rule, side, laboratory):
    """Hiding a fact adds no finding and makes none stronger, for no rule."""
    for facts in laboratory.facts(rule.pair(side)):
        known = {one.name: _strength(facts, one) for one in RULES}
        for name, poorer in hidings(facts):
            for one in RULES:
                for place, level in _strength(poorer, one).items():
                    assert place in known[one.name], f"{one.name} finds more without {name}"
                    assert level >= known[one.name][place], f"{one.name} is stronger without {name}"


def _strength(facts: Facts, rule: Rule) -> dict[Any, int]:
    """Return the place of each finding of one rule with its level, a greater number for a weaker one."""
    return {(f.rule, f.span): LEVELS.index(f.level or rule.level) for f in check(facts, [rule]).findings}


def hidings(facts: Facts) -> Iterator[tuple[str, Facts]]:
    """Yield copies of `facts` with one thing less, named: each field that can be unknown, in each record."""
    for name in ("model", "recipe", "data", "probe"):
        record = getattr(facts, name)
        if record is not None:
            yield name, facts.model_copy(update={name: None})
            for what, poorer in _hidden(record, name):
                yield what, facts.model_copy(update={name: poorer})


def _hidden(record: Fact, name: str) -> Iterator[tuple[str, Fact]]:
    unknown = record.__dict__.get("__nnlint_missing__", {})
    for field, info in type(record).model_fields.items():
        if field in unknown:
            continue
        if isinstance(info.default, Missing):
            yield f"{name}.{field}", record.hiding(field)
        value = getattr(record, field)
        if isinstance(value, Fact):
            for what, poorer in _hidden(value, f"{name}.{field}"):
                yield what, _with(record, field, poorer)
        elif isinstance(value, tuple) and value and isinstance(value[0], Fact):
            for i, what, poorer in _one_of(value, f"{name}.{field}"):
                yield what, _with(record, field, (*value[:i], poorer, *value[i + 1 :]))


def _one_of(values: tuple[Fact, ...], name: str) -> Iterator[tuple[int, str, Fact]]:
    for i, value in enumerate(values):
        for what, poorer in _hidden(value, f"{name}[{i}]"):
            yield i, what, poorer


def _with(record: Fact, field: str, value: Any) -> Fact:
    """Return a copy with another value; what is worked out from the fields is worked out again."""
    unknown = record.__dict__.get("__nnlint_missing__", {})
    values = {n: unknown[n] if n in unknown else getattr(record, n) for n in type(record).model_fields}
    return type(record)(**{**values, field: value})


@ALL
def test_at_peace(rule, laboratory):
    """Following the advice makes no other rule fire that was silent. (An experiment is a proposal: there is no end.)"""
    before = {f.rule for f in findings(laboratory.facts(rule.pair("bad")), RULES)}
    explained = {name for f in findings(laboratory.facts(rule.pair("bad")), RULES) for name in f.also_explains}
    after = {f.rule for f in findings(laboratory.facts(rule.pair("good")), RULES) if f.level != "experiment"}
    assert after <= before | explained


@ALL
def test_alternatives_can_be_written(rule, laboratory):
    """Every fix that is offered on the faulty program has a form in its source."""
    for facts in laboratory.facts(rule.pair("bad")):
        for finding in check(facts, [rule]).findings:
            for fix in finding.fixes:
                try:
                    changed = rewrite(fix, lambda path: Path(path).read_bytes().decode(), facts)
                except CannotApply as error:
                    pytest.fail(f"{fix.title}: {error}")
                assert all(ast.parse(text) for text in changed.values())


@ALL
def test_proved(rule):
    """A rule that is out of preview has evidence of its pair as it stands."""
    if rule.preview:
        pytest.skip("in preview until its evidence is in")
    evidence = json.loads(rule.path.with_suffix(".evidence.json").read_text())
    assert evidence["pair"] == rule.pair_digest


# -- how a rule is written


@ALL
def test_imports_only_what_a_rule_may(rule):
    tree = ast.parse(rule.path.read_text())
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    allowed = re.compile(
        r"nnlint\.(facts(\.\w+)?|finding|fix|rule)$|(__future__|collections|dataclasses|functools|itertools|math|re|typing)\b"
    )
    assert all(allowed.match(name) for name in names), names


@functools.cache
def _said(laboratory: Laboratory, rule: Rule) -> tuple[Finding, ...]:
    return tuple(findings(laboratory.facts(rule.pair("bad")), [rule]))


@ALL
def test_speaks_as_nnlint_does(rule, laboratory):
    """Lower case, no full stop, a why with a number or a mechanism, fixes with a title."""
    for finding in _said(laboratory, rule):
        words = [finding.says, finding.why, finding.help, finding.label, *finding.also.values()]
        words += [text for fix in finding.fixes for text in (fix.title, fix.changes)]
        for text in filter(None, words):
            assert re.match(r"[`a-z0-9]", text), text
            assert not text.endswith("."), text
            assert "  " not in text, text
        assert finding.why
        assert finding.fixes or finding.help, "either a fix or a word on what to do"
        assert len(finding.says) <= 100, finding.says

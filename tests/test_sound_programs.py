"""Sound programs of many kinds, as people write them: nnlint has nothing against any of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from laboratory import laboratory

from nnlint.engine import check
from nnlint.registry import load

__all__ = ["laboratory"]  # a fixture
PROGRAMS = sorted((Path(__file__).resolve().parent / "programs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_nothing_to_report(program, laboratory):
    rules = load()
    for facts in laboratory.facts(program):
        assert facts.subject.status == "traced", facts.subject.reason
        loud = [f for f in check(facts, rules).findings if f.level in ("warning", "error")]
        assert not loud, [(f.rule, f.says, f.why) for f in loud]

"""Each rule finds its defect however it is spelled, and leaves what only looks like it alone.

The programs stand in `tests/cases`; each runs in this process for three steps.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from case_files import CASES as CASES_FOLDER  # noqa: E402
from case_files import Case, cases, counted  # noqa: E402
from test_rules_data import FAULTY as DATA_FAULTY  # noqa: E402
from test_rules_data import SOUND as DATA_SOUND  # noqa: E402
from test_rules_recipe import FAULTS as RECIPE_FAULTS  # noqa: E402
from test_rules_recipe import SOUND as RECIPE_SOUND  # noqa: E402

from nnlint.engine import check  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.finding import Finding  # noqa: E402
from nnlint.inspection.merge import merged  # noqa: E402
from nnlint.registry import load  # noqa: E402
from nnlint.rule import Rule  # noqa: E402
from nnlint.source.discover import outline  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

CASES = cases()
ENOUGH = 3
FEWER = frozenset((CASES_FOLDER / "fewer.txt").read_text().split())
"""Rules with fewer programs, until somebody writes them."""


@functools.cache
def rules() -> list[Rule]:
    return load()


def findings(case: Case, folder: Path) -> Iterator[Finding]:
    """Yield what all rules say of a program; one that follows from another is not among it."""
    path = folder / "train.py"
    path.write_text(case.text)
    read = outline(path, case.text)
    wanted = [{"expression": c.expression, "how": c.how, "input": list(c.input), "span": None} for c in read.candidates]
    job = {"path": str(path), "root": str(folder), "timeout": 60, "epochs": None, "candidates": wanted}
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        answer = run(job)
    facts = merged(read, [Facts.model_validate(subject) for subject in answer["subjects"]])
    assert facts, answer["problems"]
    for one in facts:
        yield from check(one, rules()).findings


@pytest.mark.parametrize("case", CASES, ids=[f"{case.theme}: {case.title}" for case in CASES])
def test_program(case: Case, tmp_path: Path) -> None:
    said = list(findings(case, tmp_path))
    places = {(f.rule, f.span.line if f.span else 0) for f in said}
    loud = {(f.rule, f.span.line if f.span else 0): f.says for f in said if f.level in ("error", "warning")}
    assert case.marked <= places, f"not found; said was {sorted(places)}"
    assert {place: text for place, text in loud.items() if place not in case.marked} == {}
    assert {(f.rule, f.says) for f in said if f.rule in case.leaves} == set()


def test_every_case_is_one_of_a_rule() -> None:
    names = {rule.name for rule in rules()}
    speaks, leaves = counted(CASES)
    assert not (speaks.keys() | leaves.keys()) - names


def test_every_rule_has_three_programs_of_each_kind() -> None:
    speaks, leaves = counted(CASES)
    speaks.update({name: len(table) for name, table in DATA_FAULTY.items()})
    leaves.update({name: len(table) for name, table in DATA_SOUND.items()})
    speaks.update(name for name, *_ in RECIPE_FAULTS)
    leaves.update(name for name, _ in RECIPE_SOUND)
    fewer = {rule.name for rule in rules() if speaks[rule.name] < ENOUGH or leaves[rule.name] < ENOUGH}
    assert fewer == FEWER, {name: (speaks[name], leaves[name]) for name in sorted(fewer ^ FEWER)}

"""What nnlint says of a text: its own pipeline, with a worker that is forked and not started for each program.

Only the seconds that it takes to import torch and scikit-learn are saved; what runs in the fork is what runs in a
worker started by path. Each text is inspected once: its facts serve the rules and the comparison after a fix.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from forked import Forks

from nnlint import inspection
from nnlint.catalogue import chosen_rules
from nnlint.checking import check_facts
from nnlint.facts import Facts
from nnlint.pipeline import facts_of
from nnlint.report import ReportedEdit, ReportedFinding, joined
from nnlint.reporting import Sources
from nnlint.rule import Rule
from nnlint.settings import Settings

from .comparison import comparable, different

PRELOADED = (
    "sklearn.datasets", "sklearn.model_selection", "sklearn.preprocessing", "sklearn.metrics", "torch.optim.swa_utils",
)  # fmt: skip
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
SETTINGS = Settings(run=True)
LONGEST = 30.0
"""Seconds that a program may run; the slowest sound one takes two."""


@dataclass(frozen=True)
class Said:
    """What nnlint says of one text: findings of all levels, what went wrong in words, and the facts."""

    findings: tuple[ReportedFinding, ...]
    errors: str
    facts: tuple[Facts, ...]

    @property
    def loud(self) -> set[str]:
        """The rules with a warning or an error."""
        return {one.rule for one in self.findings if one.level != "advice"}


def prepare() -> None:
    """Make this process ready to check programs."""
    os.environ.update(HIDDEN)
    forks = Forks(*PRELOADED)

    def launch(python: Path, job: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        return forks.launch(python, dict(job), timeout=min(timeout, LONGEST))

    inspection.launch = launch  # type: ignore[attr-defined]
    rules()


@functools.cache
def rules() -> Sequence[Rule]:
    """Return all rules, loaded once, but those that only propose experiments: these are never findings.

    To write what they propose takes as long as all the rest.
    """
    return [one for one in chosen_rules(SETTINGS) if one.level != "experiment"]


def checked(name: str, text: str) -> Said:
    """Return what nnlint says of a program of that name with `--run`."""
    with tempfile.TemporaryDirectory(prefix="nnlint-") as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        try:
            facts, errors = facts_of([str(path)], SETTINGS)
            report = joined([check_facts(one, rules(), SETTINGS, Sources({})) for one in facts])
        except Exception as error:
            return Said((), f"{type(error).__name__}: {error}"[-300:], ())
        return Said(report.findings, "; ".join(one.message for one in errors.errors), tuple(facts))


def after_fix(original: Said, source: str, name: str, mutant: str, finding: ReportedFinding) -> str:
    """Say what is left of a defect where the first fix of its finding is applied: `undone`, or what differs."""
    edits = finding.fixes[0].edits if finding.fixes else ()
    if not edits:
        return "no fix"
    try:
        text = applied(mutant, edits)
        if ast.dump(ast.parse(text)) == ast.dump(ast.parse(source)):
            return "undone"
    except (SyntaxError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"[:100]
    after = checked(name, text)
    if after.errors and not after.facts:
        return after.errors[:100]
    what = different(comparable(original.facts), comparable(after.facts))
    return f"differs in {what}" if what else "undone"


def applied(text: str, edits: Sequence[ReportedEdit]) -> str:
    """Return a text with edits made."""
    result = text
    for edit in sorted(edits, key=lambda one: (one.line or 0, one.column or 0), reverse=True):
        begin, end = _offset(text, edit.line, edit.column), _offset(text, edit.end_line, edit.end_column)
        result = result[:begin] + edit.text + result[end:]
    return result


def _offset(text: str, line: int | None, column: int | None) -> int:
    assert line is not None
    assert column is not None
    rows = text.splitlines(keepends=True)
    return sum(map(len, rows[: line - 1])) + column - 1

"""What nnlint says of a text: its own pipeline, with a worker that is forked and not started for each program.

Only the seconds that it takes to import torch and scikit-learn are saved; what runs in the fork is what runs in a
worker started by path.
"""

from __future__ import annotations

import ast
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from forked import Forks

from nnlint import inspection
from nnlint.pipeline import check_targets, facts_of
from nnlint.report import Report, ReportedFinding
from nnlint.settings import Settings

PRELOADED = ("sklearn.datasets", "sklearn.model_selection", "sklearn.preprocessing", "sklearn.metrics")
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}


def prepare() -> None:
    """Make this process ready to check programs."""
    os.environ.update(HIDDEN)
    inspection.launch = Forks(*PRELOADED).launch  # type: ignore[assignment]


def checked(name: str, text: str) -> Report:
    """Return what nnlint says of a program of that name with `--run`."""
    with tempfile.TemporaryDirectory(prefix="nnlint-") as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        return check_targets([str(path)], Settings(run=True))


def findings(name: str, text: str) -> tuple[tuple[ReportedFinding, ...], str]:
    """Return the findings of a program, all levels, and what went wrong in words."""
    try:
        report = checked(name, text)
    except Exception as error:
        return (), f"{type(error).__name__}: {error}"[-300:]
    return report.findings, errors_of(report)


def errors_of(report: Report) -> str:
    """Return what could not be checked."""
    return "; ".join(error.message for error in report.errors)


def after_fix(original: str, mutant: str, finding: ReportedFinding) -> str:
    """Say what is left of a defect where the first fix of its finding is applied: `undone`, or what differs."""
    edits = list(finding.fixes[0].edits) if finding.fixes else []
    if not edits:
        return "no fix"
    text = mutant
    for edit in sorted(edits, key=lambda one: (one.line, one.column), reverse=True):
        begin, end = _offset(mutant, edit.line, edit.column), _offset(mutant, edit.end_line, edit.end_column)
        text = text[:begin] + edit.text + text[end:]
    try:
        if ast.dump(ast.parse(text)) == ast.dump(ast.parse(original)):
            return "undone"
        before, after = _facts(original), _facts(text)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:100]
    return "undone" if before == after else f"differs in {_different(before, after)}"


def _offset(text: str, line: int | None, column: int | None) -> int:
    assert line is not None
    assert column is not None
    rows = text.splitlines(keepends=True)
    return sum(map(len, rows[: line - 1])) + column - 1


def _facts(text: str) -> Any:
    """Return graph and recipe of a program, without the places where things stand."""
    with tempfile.TemporaryDirectory(prefix="nnlint-") as folder:
        path = Path(folder, "program.py")
        path.write_text(text, encoding="utf-8")
        facts, _ = facts_of([str(path)], Settings(run=True))
    return [_placeless({"model": one["model"], "recipe": one["recipe"]}) for one in (f.model_dump() for f in facts)]


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in ("span", "spans", "path", "line", "end_line", "column")}
        return {k: _placeless(v) for k, v in kept.items() if not (isinstance(v, dict) and "end_line" in v)}
    return [_placeless(v) for v in value] if isinstance(value, list | tuple) else value


def _different(before: Any, after: Any, name: str = "") -> str:
    """Return the name of the first field that differs."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return next((_different(before[k], after[k], f"{name}.{k}") for k in before if before[k] != after[k]), name)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return next((_different(a, b, f"{name}[{i}]") for i, (a, b) in pairs if a != b), name)
    return name.lstrip(".")

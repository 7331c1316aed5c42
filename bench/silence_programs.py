"""The sound programs of `bench/silence.py`: which there are, what may be said of each, and what nnlint says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300.0
"""Seconds that one program may take."""
EXPECTED = re.compile(r"^\| \[([\w.]+)\].*`([\w-]+)` \|$", re.MULTILINE)
"""A row in the table of the examples: the file and the rule that names what is wrong with it."""


@dataclass(frozen=True)
class Program:
    """A program; `allowed` are the rules that may say something about it."""

    path: Path
    kind: str
    allowed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def programs() -> list[Program]:
    """Return every program: ours after the examples of PyTorch, Lightning and Hugging Face, repairs, examples."""
    found = [Program(path, "after public examples") for path in sorted((ROOT / "tests" / "programs").glob("*.py"))]
    found += [Program(path, "Lightning, Hugging Face") for path in sorted((ROOT / "bench" / "sound").glob("*.py"))]
    for path in sorted((ROOT / "bench" / "bugs").glob("*/case.json")):
        case = json.loads(path.read_text("utf-8"))
        repaired = path.with_name("fixed.py")
        if repaired.exists():
            found.append(Program(repaired, "repaired bugs", frozenset(case["fixed_hints_ok"])))
        if case["control"]:
            found.append(Program(path.with_name("train.py"), "repaired bugs", frozenset(case["hints_ok"])))
    faults = dict(EXPECTED.findall((ROOT / "examples" / "README.md").read_text("utf-8")))
    for path in sorted((ROOT / "examples").glob("*.py")):
        found.append(Program(path, "our examples", frozenset({faults[path.name]} if path.name in faults else ())))
    return found


def program_rows(folder: Path, names: set[str]) -> Iterator[dict[str, Any]]:
    """Check the programs of these names with the nnlint in `folder`, and yield a row for each."""
    for program in programs():
        if program.name in names:
            yield _row(program, folder)


def _row(program: Program, folder: Path) -> dict[str, Any]:
    row = {"set": "programs", "family": program.name, "name": program.name, "kind": program.kind}
    report = _checked(program, folder, "--run")
    how = "run"
    if report is not None and not any(s["status"] == "traced" for s in report["subjects"]):
        read = _checked(program, folder, "--static")  # a library that it imports is not here
        report, how = (read, "read") if read is not None and read["subjects"] else (report, how)
    if report is None:
        return row | {"status": "time", "reason": "no answer"}
    statuses = [s["status"] for s in report["subjects"]]
    said = [f for f in report["findings"] if f["level"] not in ("warning", "error") or f["rule"] not in program.allowed]
    return row | {
        "status": "traced" if "traced" in statuses or (how == "read" and statuses) else "failed",
        "variant": how,
        "reason": "; ".join(e["message"] for e in report["errors"])[:300],
        "allowed": sorted({f["rule"] for f in report["findings"] if f not in said}),
        "findings": [{k: f[k] for k in ("rule", "level", "message", "why", "module")} for f in said],
        "silenced": {one["rule"]: [one["needs"]] for one in report["not_checked"]},
    }


def _checked(program: Program, folder: Path, how: str) -> dict[str, Any] | None:
    """Return nnlint's report on a program, None where there is none in time."""
    command = [
        sys.executable,
        "-m",
        "nnlint",
        "check",
        program.name,
        how,
        "--level",
        "advice",
        "--output-format",
        "json",
    ]
    command += ["--python", sys.executable]
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
        "SEED": "0",
    }
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        report: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report

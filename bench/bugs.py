"""What nnlint finds in real bugs, and what it says wrongly: `make bench-bugs`.

    python bench/bugs.py [CASE ...] [--as-written] [--renamed] [--verify]

Every case of `bench/bugs` is linted with `--run`, as it is written and again with everything renamed (see rename.py):
what nnlint knows must not hang on how things are called. Exits with 1 on any miss or false alarm.

A miss: a fault that its source names (`labelled`) and whose first rule nnlint has, found by none of the fault's rules.
A false alarm: a warning or error in a repaired script or a sound one that is no fair comment, or one that the case
rules out (`must_not`). A script that nnlint cannot check counts as a miss: its silence means nothing.

`--verify` does not lint: it runs each script in both forms and compares what they measure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rename import rename

CASES = Path(__file__).parent / "bugs"
LOUD = {"warning", "error"}
LIMIT = 300.0
"""Seconds that one script may take."""


@dataclass
class Outcome:
    """One case in one form: rule names, and what went wrong in words."""

    case: str
    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not (self.missed or self.false or self.broken)


def main() -> int:
    """Run what the command line asks for; 0 where all is as it should be."""
    options = _options()
    cases = [c for c in _cases() if not options.case or c["id"] in options.case]
    forms = [f for f, wanted in (("as written", options.as_written), ("renamed", options.renamed)) if wanted]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        if options.verify:
            return _show_verified(pool.map(lambda script: _verify(script, Path(folder)), _scripts(cases)))
        rules = _rules()
        ok = True
        for form in forms or ["as written", "renamed"]:
            place = Path(folder) / form.replace(" ", "-")
            ok &= _show(form, pool.map(lambda case, f=form, p=place: _judge(case, rules, f == "renamed", p), cases))
    return 0 if ok else 1


def _judge(case: dict[str, Any], rules: set[str], renamed: bool, place: Path) -> Outcome:
    outcome = Outcome(case["id"])
    folder = CASES / case["id"]
    report = _lint(folder / "train.py", renamed, place, outcome)
    said = {f["rule"] for f in report["findings"]}
    for fault in case["faults"]:
        if fault["labelled"] and fault["rules"] and fault["rules"][0] in rules:
            hit = next((rule for rule in fault["rules"] if rule in said), None)
            (outcome.found if hit else outcome.missed).append(hit or fault["rules"][0])
    sound = not case["control"]
    outcome.false += _loud(report, lambda rule: rule in case["must_not"] or not (sound or rule in case["hints_ok"]))
    if (folder / "fixed.py").exists():
        repaired = _lint(folder / "fixed.py", renamed, place, outcome)
        outcome.false += [f"{r} (fixed)" for r in _loud(repaired, lambda rule: rule not in case["fixed_hints_ok"])]
    return outcome


def _loud(report: dict[str, Any], wrong: Any) -> list[str]:
    return sorted({f["rule"] for f in report["findings"] if f["level"] in LOUD and wrong(f["rule"])})


def _lint(script: Path, renamed: bool, place: Path, outcome: Outcome) -> dict[str, Any]:
    """Lint one script in an interpreter of its own, note in `outcome` what kept it from being checked."""
    if renamed:
        script = _renamed(script, place)
    command = [sys.executable, "-m", "nnlint", "check", str(script), "--run", "--output-format", "json"]
    empty: dict[str, Any] = {"findings": [], "subjects": [], "errors": []}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=_environment(), check=False)
        report: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        outcome.broken.append(f"{script.name}: no answer within {LIMIT:.0f} s")
        return empty
    except ValueError:
        outcome.broken.append(f"{script.name}: no JSON: {(done.stderr or done.stdout).strip()[-300:]}")
        return empty
    if done.returncode not in (0, 1):
        outcome.broken += [f"{script.name}: {e['message']}" for e in report["errors"]]
    if not any(s["status"] in {"traced", "partial"} for s in report["subjects"]):
        outcome.broken.append(f"{script.name}: nothing was traced")
    return report


def _renamed(script: Path, place: Path) -> Path:
    """Write the renamed form of a script under a name and in a folder that say nothing."""
    number = zlib.crc32(f"{script.parent.name}/{script.name}".encode())
    target = place / f"n{number}" / f"m{number}.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(rename(script.read_text("utf-8")), "utf-8")
    return target


def _verify(script: Path, folder: Path) -> tuple[str, str, str]:
    """The figure that a script ends with, as it is written and renamed."""
    return script.relative_to(CASES).as_posix(), _measure(script), _measure(_renamed(script, folder))


def _measure(script: Path) -> str:
    done = subprocess.run([sys.executable, script.name], cwd=script.parent, capture_output=True, text=True,
                          timeout=LIMIT, env=_environment(), check=False)  # fmt: skip
    figures = re.findall(r"[-+0-9.e]*\d", (done.stdout.strip().splitlines() or [""])[-1])
    return figures[-1] if figures and done.returncode == 0 else f"failed: {done.stderr.strip()[-200:]}"


def _show(form: str, judged: Iterable[Outcome]) -> bool:
    width = max(len(folder.name) for folder in CASES.iterdir())
    print(f"{form}\n\n  {'case':{width}}  expected  found  false", flush=True)
    outcomes = []
    for outcome in judged:
        print(_row(outcome.case, width, [outcome], _remarks(outcome)), flush=True)
        outcomes.append(outcome)
    broken = sum(len(o.broken) for o in outcomes)
    print(_row("total", width, outcomes, f"{broken} not checked" if broken else ""))
    print(flush=True)
    return all(o.passed for o in outcomes)


def _row(name: str, width: int, outcomes: list[Outcome], remarks: str) -> str:
    found, false = sum(len(o.found) for o in outcomes), sum(len(o.false) for o in outcomes)
    expected = found + sum(len(o.missed) for o in outcomes)
    return f"  {name:{width}}  {expected:8}  {found:5}  {false:5}  {remarks}".rstrip()


def _remarks(outcome: Outcome) -> str:
    said = [f"missed {', '.join(outcome.missed)}"] if outcome.missed else []
    said += [f"false {', '.join(outcome.false)}"] if outcome.false else []
    return " · ".join(said + outcome.broken)


def _show_verified(results: Iterable[tuple[str, str, str]]) -> int:
    same = True
    for name, written, renamed in results:
        same &= written == renamed and not written.startswith("failed")
        print(f"  {name:45} {written:>10}  {renamed if renamed != written else 'the same'}", flush=True)
    return 0 if same else 1


def _cases() -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(CASES.glob("*/case.json"))]


def _scripts(cases: list[dict[str, Any]]) -> list[Path]:
    return [path for case in cases for path in sorted((CASES / case["id"]).glob("*.py"))]


def _rules() -> set[str]:
    from nnlint.registry import load

    return {rule.name for rule in load()}


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "SEED": "0"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what nnlint finds in real bugs, and what it says wrongly")
    parser.add_argument("case", nargs="*", help="names of cases (default: all)")
    parser.add_argument("--as-written", action="store_true", help="only the scripts as they are written")
    parser.add_argument("--renamed", action="store_true", help="only the renamed scripts")
    parser.add_argument("--verify", action="store_true", help="run the scripts in both forms instead")
    parser.add_argument("--jobs", type=int, default=2, help="scripts at a time (default: 2)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

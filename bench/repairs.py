"""How far nnlint's own fixes repair a real bug: applied by the command that a user types, then trained by the script.

Three ways: `first`, the fixes of the case's labelled rules alone; `shown`, of all that is shown by default; `all`, of
the advice as well. Each repaired program is run as it stands, over the seeds of the case's `measured.json`, and its
metric compared with that of `fixed.py` there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

WAYS = ("first", "shown", "all")
LIMIT = 300.0
"""Seconds that one command may take."""
CLOSED = 0.05
"""What may be left of the way from `train.py` to `fixed.py` where the noise of `fixed.py` is less than that."""


def repair(folder: Path, workers: int) -> dict[str, Any]:
    """Return which rules of the case's labelled faults have a fix, and what each way of fixing brings the metric to."""
    case = json.loads((folder / "case.json").read_text("utf-8"))
    measured = json.loads((folder / "measured.json").read_text("utf-8"))
    wanted = sorted({rule for fault in case["faults"] if fault["labelled"] for rule in fault["rules"]})
    report = _report(folder / "train.py", wanted)
    fixable = sorted({f["rule"] for f in report["findings"] if any(x["safety"] != "display" for x in f["fixes"])})
    first = next((fault["rules"][0] for fault in case["faults"] if fault["labelled"] and fault["rules"]), None)
    row: dict[str, Any] = {
        "first": first,
        "found": sorted({f["rule"] for f in report["findings"]}),
        "fixable": fixable,
        "ways": {},
    }
    row |= {name: measured[name] for name in ("metric", "better", "train", "fixed", "seeds")}
    if not fixable:
        return row
    original, seen = (folder / "train.py").read_text("utf-8"), dict[str, str]()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(workers) as pool:
        scripts = [_copy(folder / "train.py", Path(place, way)) for way in WAYS]
        applied = list(pool.map(lambda pair: _fix(pair[1], pair[0], wanted), zip(WAYS, scripts, strict=True)))
        for way, script, rules in zip(WAYS, scripts, applied, strict=True):
            text = script.read_text("utf-8")
            if text == original:
                row["ways"][way] = {"rules": [], "values": None, "reason": "no fix could be applied"}
            elif text in seen:
                row["ways"][way] = {**row["ways"][seen[text]], "rules": rules}
            else:
                seen[text] = way
                values = list(pool.map(lambda seed, at=script: measure(at, seed), measured["seeds"]))
                row["ways"][way] = {"rules": rules, **judged(values, measured)}
    return row


def counts(row: dict[str, Any]) -> bool:
    """Whether the repair rate counts this case: the first rule of its first labelled fault has a fix."""
    return row.get("first") in row.get("fixable", ())


def judged(values: Sequence[float | str], measured: dict[str, Any]) -> dict[str, Any]:
    """Return the metric of each seed, and whether it came to within the noise of the repair.

    The noise is twice the standard error of a difference of two such means, the spread being that of `fixed.py`; no
    less than a twentieth of the way that there was to go.
    """
    failed = next((value for value in values if isinstance(value, str)), None)
    if failed is not None:
        return {"values": None, "reason": failed, "repaired": False}
    numbers = [float(value) for value in values]
    sign = 1 if measured["better"] == "higher" else -1
    way = sign * (fmean(measured["fixed"]) - fmean(measured["train"]))
    noise = max(2 * stdev(measured["fixed"]) * (2 / len(numbers)) ** 0.5, CLOSED * way)
    left = sign * (fmean(measured["fixed"]) - fmean(numbers))
    return {"values": numbers, "left": round(left / way, 4), "noise": round(noise / way, 4), "repaired": left <= noise}


def measure(script: Path, seed: int) -> float | str:
    """Return the metric that a script ends with, or how it failed."""
    try:
        done = subprocess.run([sys.executable, script.name], cwd=script.parent, capture_output=True, text=True,
                              timeout=LIMIT, env=_environment(seed), check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no end within {LIMIT:.0f} s"
    said = re.search(r"^metric \S+ (\S+)$", done.stdout, re.MULTILINE)
    if done.returncode or said is None:
        return f"failed: {(done.stderr.strip().splitlines() or ['no metric'])[-1][:200]}"
    return float(said[1])


def _fix(script: Path, way: str, wanted: Sequence[str]) -> list[str]:
    """Let nnlint fix the script; return the rules whose findings are gone."""
    only = wanted if way == "first" else ()
    level = "warning" if way == "shown" else "advice"
    before = _report(script, only, "--level", level)
    after = _report(script, only, "--level", level, "--fix", "--unsafe-fixes")
    shown = ("error", "warning") if level == "warning" else ("error", "warning", "advice")
    rules = {f["rule"] for f in before["findings"] if f["level"] in shown}
    return sorted(rules - {f["rule"] for f in after["findings"]})


def _report(script: Path, only: Sequence[str], *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "nnlint", "check", script.name, "--run", "--output-format", "json", *options]
    for rule in only:
        command += ["--select", rule]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=LIMIT,
                          env=_environment(0), check=False)  # fmt: skip
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _copy(script: Path, folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(script, folder))


def _environment(seed: int) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "SEED": str(seed)}

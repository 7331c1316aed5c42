"""nnlint on the example scripts: in each the defect that it has, in the sound one nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

DEFECTS = {
    "baseline.py": set(),
    "breast_cancer.py": {"unscaled-features"},
    "diabetes.py": {"dropout-on-output"},
    "digits.py": {"softmax-before-cross-entropy"},
    "fraud.py": {"softmax-on-one-unit"},
    "iris.py": {"regression-loss-on-classes"},
    "pixels.py": {"relu-before-loss"},
    "segments.py": {"saturating-hidden-activation"},
    "spirals.py": {"oversized-activations"},
    "temperature.py": {"bounded-regression-output"},
    "waves.py": {"missing-zero-grad"},
    "wine.py": {"learning-rate-out-of-range"},
}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    command = [sys.executable, "-m", "nnlint", "check", "examples", "--run", "--output-format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_example_is_checked(report: dict[str, Any]) -> None:
    assert report["errors"] == []
    traced = {Path(s["path"]).name for s in report["subjects"] if s["status"] == "traced" and not s["guessed"]}
    assert traced == set(DEFECTS) == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_defect_is_found_and_nothing_else(report: dict[str, Any], name: str) -> None:
    said = {f["rule"] for f in report["findings"] if f["path"] == f"examples/{name}" and f["level"] != "advice"}
    assert said == DEFECTS[name]


@pytest.mark.parametrize("name", [name for name in DEFECTS if DEFECTS[name]])
def test_the_folder_says_what_is_wrong(name: str) -> None:
    (rule,) = DEFECTS[name]
    lines = (EXAMPLES / "README.md").read_text("utf-8").splitlines()
    row = next(line for line in lines if line.startswith(f"| [{name}]({name}) |"))
    assert f"`{rule}`" in row

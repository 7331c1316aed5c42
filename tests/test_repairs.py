"""What nnlint's own fixes make of the real bugs: the figures of `make bench-confirm`, and what they taught."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parent.parent
BUGS = ROOT / "bench" / "bugs"


@pytest.fixture(scope="module")
def repairs():
    spec = importlib.util.spec_from_file_location("bench_repairs", ROOT / "bench" / "repairs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MEASURED = {"better": "higher", "train": [0.5, 0.5, 0.5], "fixed": [0.9, 0.92, 0.94]}


@pytest.mark.parametrize(
    ("values", "repaired"),
    [([0.9, 0.9, 0.9], True), ([0.85, 0.86, 0.87], False), ([0.99, 0.99, 0.99], True), ([0.5, 0.92, 0.93], False)],
)
def test_a_repair_is_within_the_noise_of_the_one_by_hand(repairs, values, repaired):
    assert repairs.judged(values, MEASURED)["repaired"] is repaired


def test_lower_is_better_where_errors_are_measured(repairs):
    measured = {"better": "lower", "train": [40.0, 38.0], "fixed": [3.0, 3.4]}
    assert repairs.judged([3.1, 2.0], measured)["repaired"]
    assert not repairs.judged([8.0, 9.0], measured)["repaired"]


def test_a_run_that_fails_repairs_nothing(repairs):
    assert repairs.judged([0.9, "failed: ValueError", 0.9], MEASURED)["reason"] == "failed: ValueError"


def test_a_layer_is_not_widened_where_targets_name_no_class(tmp_path):
    """The loss by hand multiplies one value by one target: with two units the program would not score any more."""
    script = tmp_path / "train.py"
    script.write_text((BUGS / "PTF-77250" / "train.py").read_text("utf-8"), "utf-8")
    command = [sys.executable, "-m", "nnlint", "check", "train.py", "--run", "--output-format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    found = {finding["rule"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert not any(fix["edits"] for fix in found["output-width-mismatch"]["fixes"])
    assert not any(fix["edits"] for fix in found["softmax-over-wrong-dim"]["fixes"])

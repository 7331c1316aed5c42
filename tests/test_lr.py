"""`nnlint lr`: the range test, its suggestion and its picture."""

import json
import math
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from nnlint.trainer.range_test import HIGH, LOW, STEPS, conclude, smooth, sweep_of

RATES = [LOW * (HIGH / LOW) ** (k / (STEPS - 1)) for k in range(STEPS)]


def valley(at, noise=0.0):
    """A loss that falls towards the rate `at` and rises behind it."""
    return [
        2 - 1.5 * math.exp(-((math.log10(rate / at)) ** 2)) + noise * math.sin(17 * k) for k, rate in enumerate(RATES)
    ]


def test_the_suggestion_is_a_quarter_of_the_rate_with_the_lowest_smoothed_loss():
    sweep = sweep_of(RATES, valley(0.1, noise=0.05))
    lowest = sweep.rates[min(range(STEPS), key=sweep.smoothed.__getitem__)]
    assert sweep.suggestion == lowest / 4
    assert 0.1 < lowest < 1, "smoothing lags behind"


def test_noise_alone_suggests_nothing():
    flat = [2 + 0.3 * math.sin(17 * k) for k in range(STEPS)]
    found = conclude([sweep_of(RATES, flat)] * 5, 0.1, "its data")
    assert found.suggestion is None
    assert "does not fall" in found.reason


def test_a_loss_that_is_no_number_ends_the_curve():
    losses = [*valley(0.001)[:100], None, *valley(0.001)[101:]]
    sweep = sweep_of(RATES, losses)
    assert len(sweep.rates) == len(sweep.losses) == len(sweep.smoothed) == 100
    assert sweep.suggestion is not None
    assert sweep_of(RATES, [None] * STEPS).suggestion is None


def test_how_sure_it_is_follows_from_the_seeds():
    agree = conclude([sweep_of(RATES, valley(at)) for at in (0.1, 0.12, 0.15)], 0.1, "")
    differ = conclude([sweep_of(RATES, valley(at)) for at in (0.001, 0.1, 1.0)], 0.1, "")
    assert agree.sure
    assert not differ.sure
    assert differ.interval[0] < differ.suggestion < differ.interval[1]


def test_smoothing_is_right_from_the_first_step():
    assert smooth([3.0, 3.0, 3.0]) == pytest.approx([3.0, 3.0, 3.0])


SCRIPT = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(200, 6)
y = x @ torch.arange(6.0)
model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
for epoch in range(3):
    for i in range(0, len(x), 25):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x[i:i + 25]), y[i:i + 25]).backward()
        optimizer.step()
"""


def lr(folder, *options):
    command = [sys.executable, "-m", "nnlint", "lr", "train.py", "--seeds", "2", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def test_the_command_suggests_draws_and_leaves_nothing_else(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "train.py").write_text(SCRIPT)
    done = lr(tmp_path, "--chart", "rates.svg", "--output-format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["rate"] == pytest.approx(1e-5)
    assert 1e-4 < answer["suggestion"] < 1, "a hundred thousandth is far too slow for Adam here"
    assert "<svg" in (tmp_path / "rates.svg").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rates.svg", "train.py"]


@pytest.mark.parametrize(("chart", "says"), [("rates.pdf", ".png or .svg"), ("no/such/folder/a.svg", "No such file")])
def test_a_chart_that_cannot_be_written_is_one_error(tmp_path, chart, says):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = lr(tmp_path, "--chart", chart)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_that_trains_nothing_is_one_line(tmp_path):
    (tmp_path / "train.py").write_text("print('hello')\n")
    done = lr(tmp_path)
    assert done.returncode == 2
    assert "no rate is suggested" in done.stdout


def test_a_script_that_is_no_python_is_one_error(tmp_path):
    (tmp_path / "train.py").write_text("def (\n")
    done = lr(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("invalid syntax") == 1

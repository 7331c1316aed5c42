"""A model that does not fit into memory is built without values, and checked as far as that goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from nnlint.worker.devices import OnCpu
from nnlint.worker.room import LARGE, QUIET, Room, in_words

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(x)))


class Net(nn.Module):
    def __init__(self, width=16384, depth=60):
        super().__init__()
        print("building")
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return torch.softmax(self.head(self.blocks(x)), -1)


model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loss_fn = nn.CrossEntropyLoss()
for _ in range(3):
    x, y = torch.randn(8, 16384), torch.randint(0, 10, (8,))
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
"""

LIMITED = """
import resource, runpy, sys
_, most = resource.getrlimit(resource.RLIMIT_AS)
if most == resource.RLIM_INFINITY or most > 16 << 30:
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, most))
sys.argv = ["nnlint", *sys.argv[1:]]
try:
    runpy.run_module("nnlint", run_name="__main__")
finally:
    held = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(held * 1024, file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and free memory are read as Linux tells them")
def test_a_script_with_a_model_of_half_a_terabyte(tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    path.write_text(PROGRAM)
    command = [sys.executable, "-c", LIMITED, "check", str(path), "--output-format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    (subject,) = report["subjects"]
    assert subject["status"] == "traced"
    assert subject["parameters"] > 128e9
    assert "515 GB" in subject["reason"]
    assert [f["rule"] for f in report["findings"] if f["level"] == "error"] == ["softmax-before-cross-entropy"]
    assert "too large" in json.dumps(report["errors"])
    assert int(done.stderr.split()[-1]) < 2e9


class Pair(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.built = torch.ones(3).sum().item()
        self.one, self.two = nn.Linear(width, width), nn.Linear(width, width)


class Blank(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, width))


@pytest.fixture
def cpu() -> OnCpu:
    found = OnCpu()
    found.room.most = 0
    return found


def test_what_does_not_fit_has_no_values(cpu: OnCpu) -> None:
    width = int((QUIET / 4) ** 0.5) + 1
    before = torch.random.get_rng_state()
    with cpu:
        model = Pair(width)
    assert [p.device.type for p in model.parameters()] == ["meta", "cpu", "meta", "cpu"]
    assert model.one.weight.shape == (width, width)
    assert cpu.room.left_empty(model)
    assert in_words(2 * 4 * width**2) in (cpu.room.told or "")
    assert not torch.equal(before, torch.random.get_rng_state())  # the biases are drawn


def test_what_is_small_is_never_asked_about(cpu: OnCpu) -> None:
    with cpu:
        model = Pair(1024)
        data = torch.zeros(LARGE)
    assert all(p.device.type == "cpu" for p in (*model.parameters(), data))
    assert cpu.room.told is None


def test_what_fits_is_built_as_ever() -> None:
    cpu = OnCpu()
    cpu.room.most = 64 << 30
    width = int((QUIET / 4) ** 0.5) + 1
    with cpu:
        model = Blank(width)
    assert model.weight.device.type == "cpu"
    assert cpu.room.told is None


def test_a_meta_device_is_left_alone(cpu: OnCpu) -> None:
    with cpu, torch.device("meta"):
        model = Pair.__new__(Pair)
        nn.Module.__init__(model)
        model.one = nn.Linear(1 << 20, 1 << 20)
    assert model.one.weight.device.type == "meta"
    assert cpu.room.told is None


def test_sizes_in_words() -> None:
    assert [in_words(n) for n in (12, 3e9, 1.62e12)] == ["12 bytes", "3 GB", "1.62 TB"]
    assert Room().told is None

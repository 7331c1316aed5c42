"""The benchmark's renaming leaves no name of the program's own and changes nothing that it does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "bench" / "rename.py"

PROGRAM = '''
"""A diary of the network."""
import argparse
import torch
import torch.nn as nn
from torch.nn import functional as F

SETTINGS = {"width": 8, "depth": 2}

class Encoder(nn.Module):
    """Encodes."""
    kinds = ("a", "b")

    def __init__(self, width, depth=1):
        super().__init__()
        self.softmax = nn.Softmax(dim=1)
        self.bn1 = nn.BatchNorm1d(4)
        self.stack = nn.Sequential()
        for number in range(depth):
            self.stack.add_module(f"dense{number}", nn.Linear(4 if number == 0 else width, width))
        self.register_buffer("offset", torch.ones(width))
        self.add_module("head", nn.Linear(width, 3))

    def encode(self, rows, scale=1.0):
        return F.relu(self.stack(self.bn1(rows))) * scale + self.offset

    def forward(self, rows):
        return self.softmax(self.head(self.encode(rows, scale=2.0)))

def build(*, width, depth):
    return Encoder(width, depth=depth)

parser = argparse.ArgumentParser(description="a diary")
parser.add_argument("--batch-size", type=int, default=5, help="how many rows")
options = parser.parse_args()
torch.manual_seed(1)
encoder = build(width=SETTINGS["width"], depth=SETTINGS["depth"])
for name, parameter in encoder.named_parameters():
    if "bn" in name:
        parameter.requires_grad = False
weights = encoder.state_dict()
weights["head.bias"] = torch.zeros(3)
encoder.load_state_dict(weights)
answer = encoder(torch.rand(options.batch_size, 4))
frozen = sum(not p.requires_grad for p in encoder.parameters())
print(f"answer {answer.sum():.4f} frozen %d" % frozen, len(Encoder.kinds), hasattr(encoder, "offset"))
'''
OWN = {"SETTINGS", "Encoder", "kinds", "softmax", "bn1", "stack", "offset", "head", "encode", "rows", "scale", "build",
       "width", "depth", "parser", "batch", "options", "encoder", "parameter", "weights", "answer", "frozen", "diary",
       "nn", "F", "torch", "number", "Encodes"}  # fmt: skip


def run(path: Path) -> str:
    done = subprocess.run([sys.executable, path.name], cwd=path.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    (tmp_path / "original.py").write_text(PROGRAM, "utf-8")
    command = [sys.executable, str(SCRIPT), "original.py"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    (tmp_path / "renamed.py").write_text(text, "utf-8")
    return tmp_path


def test_the_renamed_program_does_the_same(renamed: Path) -> None:
    figures = [re.findall(r"\d[\d.]*|True|False", run(renamed / name)) for name in ("original.py", "renamed.py")]
    assert figures[0] == figures[1] == [figures[0][0], "2", "2", "True"]


def test_no_name_of_its_own_is_left(renamed: Path) -> None:
    lines = (renamed / "renamed.py").read_text("utf-8").splitlines()
    text = "\n".join(line.partition(" as ")[2] if line.startswith(("import", "from")) else line for line in lines)
    assert OWN & set(re.findall(r"[A-Za-z_]\w*", text)) == set()
    assert "forward" in text
    assert "requires_grad" in text

"""What a fix leaves behind runs, and does what it says: programs in which that was not so once."""

import subprocess
import sys

import pytest

pytest.importorskip("torch")

PROGRAM = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(33, 4) * 300 + 900
Y = (X[:, 0] > 900).long()
loader = DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)))


model = Net()
for p in model.parameters():
    nn.init.constant_(p, 0.1)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for epoch in range(20):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
"""


@pytest.fixture(scope="module")
def fixed(tmp_path_factory):
    path = tmp_path_factory.mktemp("fixed") / "train.py"
    path.write_text(PROGRAM)
    chosen = ["--select", "unscaled-features,symmetric-init", "--fix", "--unsafe-fixes"]
    command = [sys.executable, "-m", "nnlint", "check", path.name, *chosen]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def test_a_norm_that_a_fix_brings_meets_no_batch_of_one_row(fixed):
    assert "nn.BatchNorm1d(4)" in fixed.read_text()
    assert "batch_size=16, shuffle=True, drop_last=True)" in fixed.read_text()
    subprocess.run([sys.executable, fixed], check=True, capture_output=True, timeout=300)


def test_weights_that_a_loop_over_all_parameters_sets_are_drawn_there(fixed):
    [loop] = [part for part in fixed.read_text().split("\n\n") if "for p in model.parameters():" in part]
    assert "    if p.dim() > 1:\n        nn.init.xavier_uniform_(p)\n" in loop
    assert "constant_" not in fixed.read_text()

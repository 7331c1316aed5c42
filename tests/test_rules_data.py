"""Rules about data, targets and what becomes of them: other spellings of each defect, and programs that look like it.

Each program runs in this process. `# <-` marks the line of the finding that a faulty program must have.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from nnlint.engine import check  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.finding import Finding  # noqa: E402
from nnlint.inspection.merge import merged  # noqa: E402
from nnlint.registry import load  # noqa: E402
from nnlint.source.discover import outline  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
"""
LOOP = """
for epoch in range(50):
    for start in range(0, len(x), 16):
        optimizer.zero_grad()
        rows = torch.randperm(len(x))[:16]
        {step}
        loss.backward()
        optimizer.step()
"""


@functools.cache
def rules():
    return {rule.name: rule for rule in load()}


def found(tmp_path: Path, body: str, name: str) -> tuple[list[Finding], str]:
    """Return what a rule says of a program, and the program's text."""
    path = tmp_path / "train.py"
    path.write_text(HEAD + textwrap.dedent(body))
    text = path.read_text()
    read = outline(path, text)
    job = {"path": str(path), "root": str(tmp_path), "timeout": 60, "epochs": None}
    job["candidates"] = [
        {"expression": c.expression, "how": c.how, "input": list(c.input), "span": None} for c in read.candidates
    ]
    answer = run(job)
    facts = merged(read, [Facts.model_validate(subject) for subject in answer["subjects"]])
    assert facts, answer["problems"]
    return [f for one in facts for f in check(one, [rules()[name]]).findings], text


def net(last: int = 1, step: str = "loss = F.mse_loss(model(x[rows]), y[rows])", data: str = "") -> str:
    return (
        "x = torch.randn(64, 6)\n"
        + textwrap.dedent(data)
        + f"\nmodel = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, {last}))\n"
        + "optimizer = torch.optim.Adam(model.parameters(), lr=0.001)\n"
        + LOOP.format(step=step)
    )


FAULTY = {
    "loss-broadcast": {
        "function": net(step="loss = F.mse_loss(model(x[rows]), y[rows])  # <-", data="y = x[:, 0]"),
        "targets first": net(step="loss = F.smooth_l1_loss(y[rows], model(x[rows]))  # <-", data="y = x[:, 0]"),
        "column of targets": net(
            step="loss = nn.L1Loss()(model(x[rows]).squeeze(1), y[rows])  # <-", data="y = x[:, :1]"
        ),
        "by hand": net(step="loss = ((model(x[rows]) - y[rows]) ** 2).mean()  # <-", data="y = x[:, 0]"),
    },
}
FAULTY["targets-wrong-form"] = {
    "several labels in a row": net(
        5, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = (torch.rand(64, 5) > 0.4).float()"
    ),
    "classes counted from one": net(
        3, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = torch.randint(3, (64,)) + 1"
    ),
    "column of labels": net(
        3, "loss = nn.CrossEntropyLoss()(model(x[rows]), y[rows])  # <-", "y = torch.randint(3, (64, 1))"
    ),
    "floating point labels": net(
        3, "loss = F.nll_loss(model(x[rows]).log_softmax(1), y[rows])  # <-", "y = torch.randint(3, (64,)).float()"
    ),
    "one-hot of whole numbers": net(
        3, "loss = F.cross_entropy(model(x[rows]), y[rows])  # <-", "y = F.one_hot(torch.randint(3, (64,)), 3)"
    ),
    "plus and minus one": net(
        step="loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])  # <-", data="y = x[:, :1].sign()"
    ),
    "flat targets": net(
        step="loss = nn.BCEWithLogitsLoss()(model(x[rows]), y[rows])  # <-", data="y = (x[:, 0] > 0).float()"
    ),
    "whole numbers": net(
        step="loss = F.binary_cross_entropy(model(x[rows]).sigmoid(), y[rows])  # <-", data="y = (x[:, :1] > 0).long()"
    ),
    "raw pixels": net(
        6, "loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])  # <-",
        "y = torch.randint(256, (64, 6)).float()",
    ),
}  # fmt: skip

SOUND = {
    "loss-broadcast": {
        "same shape": net(data="y = x[:, :1]"),
        "all pairs on purpose": net(step="loss = F.l1_loss(model(x[rows]), y[rows][None, :])", data="y = x[:, 0]"),
        "several quantiles": net(3, "d = model(x[rows]) - y[rows]\n        loss = d.abs().mean()", data="y = x[:, :1]"),
        "classes": net(3, "loss = F.cross_entropy(model(x[rows]), y[rows])", data="y = torch.randint(3, (64,))"),
    },
}

SOUND["targets-wrong-form"] = {
    "soft labels": net(5, "loss = F.cross_entropy(model(x[rows]), y[rows])", "y = torch.rand(64, 5).softmax(1)"),
    "one-hot": net(5, "loss = F.cross_entropy(model(x[rows]), y[rows])", "y = torch.eye(5)[torch.randint(5, (64,))]"),
    "ignored label": net(
        3, "loss = F.cross_entropy(model(x[rows]), y[rows], ignore_index=-1)", "y = torch.randint(4, (64,)) - 1"
    ),
    "one class less": net(4, "loss = F.cross_entropy(model(x[rows]), y[rows])", "y = torch.randint(3, (64,)) + 1"),
    "several labels": net(
        5, "loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])", "y = (torch.rand(64, 5) > 0.4).float()"
    ),
    "smoothed": net(
        1, "loss = F.binary_cross_entropy_with_logits(model(x[rows]), y[rows])",
        "y = (x[:, :1] > 0).float() * 0.9 + 0.05",
    ),
    "margins": net(1, "loss = F.soft_margin_loss(model(x[rows]), y[rows])", "y = x[:, :1].sign()"),
    "fails elsewhere": net(3, "loss = F.cross_entropy(model(x[rows].double()), y[rows])", "y = torch.randint(3, (64,))"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "program"), [(n, p) for n in FAULTY for p in FAULTY[n]])
def test_speaks(tmp_path, name, program):
    said, text = found(tmp_path, FAULTY[name][program], name)
    marked = [n for n, line in enumerate(text.splitlines(), 1) if line.endswith("# <-")]
    assert [f.span and f.span.line for f in said] == marked


@pytest.mark.parametrize(("name", "program"), [(n, p) for n in SOUND for p in SOUND[n]])
def test_silent(tmp_path, name, program):
    said, _ = found(tmp_path, SOUND[name][program], name)
    assert not said, [(f.says, f.why) for f in said]

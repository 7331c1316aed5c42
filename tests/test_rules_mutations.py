"""Defects that were once missed in whole programs, and their look-alikes: each with `--run`."""

from __future__ import annotations

import pytest
from forked import Forks

from nnlint import inspection
from nnlint.catalogue import chosen_rules
from nnlint.checking import check_facts
from nnlint.pipeline import facts_of
from nnlint.reporting import Sources
from nnlint.settings import Settings

RULES = (
    "symmetric-init", "unshuffled-training-data", "missing-eval-mode", "loss-tensor-kept",
    "optimizer-recreated-each-step", "no-gradient", "ignored-input", "scheduler-never-stepped",
)  # fmt: skip

RECURRENT = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.rnn = nn.{cell}(8, 16, batch_first=True)
        self.head = nn.Linear(16, 3)
    def forward(self, ids):
        return self.head(self.rnn(self.words(ids))[0][:, -1])
ids, labels = torch.randint(0, 20, (60, 5)), torch.randint(0, 3, (60,))
model = Net()
{set}
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(ids), labels)
    loss.backward()
    optimizer.step()
"""
LOADED = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(120, 6)
y = {target}
train_loader = DataLoader(TensorDataset(x, y), batch_size=20{order})
valid_loader = DataLoader(TensorDataset(x, y), batch_size=60)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
criterion = nn.{loss}()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    model.train()
    total = 0.0
    for a, b in train_loader:
        {again}
        optimizer.zero_grad()
        loss = criterion(model(a), b)
        {backward}
        optimizer.step()
    {mode}
    with torch.no_grad():
        both = 0.0
        for a, b in valid_loader:
            {score}
"""
LEFT = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.last = nn.Linear(12, 3)
        self.register_buffer("scale", torch.rand(12))
    def forward(self, x):
        h = self.first(x).relu()
        {left}
        return self.last(h)
x, labels = torch.randn(60, 6), torch.randint(0, 3, (60,))
model = Net()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    optimizer.step()
"""
HANDED = """
import torch
from torch import nn
def save(model, scheduler):
    return {{"model": model.state_dict(), "scheduler": scheduler.state_dict()}}
def learn(model, optimizer, scheduler, x, y):
    for part in torch.randperm(len(x)).split(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[part]), y[part]).backward()
        optimizer.step()
        {step}
x, labels = torch.randn(60, 6), torch.randint(0, 3, (60,))
model = nn.Linear(6, 3)
optimizer = torch.optim.Adam(model.parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
for epoch in range(3):
    learn(model, optimizer, scheduler, x, labels)
    save(model, scheduler)
"""
ATTRIBUTE = """
import torch
from torch import nn
class Trainer:
    def __init__(self, model, x, y):
        self.model, self.x, self.y = model, x, y
        self.optimizer = torch.optim.Adam(model.parameters())
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 2)
    def fit(self):
        for epoch in range(3):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.model(self.x), self.y).backward()
            self.optimizer.step()
            {step}
x, labels = torch.randn(60, 6), torch.randint(0, 3, (60,))
Trainer(nn.Linear(6, 3), x, labels).fit()
"""
PLAIN = {
    "target": "torch.stack([x[:, 0] - x[:, 1], x[:, 2]], 1)", "order": ", shuffle=True", "loss": "MSELoss",
    "again": "pass", "backward": "loss.backward()", "mode": "model.eval()",
    "score": "both += criterion(model(a), b).item()",
}  # fmt: skip
TAGS = {"target": "(x[:, :2] > 0).float()", "loss": "BCEWithLogitsLoss"}
OVERLAP = "found = (model(a) > 0).float()\n            both += (found * b).sum().item()"


def loaded(**changes: str) -> str:
    return LOADED.format(**{**PLAIN, **changes})


EACH = "for p in model.parameters():"
FAULTY = {
    "lstm of one value": ("symmetric-init", RECURRENT.format(cell="LSTM", set=f"{EACH} nn.init.constant_(p, 0.1)")),
    "gru of zeros": ("symmetric-init", RECURRENT.format(cell="GRU", set=f"{EACH} p.data.zero_()")),
    "regression in order": ("unshuffled-training-data", loaded(order="")),
    "tags in order": ("unshuffled-training-data", loaded(order="", **TAGS)),
    "overlap while training": ("missing-eval-mode", loaded(mode="pass", score=OVERLAP, **TAGS)),
    "divided where it is differentiated": ("loss-tensor-kept", loaded(backward="(loss / 2).backward(); total += loss")),
    "a list on the way": ("no-gradient", LEFT.format(left="h = torch.tensor(h.tolist())")),
    "NumPy on the way": ("no-gradient", LEFT.format(left="h = torch.from_numpy(h.detach().cpu().numpy() * 2)")),
    "handed over, saved, not stepped": ("scheduler-never-stepped", HANDED.format(step="")),
    "an attribute, not stepped": ("scheduler-never-stepped", ATTRIBUTE.format(step="")),
}  # fmt: skip
SOUND = {
    "looked at with NumPy": LEFT.format(left="self.seen = h.detach().numpy()"),
    "a threshold made with NumPy": LEFT.format(left="h = h * torch.from_numpy((h.detach().numpy() > 0).astype('f4'))"),
    "a list of the scale": LEFT.format(left="h = h * torch.tensor(self.scale.tolist())"),
    "handed over and stepped": HANDED.format(step="scheduler.step()"),
    "an attribute, stepped": ATTRIBUTE.format(step="self.scheduler.step()"),
    "random lstm": RECURRENT.format(cell="LSTM", set=""),
    "zero head": RECURRENT.format(cell="LSTM", set="nn.init.zeros_(model.head.weight)"),
    "constant biases": RECURRENT.format(cell="GRU", set="nn.init.constant_(model.rnn.bias_hh_l0, 1.0)"),
    "shuffled": loaded(),
    "overlap": loaded(score=OVERLAP, **TAGS),
    "threshold for pictures": loaded(mode="pass", score="found = (model(a) > 0).float()", **TAGS),
    "divided, a number kept": loaded(backward="(loss / 2).backward(); total += loss.item()"),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what the rules say of a program, as reported findings."""
    forks, before = Forks(), inspection.launch
    inspection.launch = forks.launch
    settings = Settings(run=True)
    rules = [one for one in chosen_rules(settings) if one.name in RULES]

    def ask(text: str):
        path = tmp_path_factory.mktemp("program") / "train.py"
        path.write_text(text)
        facts, errors = facts_of([str(path)], settings)
        assert not errors.errors
        return [one for f in facts for one in check_facts(f, rules, settings, Sources({})).findings], path

    yield ask
    inspection.launch = before
    forks.close()


@pytest.mark.parametrize("name", FAULTY)
def test_found(said, name):
    rule, text = FAULTY[name]
    assert [one.rule for one in said(text)[0]] == [rule]


@pytest.mark.parametrize("name", SOUND)
def test_silent(said, name):
    assert [one.rule for one in said(SOUND[name])[0]] == []


def test_an_optimizer_that_stands_before_the_loop_already_is_not_written_twice(said):
    again = "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)"
    found, path = said(loaded(again=again))
    assert [one.rule for one in found] == ["optimizer-recreated-each-step"]
    edits = found[0].fixes[0].edits
    assert len(edits) == 1
    rows = path.read_text().splitlines(keepends=True)
    edit = edits[0]
    gone = "".join(rows[edit.line - 1 : edit.end_line]).strip()
    assert gone.startswith(again)
    assert "Adam" not in edit.text

"""A model that is trained along and that no optimizer was given; and what only looks like one."""

import textwrap

import pytest

torch = pytest.importorskip("torch")

from nnlint.engine import check  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.registry import load  # noqa: E402
from nnlint.worker.job import run  # noqa: E402

HEAD = """
import copy
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
X, Y = torch.randn(40, 6), torch.arange(40) % 3
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 8)
    def forward(self, x):
        return self.b(F.relu(self.a(x)))
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 3)
    def forward(self, x):
        return self.out(F.relu(x))
"""

LOOP = """
for step in range(10):
    optimizer.zero_grad()
    loss = F.cross_entropy(head(encoder(X)), Y)
    loss.backward()
    optimizer.step()
"""
BOTH = "encoder, head = Encoder(), Head()\n"
HEAD_ONLY = "optimizer = torch.optim.SGD(head.parameters(), lr=0.1)\n"
ALL = ("encoder.a.weight", "encoder.a.bias", "encoder.b.weight", "encoder.b.bias")

FORGOTTEN = {
    "a loop": BOTH + HEAD_ONLY + LOOP,
    "a function": "def build(part):\n    return torch.optim.Adam(part.parameters(), 1e-3)\n"
    + BOTH + "optimizer = build(head)\n" + LOOP,
    "a class": BOTH + "class Trainer:\n    def __init__(self, *parts):\n"
    "        self.parts, self.opt = parts, torch.optim.SGD(parts[1].parameters(), lr=0.1)\n    def fit(self):\n"
    "        e, h = self.parts\n        for _ in range(5):\n            self.opt.zero_grad()\n"
    "            F.cross_entropy(h(e(X)), Y).backward()\n            self.opt.step()\nTrainer(encoder, head).fit()\n",
}  # fmt: skip

FINE = {
    "both held": BOTH + "optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)\n" + LOOP,
    "two optimizers": BOTH + HEAD_ONLY + "other = torch.optim.SGD(encoder.parameters(), lr=0.1)\n"
    + LOOP + "    other.step()\n    other.zero_grad()\n",
    "frozen": BOTH + HEAD_ONLY + "encoder.requires_grad_(False)\n" + LOOP,
    "no_grad": BOTH + HEAD_ONLY + LOOP.replace("head(encoder(X))", "head(feats)").replace(
        "    loss =", "    with torch.no_grad():\n        feats = encoder(X)\n    loss ="),
    "detached": BOTH + HEAD_ONLY + LOOP.replace("encoder(X)", "encoder(X).detach()"),
    "eval mode": BOTH + HEAD_ONLY + "encoder.eval()\n" + LOOP,
    "by hand": BOTH + HEAD_ONLY + LOOP + "    with torch.no_grad():\n        for p in encoder.parameters():\n"
    "            p -= 0.1 * p.grad\n            p.grad = None\n",
    "loaded": BOTH + "encoder.load_state_dict(Encoder().state_dict())\n" + HEAD_ONLY + LOOP,
    "teacher": "encoder, head = Encoder(), Head()\nteacher = copy.deepcopy(encoder).eval()\n"
    "optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)\n"
    + LOOP.replace("Y)\n", "Y) + F.mse_loss(encoder(X), teacher(X))\n", 1),
    "average": BOTH + "average = copy.deepcopy(encoder)\n"
    "optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)\n" + LOOP
    + "    with torch.no_grad():\n        for p, q in zip(average.parameters(), encoder.parameters()):\n"
    "            p.lerp_(q, 0.1)\n",
    "an input": BOTH + "encoder.eval()\nhead.eval()\nx = X.clone().requires_grad_()\n"
    "optimizer = torch.optim.SGD([x], lr=0.1)\n" + LOOP.replace("encoder(X)", "encoder(x)"),
    "two players": "gen, dis = nn.Linear(6, 6), nn.Linear(6, 1)\ng = torch.optim.Adam(gen.parameters(), 1e-3)\n"
    "d = torch.optim.Adam(dis.parameters(), 1e-3)\nfor _ in range(5):\n    d.zero_grad()\n"
    "    F.softplus(dis(gen(X).detach())).mean().backward()\n    d.step()\n    g.zero_grad()\n"
    "    F.softplus(-dis(gen(X))).mean().backward()\n    g.step()\n",
    "steps in turn": BOTH + HEAD_ONLY + "later = torch.optim.SGD(encoder.parameters(), lr=0.1)\n" + LOOP,
}  # fmt: skip


def unheld(tmp_path, body):
    path = tmp_path / "train.py"
    path.write_text(HEAD + textwrap.dedent(body))
    answer = run({"path": str(path), "root": str(tmp_path), "timeout": 60})
    return [Facts.model_validate(subject) for subject in answer["subjects"]]


def spoken(facts):
    rules = [rule for rule in load() if rule.name == "unoptimized-parameters"]
    return [finding for one in facts for finding in check(one, rules).findings]


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_forgotten_model_is_found(tmp_path, name):
    (finding,) = spoken(unheld(tmp_path, FORGOTTEN[name]))
    assert finding.level == "warning"
    assert finding.says == "no optimizer holds any parameter of `Encoder`"


@pytest.mark.parametrize("name", FINE)
def test_what_is_meant_to_stay_is_left_alone(tmp_path, name):
    assert spoken(unheld(tmp_path, FINE[name])) == []

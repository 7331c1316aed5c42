"""The recipe as the source shows it: what is written is read, what cannot be told stays unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnlint.facts import Recipe, Unknown
from nnlint.source import Outline, outline

HEAD = """\
import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.utils.data import DataLoader

class Net(nn.Module):
    def __init__(self, n=3):
        super().__init__()
        self.fc = nn.Linear(n, 2)

    def forward(self, x):
        return self.fc(x)

"""
MODEL = HEAD + "model = Net()\n"
STEPS = "opt.zero_grad(); loss.backward(); opt.step()\n"
UNKNOWN = "unknown"


def read(text: str) -> Outline:
    return outline(Path("train.py"), text)


def fact(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name)
    except Unknown:
        return UNKNOWN


def recipe(text: str) -> Recipe:
    return read(text).recipe


def loop(
    body: str, opt: str = "optim.SGD(model.parameters(), lr=0.1)", over: str = "DataLoader(ds, batch_size=4)"
) -> str:
    """Return a program whose loop holds `body`, which sets `loss`."""
    inner = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{MODEL}opt = {opt}\nfor epoch in range(3):\n    for x, y in {over}:\n{inner}        {STEPS}"


LOSSES = {
    "loss = nn.CrossEntropyLoss()(model(x), y)": ("cross_entropy", "CrossEntropyLoss", "mean", True),
    "loss = F.cross_entropy(model(x), y, reduction='sum')": ("cross_entropy", "F.cross_entropy", "sum", True),
    "loss = torch.nn.functional.mse_loss(input=model(x), target=y)": ("mse", "F.mse_loss", "mean", True),
    "out = model(x)\nloss = nn.BCELoss(reduction='none')(out, y).mean()": ("bce", "BCELoss", "none", True),
    "out = model(x)\nout = out.squeeze()\nloss = F.l1_loss(out, y)": ("l1", "F.l1_loss", "mean", False),
    "loss = F.nll_loss(torch.log(model(x)), y)": ("nll", "F.nll_loss", "mean", False),
    "a, b = model(x)\nloss = F.nll_loss(a, y)": ("nll", "F.nll_loss", "mean", False),
    "loss = F.huber_loss(model(x), y) / 4": ("huber", "F.huber_loss", "mean", True),
    "loss = 0.5 * F.smooth_l1_loss(model(x), y)": ("smooth_l1", "F.smooth_l1_loss", "mean", True),
    "loss = F.kl_div(model(x), y) + 1e-4 * sum(p.norm() for p in model.parameters())":
        ("kl_div", "F.kl_div", "mean", True),
    "loss = ((model(x) - y) ** 2).mean()": ("mse", "hand-written loss", UNKNOWN, False),
    "loss = (model(x) - y).pow(2).mean()": ("mse", "hand-written loss", UNKNOWN, False),
    "loss = torch.mean(torch.abs(model(x) - y))": ("l1", "hand-written loss", UNKNOWN, False),
    "loss = ((model(x) - y) ** 2).sum()": ("custom", "hand-written loss", UNKNOWN, False),
    "loss = -(model(x).log() * y).mean()": (UNKNOWN, "hand-written loss", UNKNOWN, False),
    "loss = -(model(x) * y).sum() / len(x)": (UNKNOWN, "hand-written loss", UNKNOWN, False),
    "loss = -torch.mean(y * model(x))": (UNKNOWN, "hand-written loss", UNKNOWN, False),
    "loss = (model(x) * y).mean()": ("custom", "hand-written loss", UNKNOWN, False),
    "loss = strange(model(x), y)": (UNKNOWN, "strange", UNKNOWN, False),
    "loss = model(x).loss": (UNKNOWN, "model(x).loss", UNKNOWN, False),
    "loss = torch.sqrt(F.mse_loss(model(x), y))": (UNKNOWN, "hand-written loss", UNKNOWN, False),
    "loss = 0\nfor t in range(3):\n    loss += F.mse_loss(model(x[t]), y[t])": ("mse", "F.mse_loss", "mean", True),
    "parts = []\nfor t in x:\n    parts.append(F.mse_loss(model(t), y))\nloss = torch.stack(parts).mean()":
        ("mse", "F.mse_loss", "mean", True),
    "if x.flag:\n    loss = F.mse_loss(model(x), y)\nelse:\n    loss = F.l1_loss(model(x), y)":
        (UNKNOWN, "F.mse_loss", UNKNOWN, False),
    "from functools import partial\nf = partial(F.mse_loss, reduction='sum')\nloss = f(model(x), y)":
        ("mse", "F.mse_loss", "sum", True),
}  # fmt: skip


@pytest.mark.parametrize("body", LOSSES)
def test_a_loss_in_many_spellings(body: str) -> None:
    found = read(loop(body))
    loss = found.recipe.loss
    told = (fact(loss, "kind"), loss.name, fact(loss, "reduction"), found.loss_reads_model_directly)
    assert told == LOSSES[body]


def test_spans_of_a_loss_are_exact() -> None:
    text = (
        MODEL
        + "crit = nn.MSELoss()\nopt = optim.SGD(model.parameters(), 1)\nfor x in d:\n"
        + "    é = 1; loss = crit(model(x), x)\n    "
        + STEPS
    )
    loss = recipe(text).loss
    assert loss.span is not None
    assert loss.call is not None
    lines = text.split("\n")
    assert lines[loss.span.line - 1][loss.span.column - 1 : loss.span.end_column - 1] == "nn.MSELoss()"  # type: ignore[operator]
    assert lines[loss.call.line - 1][loss.call.column - 1 : loss.call.end_column - 1] == "crit(model(x), x)"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        ("return F.mse_loss(a, b)", ("mse", "Own")),
        (
            "ce = F.cross_entropy(a, b, reduction='none')\n        return ((1 - torch.exp(-ce)) ** 2 * ce).mean()",
            ("custom", "Own"),
        ),
        ("return (a - b).abs().max()", ("custom", "Own")),
    ],
)
def test_a_loss_class_of_the_file(forward: str, expected: tuple[str, str]) -> None:
    own = f"class Own(nn.Module):\n    def forward(self, a, b):\n        {forward}\n"
    body = loop("loss = crit(model(x), y)").removeprefix(HEAD)
    loss = recipe(HEAD + own + "crit = Own()\n" + body).loss
    assert (fact(loss, "kind"), loss.name) == expected


def test_a_model_that_returns_its_loss_is_looked_into() -> None:
    text = """
import torch
from torch import nn
import torch.nn.functional as F
class GPT(nn.Module):
    def forward(self, x, y=None):
        logits = self.head(x)
        loss = None if y is None else F.cross_entropy(logits.view(-1, 4), y.view(-1))
        return logits, loss
def get_batch():
    ix = torch.randint(100, (12,))
    return data[ix], data[ix]
model = GPT()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(2000):
    x, y = get_batch()
    logits, loss = model(x, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
    found = recipe(text)
    assert found.loss.kind == "cross_entropy"
    assert (found.batch_size, found.shuffles, fact(found, "epochs"), found.updates) == (12, True, UNKNOWN, 2000)


def test_two_losses_are_kept_apart_and_one_used_twice_is_one() -> None:
    two = recipe(loop("a = F.mse_loss(model(x), y)\nb = F.l1_loss(model(x), y)\nloss = a + 0.1 * b"))
    assert [one.kind for one in two.losses] == ["mse", "l1"]
    same = recipe(HEAD + "c = nn.BCELoss()\n" + loop("loss = c(model(x), y) + c(model(y), x)").removeprefix(HEAD))
    assert [one.kind for one in same.losses] == ["bce"]


OPTIMIZERS: dict[str, tuple[Any, ...]] = {
    "optim.SGD(model.parameters())": ("SGD", 1e-3, 0.0, False, 0.0, ()),
    "optim.SGD(model.parameters(), 0.1, 0.9, 0, 1e-4, True)":
        ("SGD", 0.1, 0.9, True, 1e-4, ("lr", "momentum", "dampening", "weight_decay", "nesterov")),
    "torch.optim.Adam(params=model.parameters(), lr=1e-2 / 4)": ("Adam", 0.0025, UNKNOWN, UNKNOWN, 0.0, ("lr",)),
    "optim.AdamW(model.parameters())": ("AdamW", 1e-3, UNKNOWN, UNKNOWN, 1e-2, ()),
    "optim.RMSprop(model.parameters(), momentum=0.5)": ("RMSprop", 1e-2, 0.5, UNKNOWN, 0.0, ("momentum",)),
    "optim.NAdam(model.parameters())": ("NAdam", 2e-3, UNKNOWN, UNKNOWN, 0.0, ()),
    "optim.LBFGS(model.parameters())": ("LBFGS", 1.0, UNKNOWN, UNKNOWN, UNKNOWN, ()),
    "optim.SGD(model.parameters(), lr=lr)": ("SGD", UNKNOWN, 0.0, False, 0.0, ("lr",)),
    "optim.SGD(model.parameters(), **dict(lr=0.3))": ("SGD", 0.3, 0.0, False, 0.0, ("lr",)),
    "optim.SGD(model.parameters(), **load())": ("SGD", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    "optim.SGD([{'params': model.parameters(), 'lr': 1}], lr=2)": ("SGD", UNKNOWN, 0.0, False, 0.0, ("lr",)),
    "getattr(optim, 'Adamax')(model.parameters())": ("Adamax", 2e-3, UNKNOWN, UNKNOWN, 0.0, ()),
    "{'a': optim.SGD, 'b': optim.Adam}['b'](model.parameters(), 1)": ("Adam", 1.0, UNKNOWN, UNKNOWN, 0.0, ("lr",)),
}  # fmt: skip


@pytest.mark.parametrize("written", OPTIMIZERS)
def test_an_optimizer_in_many_spellings(written: str) -> None:
    (found,) = recipe(loop("loss = F.mse_loss(model(x), y)", written)).optimizers
    names = ("lr", "momentum", "nesterov", "weight_decay", "given")
    assert (found.kind, *(fact(found, n) for n in names)) == OPTIMIZERS[written]


def test_the_defaults_are_those_of_this_torch() -> None:
    import inspect

    import torch

    from nnlint.source.optimizers import TORCH

    for name, defaults in TORCH.items():
        if not hasattr(torch.optim, name):
            continue  # a class of a newer torch
        parameters = inspect.signature(getattr(torch.optim, name)).parameters
        assert list(parameters)[1 : 1 + len(defaults.order)] == list(defaults.order)
        for field in ("lr", "momentum", "nesterov", "weight_decay"):
            written = parameters[field].default if field in parameters else None
            assert getattr(defaults, field) == written, f"{name}.{field}"


VALUES = {
    "lr = 0.5": 0.5,
    "BASE = 2\nlr = BASE ** -2": 0.25,
    "cfg = {'lr': 3e-4, 'device': torch.device('cpu')}\nlr = cfg['lr']": 3e-4,
    "cfg = {'lr': 3e-4}\nlr = cfg.get('lr', 1)": 3e-4,
    "cfg = {'lr': 3e-4}\ncfg['lr'] = 1\nlr = cfg['lr']": UNKNOWN,
    "cfg = {'lr': 3e-4}\ncfg.update(load())\nlr = cfg['lr']": UNKNOWN,
    "class C:\n    lr = 0.25\nlr = C.lr": 0.25,
    "class C:\n    lr = 0.25\nlr = C().lr": 0.25,
    "class C:\n    lr = 0.25\nC.lr = 1\nlr = C.lr": UNKNOWN,
    "from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.5\n    n: int = 3\nlr = C(n=4).lr": 0.5,
    "from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.5\nlr = C(0.75).lr": 0.75,
    "from types import SimpleNamespace\nc = SimpleNamespace(lr=0.5)\nlr = c.lr": 0.5,
    "import os\nlr = float(os.environ.get('LR', '0.5'))": 0.5,
    "import os\nlr = float(os.environ['LR'])": UNKNOWN,
    "lr = 0.5\nlr = 0.25": 0.25,
    "lr = 0.5\nif load():\n    lr = 0.25": UNKNOWN,
    "lr = 0.5\nif False:\n    lr = 0.25": 0.5,
    "lr = 0.5 if torch.cuda.is_available() else 0.25": UNKNOWN,
    "a, lr = 1, 0.5": 0.5,
    "a, (lr, b) = load()": UNKNOWN,
    "import math\nlr = math.sqrt(4) * abs(-2)": 4.0,
    "lr = len([1, 2, 3])": 3.0,
    "def rate(n):\n    base = 0.1\n    return base * n\nlr = rate(5)": 0.5,
    "def rate(n):\n    if n:\n        return 1\n    return 2\nlr = rate(5)": UNKNOWN,
    "for lr in [0.1, 0.2]:\n    pass": UNKNOWN,
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', '-l', default='0.5', type=float)\n"
    "lr = p.parse_args().lr": 0.5,
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--learning-rate', default=0.5, dest='rate')\n"
    "a, _ = p.parse_known_args()\nlr = a.rate": 0.5,
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', default=0.5)\na = p.parse_args()\n"
    "a.lr = 3\nlr = a.lr": UNKNOWN,
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float, required=True)\n"
    "lr = p.parse_args().lr": UNKNOWN,
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('lr', type=float)\nlr = p.parse_args().lr": UNKNOWN,
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\n"
    "lr = p.parse_args().lr or 0.5": 0.5,
    "lr = lr": UNKNOWN,
    "lr = 10 ** 10 ** 10": UNKNOWN,
    "lr = 1 / 0": UNKNOWN,
    "lr = 'x' * 10 ** 9": UNKNOWN,
    "from settings import lr": UNKNOWN,
}


@pytest.mark.parametrize("setting", VALUES)
def test_values_are_followed_and_never_guessed(setting: str) -> None:
    text = loop("loss = F.mse_loss(model(x), y)", "optim.SGD(model.parameters(), lr=lr)").removeprefix(HEAD)
    (found,) = recipe(HEAD + setting + "\n" + text).optimizers
    assert fact(found, "lr") == VALUES[setting]


CALLS = {
    "main()": UNKNOWN,
    "main(0.5)": 0.5,
    "main(lr=0.5)": 0.5,
    "main(0.5)\nmain(0.25)": UNKNOWN,
    "main(0.5)\nmain(0.5)": 0.5,
    "main(*args)": UNKNOWN,
    "main(**args)": UNKNOWN,
    "main(**{'lr': 1})": UNKNOWN,
    "run(main)": UNKNOWN,
    "": UNKNOWN,
}


@pytest.mark.parametrize("call", CALLS)
def test_a_parameter_is_what_every_call_hands_over(call: str) -> None:
    body = loop("loss = F.mse_loss(model(x), y)", "optim.SGD(model.parameters(), lr=lr)").removeprefix(HEAD)
    text = HEAD + "def main(lr):\n" + "".join(f"    {line}\n" for line in body.split("\n")) + call + "\n"
    (found,) = recipe(text).optimizers
    assert fact(found, "lr") == CALLS[call]


def test_a_default_counts_where_a_call_leaves_it() -> None:
    body = loop("loss = F.mse_loss(model(x), y)", "optim.SGD(model.parameters(), lr=lr)").removeprefix(HEAD)
    inner = "".join(f"    {line}\n" for line in body.split("\n"))
    assert recipe(f"{HEAD}def main(lr=0.5):\n{inner}main()\n").optimizers[0].lr == 0.5
    click = f"{HEAD}import click\n@click.command()\n@click.option('--lr', default=0.25)\ndef main(lr):\n{inner}main()\n"
    assert recipe(click).optimizers[0].lr == 0.25
    typer = f"{HEAD}import typer\ndef main(lr: float = 0.75):\n{inner}typer.run(main)\n"
    assert recipe(typer).optimizers[0].lr == 0.75


CLEARS = {
    "opt.zero_grad()\nloss.backward()\nopt.step()": True,
    "loss.backward()\nopt.step()\nopt.zero_grad()": True,
    "model.zero_grad(set_to_none=True)\nloss.backward()\nopt.step()": True,
    "for p in model.parameters():\n    p.grad = None\nloss.backward()\nopt.step()": True,
    "loss.backward()\nopt.step()\nfor p in model.parameters():\n"
    "    if p.grad is not None:\n        p.grad.zero_()": True,
    "loss.backward()\nopt.step()": False,
    "loss.backward()\nprint(loss)\ntorch.nn.utils.clip_grad_norm_(model.parameters(), 1)\nopt.step()": False,
    "loss.backward()\nif i % 4 == 0:\n    opt.step()\n    opt.zero_grad()": True,
    "if i % 4 == 0:\n    opt.zero_grad()\nloss.backward()\nopt.step()": UNKNOWN,
    "if i % 4 == 0:\n    opt.zero_grad()\nelse:\n    model.zero_grad()\nloss.backward()\nopt.step()": True,
    "loss.backward()\nopt.step()\nclean(opt)": UNKNOWN,
    "prepare(model)\nloss.backward()\nopt.step()": UNKNOWN,
    "loss.backward()\nopt.step()\nreset()": True,
    "opt = optim.SGD(model.parameters(), lr=1)\nloss.backward()\nopt.step()": UNKNOWN,
    "scaler.scale(loss).backward()\nscaler.step(opt)\nscaler.update()\nopt.zero_grad()": True,
    "scaler.scale(loss).backward()\nscaler.step(opt)\nscaler.update()": False,
}


@pytest.mark.parametrize("body", CLEARS)
def test_whether_gradients_are_cleared(body: str) -> None:
    inner = "".join(f"        {line}\n" for line in ("loss = F.mse_loss(model(x), y)\n" + body).split("\n"))
    text = MODEL + "scaler = torch.cuda.amp.GradScaler()\nopt = optim.SGD(model.parameters(), lr=1)\n"
    text += (
        "def reset():\n    opt.zero_grad()\nfor epoch in range(3):\n    for i, (x, y) in enumerate(loader):\n" + inner
    )
    found = recipe(text).loop
    assert fact(found, "clears_gradients") == CLEARS[body]
    assert (found.optimizer_name, found.backward is not None, found.step is not None) == ("opt", True, True)


def test_clearing_once_an_epoch_does_not_clear_each_step() -> None:
    text = MODEL + "opt = optim.SGD(model.parameters(), lr=1)\nfor epoch in range(3):\n    opt.zero_grad()\n"
    text += "    for x, y in loader:\n        F.mse_loss(model(x), y).backward()\n        opt.step()\n"
    assert recipe(text).loop.clears_gradients is False


def test_an_optimizer_of_the_users_own_may_clear_by_itself() -> None:
    text = MODEL + "from mine import Opt\nopt = Opt(model.parameters())\nfor x, y in loader:\n"
    text += "    F.mse_loss(model(x), y).backward()\n    opt.step()\n"
    assert fact(recipe(text).loop, "clears_gradients") == UNKNOWN


@pytest.mark.parametrize(
    ("line", "clips"),
    [
        ("torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)", "norm"),
        ("nn.utils.clip_grad_value_(model.parameters(), 1.0)", "value"),
        ("for p in model.parameters(): p.grad.data.clamp_(-1, 1)", "value"),
        ("my_clip_grad(model)", UNKNOWN),
        ("pass", None),
    ],
)
def test_clipping(line: str, clips: str | None) -> None:
    text = MODEL + "opt = optim.SGD(model.parameters(), lr=1)\nfor x, y in loader:\n    opt.zero_grad()\n"
    text += f"    F.mse_loss(model(x), y).backward()\n    {line}\n    opt.step()\n"
    assert fact(recipe(text).loop, "clips") == clips


BATCHES = {
    "DataLoader(ds, batch_size=32, shuffle=True)": (32, True, 3),
    "DataLoader(ds, 32, True)": (32, True, 3),
    "DataLoader(ds)": (1, False, 3),
    "tqdm(DataLoader(ds, 8), desc='x')": (8, False, 3),
    "DataLoader(ds, 8, sampler=torch.utils.data.RandomSampler(ds))": (8, True, 3),
    "DataLoader(ds, 8, sampler=mine(ds))": (8, UNKNOWN, 3),
    "DataLoader(ds, batch_sampler=mine(ds))": (UNKNOWN, UNKNOWN, 3),
    "DataLoader(ds, batch_size=size(), shuffle=flag())": (UNKNOWN, UNKNOWN, 3),
    "DataLoader(ds, **{'batch_size': 5, 'shuffle': True})": (5, True, 3),
    "DataLoader(ds, **load())": (UNKNOWN, UNKNOWN, 3),
    "zip(DataLoader(ds, 6), other)": (6, False, 3),
    "data": (UNKNOWN, UNKNOWN, 3),
    "torch.randperm(100).split(7)": (7, UNKNOWN, 3),
}


@pytest.mark.parametrize("over", BATCHES)
def test_batches_of_the_loop_that_trains(over: str) -> None:
    text = MODEL + "test = DataLoader(ds, batch_size=1000)\nopt = optim.SGD(model.parameters(), lr=1)\n"
    text += loop("loss = F.mse_loss(model(x), y)", over=over).removeprefix(MODEL)
    text += "for x, y in test:\n    loss = F.mse_loss(model(x), y)\n"
    found = recipe(text)
    size, shuffles, epochs = BATCHES[over]
    if "randperm" in over:
        shuffles = True
    assert (fact(found, "batch_size"), fact(found, "shuffles"), fact(found, "epochs")) == (size, shuffles, epochs)


CUT = {
    "for i in range(0, 100, 10):\n    a = X[i:i + 10]": (10, False, 50),
    "for i in range(0, len(X), 10):\n    a = X[i:i + 10]": (10, False, UNKNOWN),
    "p = torch.randperm(100)\nfor i in range(0, 100, 30):\n    a = X[p[i:i + 30]]": (30, True, 20),
    "for i in range(0, 6, 32):\n    a = X[i:i + 32]": (6, False, 5),
    "for i in range(100 // 20):\n    a = X[i * 20:(i + 1) * 20]": (20, False, 25),
    "for i in range(10):\n    a = X[torch.randint(0, 50, (8,))]": (8, True, UNKNOWN),
    "for a, b in batches(X, 25):\n    pass": (25, True, UNKNOWN),
}


@pytest.mark.parametrize("cut", CUT)
def test_batches_cut_by_hand(cut: str) -> None:
    text = MODEL + "opt = optim.SGD(model.parameters(), lr=1)\n"
    if "batches" in cut:
        text += "def batches(X, n):\n    p = torch.randperm(len(X))\n    for i in range(0, len(X), n):\n"
        text += "        yield X[p[i:i + n]], 0\n"
    text += "for epoch in range(5):\n" + "".join(f"    {line}\n" for line in cut.split("\n"))
    text += "        loss = F.mse_loss(model(a), b)\n        " + STEPS
    found = recipe(text)
    assert (fact(found, "batch_size"), fact(found, "shuffles"), fact(found, "updates")) == CUT[cut] or (
        "randint" in cut and (found.batch_size, found.shuffles) == (8, True)
    )


def test_a_loop_over_the_whole_data_counts_epochs() -> None:
    text = MODEL + "X = torch.randn(7, 3)\nopt = optim.SGD(model.parameters(), lr=1)\nfor t in range(500):\n"
    text += "    loss = F.mse_loss(model(X), Y)\n    " + STEPS
    found = recipe(text)
    assert (found.batch_size, fact(found, "shuffles"), found.epochs, found.updates) == (7, UNKNOWN, 500, 500)


def test_folds_around_the_epochs_are_no_batches() -> None:
    text = MODEL + "X = torch.randn(7, 3)\nopt = optim.SGD(model.parameters(), lr=1)\nfor a, b in kf.split(X):\n"
    text += "    for t in range(50):\n        loss = F.mse_loss(model(X), Y)\n        " + STEPS
    assert recipe(text).epochs == 50


def test_a_trainer_class_is_followed_through_self_and_its_construction() -> None:
    text = (
        HEAD
        + """
class Trainer:
    def __init__(self, model, loader, lr=0.1, epochs=3):
        self.model, self.loader, self.epochs = model, loader, epochs
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.opt = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=0.9)

    def train_epoch(self):
        for x, y in self.loader:
            self.opt.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.opt.step()

    def fit(self):
        for e in range(self.epochs):
            self.train_epoch()

Trainer(Net(), DataLoader(ds, 32, True), lr=0.05).fit()
"""
    )
    found = read(text)
    (opt,) = found.recipe.optimizers
    assert (opt.lr, opt.momentum) == (0.05, 0.9)
    assert (found.recipe.batch_size, found.recipe.shuffles, found.recipe.epochs) == (32, True, 3)
    assert found.recipe.loop.optimizer_name == "self.opt"
    assert found.loss_reads_model_directly


def test_a_gan_has_two_optimizers() -> None:
    text = (
        HEAD
        + """
G, D = Net(), Net(2)
optG = optim.Adam(G.parameters(), lr=2e-4)
optD = optim.Adam(D.parameters(), lr=1e-4)
bce = nn.BCELoss()
for epoch in range(5):
    for data in DataLoader(ds, batch_size=128, shuffle=True):
        D.zero_grad()
        bce(D(data), one).backward()
        bce(D(G(noise).detach()), zero).backward()
        optD.step()
        G.zero_grad()
        bce(D(G(noise)), one).backward()
        optG.step()
"""
    )
    found = recipe(text)
    assert [(o.kind, o.lr) for o in found.optimizers] == [("Adam", 2e-4), ("Adam", 1e-4)]
    assert found.loss.kind == "bce"
    assert (found.epochs, found.batch_size, found.loop.clears_gradients) == (5, 128, True)


@pytest.mark.parametrize(
    ("test", "expected"),
    [("name == 'adam'", ["Adam"]), ("name == 'sgd'", ["SGD"]), ("load()", UNKNOWN)],
)
def test_branches_are_decided_by_what_is_known(test: str, expected: object) -> None:
    text = MODEL + f"name = 'adam'\nif {test}:\n    opt = optim.Adam(model.parameters())\n"
    text += (
        "else:\n    opt = optim.SGD(model.parameters())\nfor x in d:\n    loss = F.mse_loss(model(x), x)\n    " + STEPS
    )
    found = fact(recipe(text), "optimizers")
    assert (found if found == UNKNOWN else [o.kind for o in found]) == (["SGD"] if expected == ["SGD"] else expected)


def test_training_that_nothing_calls_is_set_aside_while_something_else_trains() -> None:
    dead = "def old():\n    o = optim.Adam(model.parameters(), lr=9)\n    for x in d:\n"
    dead += "        o.zero_grad()\n        F.l1_loss(model(x), x).backward()\n        o.step()\n"
    live = loop("loss = F.mse_loss(model(x), y)").removeprefix(MODEL)
    found = recipe(MODEL + dead + live)
    assert (found.loss.kind, [o.kind for o in found.optimizers]) == ("mse", ["SGD"])
    alone = recipe(MODEL + dead)
    assert (alone.loss.kind, [o.kind for o in alone.optimizers]) == ("l1", ["Adam"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("s = optim.lr_scheduler.StepLR(opt, 3)", "StepLR"),
        ("from torch.optim.lr_scheduler import OneCycleLR as O\ns = O(opt, 1)", "OneCycleLR"),
        ("s = optim.lr_scheduler.SequentialLR(opt, [optim.lr_scheduler.LinearLR(opt)], [1])", "SequentialLR"),
        ("for g in opt.param_groups:\n    g['lr'] = 0.1", UNKNOWN),
        ("scheduler = build(opt)", UNKNOWN),
        ("pass", None),
    ],
)
def test_schedulers(line: str, expected: object) -> None:
    assert fact(recipe(loop("loss = F.mse_loss(model(x), y)") + line + "\n"), "scheduler") == expected


def test_lightning() -> None:
    text = """
import torch, lightning as L
from torch import nn
import torch.nn.functional as F
class Lit(L.LightningModule):
    def __init__(self, lr=1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(2, 3)
    def forward(self, x):
        return self.net(x)
    def training_step(self, batch, i):
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        return {"loss": loss}
    def configure_optimizers(self):
        opt = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        return [opt], [torch.optim.lr_scheduler.StepLR(opt, 3)]
trainer = L.Trainer(max_epochs=7, gradient_clip_val=0.5)
trainer.fit(Lit(lr=0.01), torch.utils.data.DataLoader(ds, batch_size=32, shuffle=True))
"""
    found = read(text)
    told = found.recipe
    assert (told.loss.kind, told.optimizers[0].lr, told.scheduler) == ("cross_entropy", 0.01, "StepLR")
    assert (told.batch_size, told.shuffles, told.epochs) == (32, True, 7)
    assert (told.loop.clears_gradients, told.loop.clips) == (True, "norm")
    assert found.trains_at_import
    assert found.loss_reads_model_directly


def test_a_file_without_training_knows_nothing() -> None:
    found = recipe(HEAD)
    for name in ("losses", "optimizers", "scheduler", "batch_size", "epochs", "loop"):
        assert fact(found, name) == UNKNOWN


def test_every_example_is_read_in_full() -> None:
    for path in sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.py")):
        found = recipe(path.read_text(encoding="utf-8"))
        told = [fact(found, n) for n in ("losses", "optimizers", "batch_size", "epochs", "loop")]
        assert UNKNOWN not in told, path.name
        assert fact(found.loss, "kind") != UNKNOWN, path.name
        assert fact(found.optimizers[0], "lr") != UNKNOWN, path.name
        assert fact(found.loop, "clears_gradients") != UNKNOWN, path.name

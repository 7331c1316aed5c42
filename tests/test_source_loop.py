"""What the source says of the loop and what stands around it: order of calls, schedulers, scoring, kept weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnlint.facts import Recipe, Unknown
from nnlint.source import outline

HEAD = """\
import copy
import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.optim.lr_scheduler import StepLR, ReduceLROnPlateau, ExponentialLR, OneCycleLR, LambdaLR, LinearLR
from torch.optim.lr_scheduler import CosineAnnealingLR, SequentialLR
from torch.utils.data import DataLoader, TensorDataset
from sklearn.preprocessing import StandardScaler
from sklearn.model_selection import train_test_split
loader = DataLoader(TensorDataset(torch.randn(100, 3), torch.randn(100, 2)), batch_size=10, shuffle=True)
val_loader = DataLoader(TensorDataset(torch.randn(20, 3), torch.randn(20, 2)), batch_size=10)
model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2))
opt = optim.SGD(model.parameters(), lr=0.1)
"""
UNKNOWN = "unknown"
PLAIN = "opt.zero_grad()\nloss = F.mse_loss(model(x), y)\nloss.backward()\nopt.step()"


def recipe(text: str) -> Recipe:
    return outline(Path("train.py"), HEAD + text).recipe


def fact(holder: Any, name: str) -> Any:
    try:
        return getattr(holder, name)
    except Unknown:
        return UNKNOWN


def loop(body: str, before: str = "", after: str = "", per_epoch: str = "") -> str:
    inner = "".join(f"        {line}\n" for line in body.split("\n"))
    outer = "".join(f"    {line}\n" for line in per_epoch.split("\n") if line)
    return f"{before}\nfor epoch in range(7):\n    for x, y in loader:\n{inner}{outer}{after}\n"


ORDERS = {
    PLAIN: "zero_grad forward loss backward step",
    "loss = F.mse_loss(model(x), y)\nloss.backward()\nopt.zero_grad()\nopt.step()":
        "forward loss backward zero_grad step",
    "loss = F.mse_loss(model(x), y)\nloss.backward()\nopt.step()\n"
    "torch.nn.utils.clip_grad_norm_(model.parameters(), 1)\n"
    "model.zero_grad()": "forward loss backward step clip_norm zero_grad",
    "with torch.autocast('cpu'):\n    loss = F.mse_loss(model(x), y)\nopt.zero_grad()\nscaler.scale(loss).backward()\n"
    "scaler.unscale_(opt)\nnn.utils.clip_grad_value_(model.parameters(), 1)\nscaler.step(opt)\nscaler.update()":
        "forward loss zero_grad backward unscale clip_value step",
    "for p in model.parameters():\n    p.grad = None\n((model(x) - y) ** 2).mean().backward()\nopt.step()":
        "zero_grad forward loss backward step",
    "def closure():\n    opt.zero_grad()\n    loss = F.mse_loss(model(x), y)\n    loss.backward()\n    return loss\n"
    "opt.step(closure)": "zero_grad forward loss backward step",
}  # fmt: skip


@pytest.mark.parametrize("body", ORDERS)
def test_the_calls_of_a_turn_stand_in_the_order_in_which_they_run(body: str) -> None:
    found = recipe(loop(body)).loop
    assert " ".join(c.kind for c in found.calls) == ORDERS[body]


def test_a_turn_in_functions_and_methods_is_followed() -> None:
    text = """
class Trainer:
    def __init__(self, net):
        self.net, self.opt = net, optim.Adam(net.parameters())
    def update(self, loss):
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
    def fit(self):
        for x, y in loader:
            self.update(F.mse_loss(self.net(x), y))
Trainer(model).fit()
"""
    calls = recipe(text).loop.calls
    assert [(c.kind, c.on) for c in calls][-3:] == [
        ("zero_grad", "self.opt"),
        ("backward", "loss"),
        ("step", "self.opt"),
    ]


ACCUMULATION = {
    PLAIN: (1, False),
    "loss = F.mse_loss(model(x), y) / 4\nloss.backward()\nif (i + 1) % 4 == 0:\n    opt.step()\n    opt.zero_grad()":
        (4, True),
    "loss = F.mse_loss(model(x), y)\nloss.backward()\nif i % 8 == 0:\n    opt.step()\n    opt.zero_grad()": (8, False),
    "loss = F.mse_loss(model(x), y)\nloss /= 2\nloss.backward()\nif flag:\n    opt.step()": (UNKNOWN, True),
    "loss = F.mse_loss(model(x), y, reduction='sum') / x.size(0)\nloss.backward()\nopt.step()": (1, False),
}  # fmt: skip


@pytest.mark.parametrize("body", ACCUMULATION)
def test_batches_to_a_step(body: str) -> None:
    found = recipe(loop(body)).loop
    assert (fact(found, "accumulates"), fact(found, "divides")) == ACCUMULATION[body]


SUMS = {
    "total += loss": [False],
    "total += loss.item()": [True],
    "total = total + loss * len(x)": [False],
    "history.append(loss)": [False],
    "history.append(float(loss))": [True],
    "total += loss.detach()": [True],
    "total += x.size(0)": [],
    "print(loss)": [],
}


@pytest.mark.parametrize("line", SUMS)
def test_losses_that_are_kept(line: str) -> None:
    found = recipe(loop(f"{PLAIN}\n{line}", before="total = 0\nhistory = []")).loop
    assert [s.detached for s in found.sums] == SUMS[line]


def test_a_sum_that_is_differentiated_is_no_report() -> None:
    body = "opt.zero_grad()\nloss = 0\nfor t in x:\n    loss += F.mse_loss(model(t), y)\nloss.backward()\nopt.step()"
    assert recipe(loop(body)).loop.sums == ()


def test_an_optimizer_built_in_the_turn_and_forward_called_by_name() -> None:
    body = "opt = optim.Adam(model.parameters())\nloss = F.mse_loss(model.forward(x), y)\nloss.backward()\nopt.step()"
    found = recipe(loop(body)).loop
    assert found.optimizer_built is not None
    assert [s.line for s in found.forward_calls] == [HEAD.count("\n") + 5]
    assert recipe(loop(PLAIN)).loop.optimizer_built is None
    assert recipe(loop(PLAIN)).loop.forward_calls == ()


SCHEDULES = {
    ("StepLR(opt, 10, gamma=0.5)", "s.step()", ""): ("batch", False, False, {"step_size": 10, "gamma": 0.5}),
    ("StepLR(opt, step_size=3)", "", "s.step()"): ("epoch", False, False, {"step_size": 3}),
    ("ReduceLROnPlateau(opt, 'max')", "", "s.step(loss)"): ("epoch", True, False, {"mode": "max"}),
    ("ExponentialLR(opt, 0.9)", "", ""): ("never", UNKNOWN, UNKNOWN, {"gamma": 0.9}),
    ("ExponentialLR(opt, 0.9)", "", "print(s.get_last_lr())"): ("never", UNKNOWN, UNKNOWN, {"gamma": 0.9}),
    ("ExponentialLR(opt, 0.9)", "", "callback(s)"): (UNKNOWN, UNKNOWN, UNKNOWN, {"gamma": 0.9}),
    ("OneCycleLR(opt, 1.0, epochs=7, steps_per_epoch=len(loader))", "s.step()", ""):
        ("batch", False, False, {"max_lr": 1.0, "epochs": 7, "steps_per_epoch": 10}),
    ("LambdaLR(opt, lambda e: 1)", "", "if epoch > 3:\n        s.step()"): (UNKNOWN, False, False, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", SCHEDULES)
def test_schedulers(case: tuple[str, str, str]) -> None:
    built, per_batch, per_epoch = case
    (found,) = recipe(loop(f"{PLAIN}\n{per_batch or 'pass'}", before=f"s = {built}", per_epoch=per_epoch)).schedulers
    told = (fact(found, "stepped"), fact(found, "metric"), fact(found, "before_optimizer"), found.arguments)
    assert told == SCHEDULES[case]
    assert found.optimizer == "opt"


def test_a_scheduler_that_steps_ahead_of_the_optimizer() -> None:
    first = "s = StepLR(opt, 3)\nfor epoch in range(7):\n    s.step()\n    for x, y in loader:\n        "
    (found,) = recipe(first + PLAIN.replace("\n", "\n        ") + "\n").schedulers
    assert (found.stepped, found.before_optimizer) == ("epoch", True)


def test_the_parts_of_a_sequence_are_not_schedulers_of_their_own() -> None:
    before = "s = SequentialLR(opt, [LinearLR(opt), CosineAnnealingLR(opt, T_max=5)], milestones=[2])"
    (found,) = recipe(loop(PLAIN, before=before, per_epoch="s.step()")).schedulers
    assert (found.kind, [p.kind for p in found.parts]) == ("SequentialLR", ["LinearLR", "CosineAnnealingLR"])


SCORE = "for a, b in val_loader:\n        print((model(a).argmax(1) == b).sum())"
SCORING = {
    SCORE: (False, False, False, "accuracy"),
    f"model.eval()\n{SCORE}": (True, False, False, "accuracy"),
    "model.eval()\nwith torch.no_grad():\n    for a, b in val_loader:\n        F.mse_loss(model(a), b)\nmodel.train()":
        (True, True, True, "loss"),
    f"with torch.inference_mode():\n    {SCORE.replace(chr(10), chr(10) + '    ')}": (False, True, False, "accuracy"),
    f"model.train(False)\n{SCORE}": (True, False, False, "accuracy"),
}  # fmt: skip


@pytest.mark.parametrize("lines", SCORING)
def test_how_a_model_is_scored_between_epochs(lines: str) -> None:
    (found,) = recipe(loop(PLAIN, per_epoch=lines)).evaluations
    told = (fact(found, "eval_mode"), fact(found, "no_grad"), fact(found, "trains_again"), fact(found, "figure"))
    assert told == SCORING[lines]
    assert (found.place, found.data) == ("between", "validation")


def test_a_computed_mode_is_not_known() -> None:
    (found,) = recipe(loop(PLAIN, per_epoch=f"model.train(optimizer_given)\n{SCORE}")).evaluations
    with pytest.raises(Unknown):
        _ = found.eval_mode


def test_the_mode_is_followed_through_functions() -> None:
    text = """
def evaluate(net):
    net.eval()
    with torch.no_grad():
        for a, b in val_loader:
            print(net(a).argmax(1))
def epoch():
    model.train()
    for x, y in loader:
        opt.zero_grad()
        F.mse_loss(model(x), y).backward()
        opt.step()
for _ in range(5):
    epoch()
    evaluate(model)
print(model(torch.randn(1, 3)))
"""
    first, last = recipe(text).evaluations
    assert (first.eval_mode, first.no_grad, first.trains_again, first.place) == (True, True, True, "between")
    assert (last.eval_mode, last.no_grad, last.place) == (True, False, "after")


def test_a_teacher_is_not_scored() -> None:
    body = "with torch.no_grad():\n    t = teacher(x)\n" + PLAIN.replace("y)", "t)")
    assert recipe(loop(body, before="teacher = nn.Linear(3, 2).eval()")).evaluations == ()


KEEPING = {
    "best = acc\n        kept = model.state_dict()": "reference",
    "best = acc\n        kept = copy.deepcopy(model.state_dict())": "deepcopy",
    "best, kept = acc, {k: v.clone() for k, v in model.state_dict().items()}": "deepcopy",
    "best = acc\n        kept = {k: v.cpu() for k, v in model.state_dict().items()}": "reference",
    "best = acc\n        torch.save(model.state_dict(), 'best.pt')": "disk",
    "best = acc": "nothing",
}


@pytest.mark.parametrize("body", KEEPING)
def test_the_best_weights(body: str) -> None:
    found = recipe(loop(PLAIN, before="best = 0", per_epoch=f"if acc > best:\n        {body}")).best_weights
    assert found is not None
    assert found.how == KEEPING[body]


def test_nothing_is_kept_where_no_figure_is_compared() -> None:
    found = recipe(loop(PLAIN))
    assert (found.best_weights, found.early_stopping, found.seeded) == (None, None, False)
    assert recipe("torch.manual_seed(0)\n" + loop(PLAIN)).seeded is True


def test_an_early_stop_has_its_patience() -> None:
    found = recipe(loop(PLAIN, before="bad = 0", per_epoch="bad += 1\nif bad >= 5:\n    break")).early_stopping
    assert found is not None
    assert found.patience == 5


def test_checkpoints() -> None:
    after = (
        "torch.save({'m': model.state_dict(), 'o': opt.state_dict(), 'e': epoch}, 'a')\n"
        "model.load_state_dict(torch.load('a'), strict=False)\nmodel.apply(init_weights)\n"
    )
    found = recipe(loop(PLAIN, after=after))
    assert found.saved[0].holds == ("model", "optimizer", "epoch")
    (loaded,) = found.loaded
    assert (loaded.into, loaded.strict, loaded.initialised_after is not None) == ("model", False, True)


def test_loaders_have_roles_and_sizes() -> None:
    train, held = recipe(loop(PLAIN)).loaders
    assert (train.role, train.batch_size, train.shuffle, train.drop_last, train.sampler, train.samples) == (
        "train", 10, True, False, None, 100,
    )  # fmt: skip
    assert (held.role, held.shuffle, held.samples) == ("validation", False, 20)


def test_groups_of_parameters() -> None:
    text = (
        "opt = optim.SGD([{'params': model[0].parameters(), 'lr': 1e-3}, {'params': model[2].parameters()}], lr=0.1)\n"
    )
    (found,) = recipe(text + loop(PLAIN)).optimizers
    first, second = found.groups
    assert (first.lr, first.params, fact(second, "lr")) == (1e-3, "model[0].parameters()", UNKNOWN)


PREPARED = {
    "X = StandardScaler().fit_transform(raw)\nA, B = train_test_split(X)": True,
    "s = StandardScaler()\nX = torch.tensor(s.fit_transform(raw))\nA, B, c, d = train_test_split(X, y0)": True,
    "A, B = train_test_split(raw)\nA = StandardScaler().fit_transform(A)": False,
    "A, B = train_test_split(raw)\ns = StandardScaler().fit(A)\nB = s.transform(B)": False,
    "X = StandardScaler().fit_transform(raw)": UNKNOWN,
}


@pytest.mark.parametrize("lines", PREPARED)
def test_what_is_fitted_before_the_split(lines: str) -> None:
    (found,) = recipe(f"raw = torch.randn(100, 3)\ny0 = 1\n{lines}\n" + loop(PLAIN)).preparations
    assert (found.kind, fact(found, "before_split")) == ("scaler", PREPARED[lines])


UPDATES = {
    "DataLoader(TensorDataset(torch.zeros(101, 2)), batch_size=10)": 77,
    "DataLoader(TensorDataset(torch.zeros(101, 2)), batch_size=10, drop_last=True)": 70,
    "DataLoader(torch.utils.data.random_split(whole, [90, 10])[0], batch_size=10)": UNKNOWN,
    "DataLoader(train_part, batch_size=8)": 84,
    "DataLoader(Own(50), batch_size=8)": 49,
    "DataLoader(files, batch_size=8)": UNKNOWN,
    "DataLoader(TensorDataset(digits), batch_size=100)": 126,
}


@pytest.mark.parametrize("loaded", UPDATES)
def test_planned_updates(loaded: str) -> None:
    before = f"""
from sklearn.datasets import load_digits
digits = torch.tensor(load_digits().data / 16)
class Own(torch.utils.data.Dataset):
    def __init__(self, n):
        self.items = torch.zeros(n, 3)
    def __len__(self):
        return len(self.items)
train_part, rest = torch.utils.data.random_split(TensorDataset(torch.zeros(120, 2)), [0.8, 0.2])
loader = {loaded}
"""
    assert fact(recipe(before + loop(PLAIN)), "updates") == UPDATES[loaded]


def test_phases_of_one_optimizer_add_up() -> None:
    phase = "for epoch in range({}):\n    for x, y in loader:\n        " + PLAIN.replace("\n", "\n        ") + "\n"
    found = recipe(phase.format(2) + phase.format(5))
    assert (found.epochs, found.updates, found.batch_size) == (7, 70, 10)
    other = "opt = optim.SGD(model.parameters(), lr=0.01)\n"
    assert fact(recipe(phase.format(2) + other + phase.format(5)), "epochs") == UNKNOWN

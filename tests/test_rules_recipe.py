"""Rules on loops, schedules, scores and checkpoints: other spellings that they must catch, look-alikes to leave alone.

Programs are read, not run; the model, where a rule needs one, is a sketch.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path
from typing import Any

import pytest
from sketch import Sketch, labels

from nnlint.engine import check
from nnlint.facts import Call, Facts, Group, Loaded, Loop, Optimizer, Parameter, Span, Step, Subject
from nnlint.finding import Finding
from nnlint.registry import load
from nnlint.rule import Rule
from nnlint.source.discover import outline
from nnlint.source.rewrite import CannotApply, rewrite

HEAD = """
import copy
import torch
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

x, y = torch.randn(1000, 8), torch.randint(3, (1000,))
train_loader = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=20, shuffle=True)
val_loader = DataLoader(TensorDataset(x[800:], y[800:]), batch_size=100)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.001)
"""
TURN = """
optimizer.zero_grad()
loss = criterion(model(a), b)
loss.backward()
optimizer.step()
"""


def program(body: str) -> str:
    """Return a program: TURN stands for a training step, at the indentation at which it is named."""
    rows = []
    for row in textwrap.dedent(body).strip("\n").split("\n"):
        indent = row[: len(row) - len(row.lstrip())]
        rows += [indent + step for step in TURN.strip("\n").split("\n")] if row.strip() == "TURN" else [row]
    head = HEAD if "lr_scheduler." in body else HEAD.replace("from torch.optim import lr_scheduler\n", "")
    return head.lstrip("\n") + "\n" + "\n".join(rows) + "\n"


@functools.cache
def rules() -> dict[str, Rule]:
    return {rule.name: rule for rule in load()}


def facts_of(text: str, noisy: bool = False) -> Facts:
    recipe = outline(Path("/project/train.py"), text).recipe
    s = Sketch()
    h = s.linear(s.input(20, 8), 16)
    if noisy:
        h = s.op("dropout", s.norm(h), p=0.5, training=True)
    s.loss("cross_entropy", s.linear(h, 3))
    sketched = s.facts(target=labels(classes=3))
    subject = Subject(id="model", target="train.py:model", path="/project/train.py", status="traced")
    return Facts(subject=subject, model=sketched.model, recipe=recipe, data=sketched.data)


def said(text: str, rule: str, noisy: bool = False) -> list[Finding]:
    return list(check(facts_of(text, noisy), [rules()[rule]]).findings)


def fixed(text: str, finding: Finding) -> str:
    return rewrite(finding.fixes[0], {"/project/train.py": text}.__getitem__, facts_of(text))["/project/train.py"]


# -- what is to be caught: rule, program, and a line that the fix leaves (or None for no fix)

FAULTS: list[tuple[str, str, str | None]] = [
    ("scheduler-never-stepped", """
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """, "    scheduler.step()"),
    ("scheduler-never-stepped", """
        def train(net, opt):
            sched = lr_scheduler.OneCycleLR(opt, max_lr=0.1, total_steps=200)
            for epoch in range(5):
                for a, b in train_loader:
                    opt.zero_grad()
                    criterion(net(a), b).backward()
                    opt.step()

        train(model, optimizer)
    """, "            sched.step()"),
    ("scheduler-never-stepped", """
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """, None),
    ("plateau-without-metric", """
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            plateau.step()
    """, "    plateau.step(loss)"),
    ("plateau-without-metric", """
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min")
        for epoch in range(5):
            running = 0.0
            for a, b in train_loader:
                TURN
                running += loss.item()
            plateau.step()
    """, "    plateau.step(running)"),
    ("scheduler-before-optimizer", """
        scheduler = lr_scheduler.StepLR(optimizer, 3)
        for epoch in range(5):
            scheduler.step()
            for a, b in train_loader:
                TURN
    """, "    scheduler.step()"),
    ("scheduler-before-optimizer", """
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.999)
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                loss = criterion(model(a), b)
                loss.backward()
                scheduler.step()
                optimizer.step()
    """, "        scheduler.step()"),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
        for epoch in range(30):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """, "    scheduler.step()"),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.MultiStepLR(optimizer, milestones=[4, 8, 12, 16, 20])
        for epoch in range(30):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """, "    scheduler.step()"),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)
        for epoch in range(30):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """, "    scheduler.step()"),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, epochs=30, steps_per_epoch=40)
        for epoch in range(30):
            for a, b in train_loader:
                TURN
            scheduler.step()
    """, "        scheduler.step()"),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=30)
        for epoch in range(30):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """, "    scheduler.step()"),
    ("missing-eval-mode", """
        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                TURN
            right = 0
            with torch.no_grad():
                for a, b in val_loader:
                    right += (model(a).argmax(1) == b).sum().item()
            print(right / 200)
    """, "    model.eval()"),
    ("missing-eval-mode", """
        def accuracy(net):
            right = 0
            with torch.no_grad():
                for a, b in val_loader:
                    right += (net(a).argmax(1) == b).sum().item()
            return right / 200

        for epoch in range(5):
            for a, b in train_loader:
                TURN
        print(accuracy(model))
    """, "    net.eval()"),
    ("missing-eval-mode", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            model.eval()
            with torch.no_grad():
                correct = (model(x[800:]).argmax(1) == y[800:]).float().mean()
            print(correct.item())
    """, "    model.train()"),
    ("missing-no-grad", """
        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                TURN
            model.eval()
            total = 0.0
            for a, b in val_loader:
                total += criterion(model(a), b).item()
            print(total)
    """, "    with torch.no_grad():"),
    ("missing-no-grad", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
        model.eval()
        accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean()
        print(accuracy)
    """, "with torch.no_grad():"),
    ("missing-no-grad", """
        def evaluate(net):
            net.eval()
            right = 0
            for a, b in val_loader:
                right += (net(a).argmax(1) == b).sum().item()
            return right / 200

        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                TURN
            print(evaluate(model))
    """, "    with torch.no_grad():"),
    ("optimizer-recreated-each-step", """
        for epoch in range(5):
            for a, b in train_loader:
                optimizer = optim.Adam(model.parameters(), lr=0.01)
                TURN
    """, "optimizer = optim.Adam(model.parameters(), lr=0.01)"),
    ("optimizer-recreated-each-step", """
        def step(a, b):
            opt = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
            opt.zero_grad()
            criterion(model(a), b).backward()
            opt.step()

        for epoch in range(5):
            for a, b in train_loader:
                step(a, b)
    """, None),
    ("step-order", """
        for epoch in range(5):
            for a, b in train_loader:
                loss = criterion(model(a), b)
                loss.backward()
                optimizer.zero_grad()
                optimizer.step()
    """, "        optimizer.zero_grad()"),
    ("step-order", """
        for epoch in range(5):
            for a, b in train_loader:
                loss = criterion(model(a), b)
                loss.backward()
                model.zero_grad()
                optimizer.step()
    """, "        model.zero_grad()"),
    ("step-order", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    """, "        nn.utils.clip_grad_norm_(model.parameters(), 1.0)"),
    ("step-order", """
        scaler = torch.amp.GradScaler()
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                loss = criterion(model(a), b)
                scaler.scale(loss).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.unscale_(optimizer)
                scaler.step(optimizer)
                scaler.update()
    """, "        nn.utils.clip_grad_norm_(model.parameters(), 1.0)"),
    ("loss-tensor-kept", """
        for epoch in range(5):
            total = 0
            for a, b in train_loader:
                TURN
                total = total + loss
            print(total)
    """, "        total = total + loss.detach()"),
    ("loss-tensor-kept", """
        history = []
        for epoch in range(5):
            for a, b in train_loader:
                TURN
                history.append(loss)
    """, "        history.append(loss.detach())"),
    ("loss-tensor-kept", """
        for epoch in range(5):
            total = 0
            for a, b in train_loader:
                TURN
                total += loss * len(a)
            print(total)
    """, "        total += (loss * len(a)).detach()"),
    ("state-dict-by-reference", """
        best = 0.0
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            with torch.no_grad():
                accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean().item()
            if accuracy > best:
                best = accuracy
                best_weights = model.state_dict()
        model.load_state_dict(best_weights)
    """, "        best_weights = copy.deepcopy(model.state_dict())"),
    ("state-dict-by-reference", """
        best = 0.0
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            with torch.no_grad():
                accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean().item()
            if accuracy > best:
                best = accuracy
                best_weights = model.state_dict().copy()
        model.load_state_dict(best_weights)
    """, "        best_weights = copy.deepcopy(model.state_dict()).copy()"),
    ("accumulation-undivided", """
        for epoch in range(5):
            for i, (a, b) in enumerate(train_loader):
                loss = criterion(model(a), b)
                loss.backward()
                if (i + 1) % 8 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    """, "        (loss / 8).backward()"),
    ("accumulation-undivided", """
        ACCUMULATE = 4
        for epoch in range(5):
            for i, (a, b) in enumerate(train_loader):
                criterion(model(a), b).backward()
                if (i + 1) % ACCUMULATE == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    """, "        (criterion(model(a), b) / 4).backward()"),
    ("forward-called-directly", """
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                loss = criterion(model.forward(a), b)
                loss.backward()
                optimizer.step()
    """, "        loss = criterion(model(a), b)"),
    ("checkpoint-not-loaded", """
        def init(m):
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)

        model.load_state_dict(torch.load("pretrained.pt"))
        model.apply(init)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """, "model.apply(init)"),
    ("checkpoint-without-optimizer", """
        state = torch.load("last.pt")
        model.load_state_dict(state["model"])
        for epoch in range(state["epoch"], 5):
            for a, b in train_loader:
                TURN
            torch.save({"epoch": epoch, "model": model.state_dict()}, "last.pt")
    """, '    torch.save({"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, "last.pt")'),  # noqa: E501
    ("clip-by-value", """
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                criterion(model(a), b).backward()
                torch.nn.utils.clip_grad_value_(model.parameters(), clip_value=0.5)
                optimizer.step()
    """, "        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"),
    ("best-weights-not-kept", """
        for epoch in range(20):
            model.train()
            for a, b in train_loader:
                TURN
            model.eval()
            total = 0.0
            with torch.no_grad():
                for a, b in val_loader:
                    total += criterion(model(a), b).item()
            print(total)
    """, None),
    ("unseeded-run", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """, "torch.manual_seed(0)"),
    ("constant-learning-rate", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """, "scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.003, total_steps=200)"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "body", "line"), FAULTS, ids=[f"{rule}-{i}" for i, (rule, _, _) in enumerate(FAULTS)])
def test_is_caught(rule: str, body: str, line: str | None) -> None:
    text = program(body)
    (finding,) = said(text, rule, noisy=True)
    if line is None:
        with pytest.raises((IndexError, CannotApply)):
            fixed(text, finding)
        return
    after = fixed(text, finding)
    assert line in after.split("\n")
    assert not said(after, rule, noisy=True)


# -- what is to be left alone

SOUND: list[tuple[str, str]] = [
    ("scheduler-never-stepped", """
        warm = lr_scheduler.LinearLR(optimizer, 0.1)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, 4)
        scheduler = lr_scheduler.SequentialLR(optimizer, [warm, fall], milestones=[1])
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            scheduler.step()
    """),
    ("scheduler-never-stepped", """
        schedulers = [lr_scheduler.StepLR(optimizer, 2)]
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            for s in schedulers:
                s.step()
    """),
    ("scheduler-never-stepped", """
        from engine import fit
        scheduler = lr_scheduler.StepLR(optimizer, 2)
        fit(model, optimizer, scheduler)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """),
    ("plateau-without-metric", """
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            plateau.step(metrics=loss)
    """),
    ("plateau-without-metric", """
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
        steps = lr_scheduler.StepLR(optimizer, 3)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            plateau.step(loss.item())
            steps.step()
    """),
    ("scheduler-before-optimizer", """
        scheduler = lr_scheduler.StepLR(optimizer, 3)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """),
    ("scheduler-before-optimizer", """
        scheduler = lr_scheduler.StepLR(optimizer, 3)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            scheduler.step()
    """),
    ("scheduler-before-optimizer", """
        scheduler = lr_scheduler.StepLR(optimizer, 3)
        for epoch in range(5):
            if epoch > 0:
                scheduler.step()
            for a, b in train_loader:
                TURN
    """),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.StepLR(optimizer, step_size=10)
        for epoch in range(30):
            for a, b in train_loader:
                TURN
            scheduler.step()
    """),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
        for epoch in range(60):
            for a, b in train_loader:
                TURN
            scheduler.step()
    """),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, epochs=30, steps_per_epoch=len(train_loader))
        for epoch in range(30):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """),
    ("scheduler-unit-mismatch", """
        scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.999)
        for epoch in range(30):
            for a, b in train_loader:
                TURN
                scheduler.step()
    """),
    ("missing-eval-mode", """
        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                TURN
            model.eval()
            with torch.no_grad():
                print((model(x[800:]).argmax(1) == y[800:]).float().mean())
    """),
    ("missing-eval-mode", """
        def mode(net, training):
            net.train(training)

        for epoch in range(5):
            mode(model, True)
            for a, b in train_loader:
                TURN
            mode(model, False)
            with torch.no_grad():
                print((model(x[800:]).argmax(1) == y[800:]).float().mean())
    """),
    ("missing-eval-mode", """
        for epoch in range(5):
            right = 0
            for a, b in train_loader:
                optimizer.zero_grad()
                logits = model(a)
                loss = criterion(logits, b)
                loss.backward()
                optimizer.step()
                right += (logits.argmax(1) == b).sum().item()
            print(right / 800)
    """),
    ("missing-no-grad", """
        @torch.no_grad()
        def evaluate(net):
            net.eval()
            return (net(x[800:]).argmax(1) == y[800:]).float().mean()

        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                TURN
            print(evaluate(model))
    """),
    ("missing-no-grad", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
        model.eval()
        with torch.inference_mode():
            print((model(x[800:]).argmax(1) == y[800:]).float().mean())
    """),
    ("missing-no-grad", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
        model.eval()
        torch.set_grad_enabled(False)
        print((model(x[800:]).argmax(1) == y[800:]).float().mean())
    """),
    ("optimizer-recreated-each-step", """
        for rate in (0.1, 0.01):
            optimizer = optim.Adam(model.parameters(), lr=rate)
            for epoch in range(5):
                for a, b in train_loader:
                    TURN
    """),
    ("optimizer-recreated-each-step", """
        for epoch in range(5):
            for a, b in train_loader:
                optimizer = optim.SGD(model.parameters(), lr=0.01)
                TURN
    """),
    ("optimizer-recreated-each-step", """
        for step in range(500):
            if step == 100:
                optimizer = optim.Adam(model.parameters(), lr=0.0001)
            a, b = x[:800], y[:800]
            TURN
    """),
    ("step-order", """
        for epoch in range(5):
            for a, b in train_loader:
                loss = criterion(model(a), b)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
    """),
    ("step-order", """
        critic = nn.Linear(3, 1)
        other = optim.Adam(critic.parameters(), lr=0.001)
        for epoch in range(5):
            for a, b in train_loader:
                first = critic(model(a).detach()).mean()
                other.zero_grad()
                first.backward()
                other.step()
                second = critic(model(a)).mean()
                optimizer.zero_grad()
                second.backward()
                optimizer.step()
    """),
    ("step-order", """
        critic = nn.Linear(3, 1)
        other = optim.Adam(critic.parameters(), lr=0.001)
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                critic(model(a)).mean().backward()
                other.zero_grad()
                optimizer.step()
                critic(model(a).detach()).mean().backward()
                other.step()
    """),
    ("loss-tensor-kept", """
        for epoch in range(5):
            total = 0.0
            for a, b in train_loader:
                TURN
                total += loss.item() * len(a)
            print(total)
    """),
    ("loss-tensor-kept", """
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                loss = 0
                for part in model(a).split(10):
                    loss += criterion(part, b[: len(part)])
                loss.backward()
                optimizer.step()
    """),
    ("loss-tensor-kept", """
        history = []
        for epoch in range(5):
            for a, b in train_loader:
                TURN
                with torch.no_grad():
                    history.append(criterion(model(a), b))
    """),
    ("state-dict-by-reference", """
        best = 0.0
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            with torch.no_grad():
                accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean().item()
            if accuracy > best:
                best = accuracy
                weights = {k: v.clone() for k, v in model.state_dict().items()}
        model.load_state_dict(weights)
    """),
    ("state-dict-by-reference", """
        best = 0.0
        for epoch in range(5):
            for a, b in train_loader:
                TURN
            with torch.no_grad():
                accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean().item()
            if accuracy > best:
                best = accuracy
                torch.save(model.state_dict(), "best.pt")
    """),
    ("accumulation-undivided", """
        for epoch in range(5):
            for i, (a, b) in enumerate(train_loader):
                loss = criterion(model(a), b) / 8
                loss.backward()
                if (i + 1) % 8 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    """),
    ("accumulation-undivided", """
        for epoch in range(5):
            for a, b in train_loader:
                optimizer.zero_grad()
                criterion(model(a), b).backward()
                (0.1 * model(a).pow(2).mean()).backward()
                optimizer.step()
    """),
    ("accumulation-undivided", """
        criterion = nn.CrossEntropyLoss(reduction="sum")
        for epoch in range(5):
            for i, (a, b) in enumerate(train_loader):
                loss = criterion(model(a), b)
                loss.backward()
                if (i + 1) % 8 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    """),
    ("forward-called-directly", """
        class Net(nn.Linear):
            def forward(self, a):
                return super().forward(a).relu()

        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """),
    ("checkpoint-not-loaded", """
        def init(m):
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)

        model.apply(init)
        model.load_state_dict(torch.load("pretrained.pt"))
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """),
    ("checkpoint-not-loaded", """
        model.load_state_dict(torch.load("pretrained.pt"))
        model[2] = nn.Linear(16, 3)
        nn.init.zeros_(model[2].bias)
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """),
    ("checkpoint-without-optimizer", """
        model.load_state_dict(torch.load("pretrained.pt"))
        for epoch in range(5):
            for a, b in train_loader:
                TURN
        torch.save(model.state_dict(), "model.pt")
    """),
    ("clip-by-value", """
        for epoch in range(5):
            for a, b in train_loader:
                TURN
                for p in model.parameters():
                    p.data.clamp_(-0.01, 0.01)
    """),
    ("best-weights-not-kept", """
        best = 0.0
        for epoch in range(20):
            for a, b in train_loader:
                TURN
            with torch.no_grad():
                accuracy = (model(x[800:]).argmax(1) == y[800:]).float().mean().item()
            if accuracy > best:
                best = accuracy
                torch.save(model.state_dict(), "best.pt")
    """),
    ("unseeded-run", """
        torch.manual_seed(1)
        model = nn.Linear(8, 3)
        optimizer = optim.Adam(model.parameters())
        for epoch in range(5):
            for a, b in train_loader:
                TURN
    """),
    ("constant-learning-rate", """
        for epoch in range(5):
            for group in optimizer.param_groups:
                group["lr"] = 0.001 * 0.5**epoch
            for a, b in train_loader:
                TURN
    """),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "body"), SOUND, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(SOUND)])
def test_is_left_alone(rule: str, body: str) -> None:
    assert not said(program(body), rule, noisy=True)


# -- whole programs


WHOLE = {
    "policy gradient": """
        for episode in range(100):
            log_probs, rewards = [], []
            state = torch.randn(8)
            for t in range(50):
                spread = torch.distributions.Categorical(logits=model(state))
                action = spread.sample()
                log_probs.append(spread.log_prob(action))
                state, reward = torch.randn(8), 1.0
                rewards.append(reward)
            policy_loss = []
            for log_prob, reward in zip(log_probs, rewards):
                policy_loss.append(-log_prob * reward)
            optimizer.zero_grad()
            total = torch.stack(policy_loss).sum()
            total.backward()
            optimizer.step()
    """,
    "closure": """
        optimizer = optim.LBFGS(model.parameters(), lr=0.8)
        for step in range(15):
            def closure():
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                return loss
            optimizer.step(closure)
    """,
    "adversarial": """
        critic = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
        other = optim.Adam(critic.parameters(), lr=0.0002)
        bce = nn.BCEWithLogitsLoss()
        noise = torch.randn(64, 8)
        for epoch in range(5):
            for a, b in train_loader:
                critic.zero_grad()
                real = bce(critic(a[:, :3]), torch.ones(20, 1))
                real.backward()
                made = model(torch.randn(20, 8))
                fake = bce(critic(made.detach()), torch.zeros(20, 1))
                fake.backward()
                other.step()
                model.zero_grad()
                fooled = bce(critic(made), torch.ones(20, 1))
                fooled.backward()
                optimizer.step()
            with torch.no_grad():
                picture = model(noise).detach().cpu()
    """,
    "mixed precision": """
        scaler = torch.amp.GradScaler()
        scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
        for epoch in range(5):
            model.train()
            running = 0.0
            for a, b in train_loader:
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu"):
                    loss = criterion(model(a), b)
                scaler.scale(loss).backward()
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.step(optimizer)
                scaler.update()
                running += loss.item() * a.size(0)
            scheduler.step()
            model.eval()
            right = 0
            with torch.no_grad():
                for a, b in val_loader:
                    right += (model(a).argmax(1) == b).sum().item()
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "last.pt")
    """,
    "phases": """
        best_weights, best = copy.deepcopy(model.state_dict()), 0.0
        scheduler = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
        for epoch in range(5):
            for phase in ("train", "val"):
                if phase == "train":
                    model.train()
                else:
                    model.eval()
                right = 0
                for a, b in train_loader if phase == "train" else val_loader:
                    optimizer.zero_grad()
                    with torch.set_grad_enabled(phase == "train"):
                        out = model(a)
                        loss = criterion(out, b)
                        if phase == "train":
                            loss.backward()
                            optimizer.step()
                    right += torch.sum(out.argmax(1) == b.data)
                if phase == "train":
                    scheduler.step()
                if phase == "val" and right > best:
                    best, best_weights = right, copy.deepcopy(model.state_dict())
        model.load_state_dict(best_weights)
    """,
    "distillation": """
        teacher = nn.Linear(8, 3)
        teacher.load_state_dict(torch.load("teacher.pt"))
        teacher.eval()
        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                with torch.no_grad():
                    soft = teacher(a).softmax(1)
                optimizer.zero_grad()
                loss = nn.functional.kl_div(model(a).log_softmax(1), soft, reduction="batchmean")
                loss.backward()
                optimizer.step()
    """,
    "folds": """
        scores = []
        for fold in range(5):
            model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
            optimizer = optim.Adam(model.parameters(), lr=0.001)
            for epoch in range(4):
                model.train()
                for a, b in train_loader:
                    TURN
            model.eval()
            with torch.no_grad():
                scores.append((model(x[800:]).argmax(1) == y[800:]).float().mean())
    """,
    "perturbed inputs": """
        for epoch in range(5):
            model.train()
            for a, b in train_loader:
                TURN
        model.eval()
        right = 0
        for a, b in val_loader:
            a.requires_grad_(True)
            out = model(a)
            criterion(out, b).backward()
            moved = a + 0.1 * a.grad.sign()
            with torch.no_grad():
                right += (model(moved).argmax(1) == b).sum().item()
    """,
    "by hand": """
        def train():
            model.train()
            total_loss = 0.0
            for batch, (a, b) in enumerate(train_loader):
                model.zero_grad()
                loss = criterion(model(a), b)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
                for p in model.parameters():
                    p.data.add_(p.grad, alpha=-lr)
                total_loss += loss.item()

        def evaluate():
            model.eval()
            total_loss = 0.0
            with torch.no_grad():
                for a, b in val_loader:
                    total_loss += len(a) * criterion(model(a), b).item()
            return total_loss / 200

        lr, best = 20.0, None
        for epoch in range(6):
            train()
            val_loss = evaluate()
            if not best or val_loss < best:
                torch.save(model, "model.pt")
                best = val_loss
            else:
                lr /= 4.0
    """,
}
RECIPES = ({row[0] for row in FAULTS} | {row[0] for row in SOUND}) - {"unseeded-run", "constant-learning-rate"}


@pytest.mark.parametrize("name", WHOLE)
def test_a_program_as_people_write_it_is_left_alone(name: str) -> None:
    chosen = [rules()[rule] for rule in sorted(RECIPES)]
    found = check(facts_of(program(WHOLE[name]), noisy=True), chosen).findings
    assert not [(f.rule, f.says, f.span) for f in found if f.level in ("warning", "error")]


# -- rules that look at the model as well


def of_rule(facts: Facts, rule: str) -> list[Finding]:
    return list(check(facts, [rules()[rule]]).findings)


def net(norm: str | None = None) -> Sketch:
    s = Sketch()
    h = s.linear(s.input(20, 8), 16)
    if norm is not None:
        h = s.norm(h, norm)
        name = f"norm{h}"
        s.parameters += [
            Parameter(name=f"{name}.{role}", shape=(16,), dtype="float32", layer=name, role=role)
            for role in ("weight", "bias")
        ]
        s.nodes[h] = s.nodes[h].model_copy(update={"parameters": (f"{name}.weight", f"{name}.bias")})
    s.loss("cross_entropy", s.linear(s.op("relu", h), 3))
    return s


def optimizer_of(s: Sketch, kind: str = "AdamW", **more: Any) -> Optimizer:
    names = tuple(p.name for p in s.parameters)
    usual = {"lr": 0.001, "weight_decay": 0.05, "given": ("lr", "weight_decay"), "momentum": 0.9}
    usual["groups"] = (Group(params="model.parameters()", parameters=names),)
    return Optimizer(kind=kind, parameters=names, span=Span(path="train.py", line=5), **{**usual, **more})


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm", "group_norm", "rms_norm"])
def test_norms_that_decay(norm: str) -> None:
    s = net(norm)
    (finding,) = of_rule(s.facts(optimizers=(optimizer_of(s),)), "decayed-norms-and-biases")
    assert "0.05 acts on 4 norms and biases" in finding.says
    assert len(finding.fixes[0].verbs) == 2


def test_decay_that_nobody_chose_or_that_is_grouped_is_left_alone() -> None:
    s, two = net("batch_norm"), (Group(weight_decay=0.05), Group(weight_decay=0.0))
    for optimizer in (
        optimizer_of(s, given=("lr",)),
        optimizer_of(s, weight_decay=0.0),
        optimizer_of(s, groups=two),
    ):
        assert not of_rule(s.facts(optimizers=(optimizer,)), "decayed-norms-and-biases")
    plain = net()
    assert not of_rule(plain.facts(optimizers=(optimizer_of(plain),)), "decayed-norms-and-biases")


def halved(s: Sketch, dtype: str, **more: Any) -> Sketch:
    s.parameters = [p.model_copy(update={"dtype": dtype, **more}) for p in s.parameters]
    return s


@pytest.mark.parametrize(("dtype", "kind"), [("bfloat16", "SGD"), ("float16", "Adam"), ("bfloat16", "AdamW")])
def test_weights_in_half_precision(dtype: str, kind: str) -> None:
    s = halved(net(), dtype)
    (finding,) = of_rule(s.facts(optimizers=(optimizer_of(s, kind),)), "half-precision-weights")
    assert finding.says == f"`{kind}` steps 4 parameters in {dtype}"


def test_half_precision_that_may_stay() -> None:
    for s, kind in (
        (net(), "SGD"),
        (halved(net(), "bfloat16"), "AdamWBF16"),
        (halved(net(), "float16", trainable=False), "Adam"),
    ):
        assert not of_rule(s.facts(optimizers=(optimizer_of(s, kind),)), "half-precision-weights")


def recurrent(length: int = 30, **recipe: Any) -> Facts:
    s = Sketch()
    s.loss(
        "cross_entropy",
        s.linear(s.op("getitem", s.lstm(s.input(20, length, 8), 16, batch_first=True), shape=(20, 16)), 3),
    )
    return s.facts(**recipe)


def test_recurrent_layers_without_clipping() -> None:
    calls = (Call(kind="forward", on="model"), Call(kind="step", on="optimizer"))
    loop = Loop(clips=None, step=Span(path="train.py", line=9), calls=calls)
    (finding,) = of_rule(recurrent(loop=loop), "rnn-without-clipping")
    assert "30 steps in time" in finding.why
    assert finding.fixes
    (finding,) = of_rule(recurrent(), "rnn-without-clipping")
    assert not finding.fixes


def test_recurrent_layers_that_are_clipped_or_short_are_left_alone() -> None:
    for kind in ("norm", "value"):
        assert not of_rule(recurrent(loop=Loop(clips=kind)), "rnn-without-clipping")
    assert not of_rule(recurrent(length=4), "rnn-without-clipping")
    s = net()
    assert not of_rule(s.facts(), "rnn-without-clipping")


def test_each_group_has_a_rate_of_its_own() -> None:
    s = net()
    first, second = (
        Group(lr=0.001, span=Span(path="train.py", line=6)),
        Group(lr=0.5, span=Span(path="train.py", line=7)),
    )
    unknown = optimizer_of(s, "Adam", groups=(first, second)).hiding("lr")
    (finding,) = of_rule(s.facts(optimizers=(unknown,)), "learning-rate-out-of-range")
    assert finding.at == second.span
    sound = optimizer_of(s, "Adam", groups=(first, Group(lr=0.01)))
    assert not of_rule(s.facts(optimizers=(sound,)), "learning-rate-out-of-range")


def test_a_rate_that_is_too_low_stays_so_under_a_schedule_that_lowers_it() -> None:
    s = net()
    slow = optimizer_of(s, "Adam", lr=1e-9)
    for scheduler, count in (("CosineAnnealingLR", 1), ("LambdaLR", 0)):
        found = of_rule(s.facts(optimizers=(slow,), scheduler=scheduler), "learning-rate-out-of-range")
        assert len(found) == count


BINARY = """
import torch
from torch import nn
x, y = torch.randn(1000, 8), torch.randint(2, (1000, 1)).float()
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for step in range(100):
    optimizer.zero_grad()
    criterion(model(x), y).backward()
    optimizer.step()
out = model(x)
"""


def binary(line: str, kind: str = "bce_with_logits", tail: str | None = None) -> list[Finding]:
    text = BINARY.lstrip("\n") + line + "\n"
    s = Sketch()
    h = s.linear(s.input(20, 8), 1)
    h = h if tail is None else s.op(tail, h)
    s.returns(h)
    loss = s.loss(kind, s.outside("squeeze", h, shape=(20,)))
    recipe = outline(Path("/project/train.py"), text).recipe
    values = {name: getattr(recipe, name) for name in ("thresholds", "loop")}
    return of_rule(s.facts(losses=(loss,), **values), "logits-thresholded-at-half")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("guess = out > 0.5", "guess = out > 0"),
        ("guess = (model(x).squeeze(1) >= 0.5).float()", "guess = (model(x).squeeze(1) >= 0).float()"),
        ("guess = torch.round(out)", "guess = (out > 0).float()"),
        ("guess = out.detach().round()", "guess = (out.detach() > 0).float()"),
    ],
)
def test_logits_under_a_threshold_for_probabilities(line: str, after: str) -> None:
    (finding,) = binary(line)
    text = BINARY.lstrip("\n") + line + "\n"
    changed = rewrite(finding.fixes[0], {"/project/train.py": text}.__getitem__)["/project/train.py"]
    assert changed.split("\n")[-2] == after


@pytest.mark.parametrize(
    ("line", "kind", "tail"),
    [
        ("guess = torch.sigmoid(out) > 0.5", "bce_with_logits", None),
        ("guess = out.sigmoid().round()", "bce_with_logits", None),
        ("guess = out > 0", "bce_with_logits", None),
        ("guess = x > 0.5", "bce_with_logits", None),
        ("guess = out > 0.5", "bce", "sigmoid"),
        ("guess = out.round()", "mse", None),
        ("probability = torch.sigmoid(out)\nguess = probability > 0.5", "bce_with_logits", None),
    ],
)
def test_thresholds_that_fit(line: str, kind: str, tail: str | None) -> None:
    assert not binary(line, kind, tail)


def averaged(line: str, norm: str | None = "batch_norm") -> list[Finding]:
    loop = (
        "for epoch in range(5):\n    for a, b in train_loader:\n        TURN\n        averaged.update_parameters(model)"
    )
    facts = facts_of(program(f"averaged = torch.optim.swa_utils.AveragedModel({line}\n{loop}"))
    return of_rule(facts.model_copy(update={"model": net(norm).facts().model}), "swa-without-bn-update")


def test_averages_without_statistics_of_their_own() -> None:
    for line in ("model)", "model, avg_fn=mean)", "model, use_buffers=False)"):
        (finding,) = averaged(line)
        assert finding.fixes


def test_averages_whose_norms_are_right() -> None:
    assert not averaged("model, use_buffers=True)")
    assert not averaged("model)", norm="layer_norm")
    assert not averaged("model)\ntorch.optim.swa_utils.update_bn(train_loader, averaged)")


def loaded(missing: tuple[str, ...], unexpected: tuple[str, ...]) -> list[Finding]:
    s = net()
    one = Loaded(into="model", strict=False, initialised_after=None, missing_keys=missing, unexpected_keys=unexpected)
    return of_rule(s.facts(loaded=(one,)), "checkpoint-not-loaded")


def test_a_checkpoint_of_which_no_key_fits() -> None:
    names = tuple(p.name for p in net().parameters)
    (finding,) = loaded(names, tuple(f"module.{name}" for name in names))
    assert "`module.`" in finding.help
    (finding,) = loaded(names, ("encoder.weight", "encoder.bias"))
    assert "strict=True" in finding.help


def test_a_checkpoint_of_which_some_keys_fit() -> None:
    names = tuple(p.name for p in net().parameters)
    assert not loaded(names[2:], ("head.weight", "head.bias"))
    assert not loaded((), ("head.weight",))
    assert not loaded(names[:1], ())


def test_gradients_that_explode_make_it_a_warning() -> None:
    def steps(*norms: float) -> Loop:
        return Loop(clips=None, steps=tuple(Step(gradient=norm, finite=norm < 1e30) for norm in norms))

    for loop, level in (
        (steps(1.0, 2.0), "advice"),
        (steps(1.0, 300.0), "warning"),
        (steps(1.0, 1e31), "warning"),
    ):
        (finding,) = of_rule(recurrent(loop=loop), "rnn-without-clipping")
        assert finding.level == level

"""Rules on loops, schedules, scores and checkpoints: other spellings that they must catch, look-alikes to leave alone.

Programs are read, not run; the model, where a rule needs one, is a sketch.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path

import pytest
from sketch import Sketch, labels

from nnlint.engine import check
from nnlint.facts import Facts, Subject
from nnlint.finding import Finding
from nnlint.registry import load
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
def rules():
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
    """, None),
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

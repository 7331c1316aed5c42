"""Tracing, guessing an input and probing leave the model and all global state as they were, bit for bit."""

from __future__ import annotations

import random
import sys

import pytest
import torch
from torch import nn
from tracer_models import MODELS

from nnlint.worker.describe import describe
from nnlint.worker.tiers import TIERS, run_tier


def photograph(model: nn.Module) -> dict[str, object]:
    """Everything that a user could find changed."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "identities": {name: (id(t), t._version) for name, t in tensors.items()},
        "values": {name: t.detach().clone() for name, t in tensors.items() if not nn.parameter.is_lazy(t)},
        "grads": {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()},
        "required": {name: p.requires_grad for name, p in model.named_parameters()},
        "training": {name: m.training for name, m in model.named_modules()},
        "classes": {name: type(m) for name, m in model.named_modules()},
        "attributes": {
            name: {k: (id(v), repr(v) if isinstance(v, (list, set)) else None) for k, v in m.__dict__.items()}
            for name, m in model.named_modules()
        },
        "order": {name: list(m.__dict__) for name, m in model.named_modules()},
        "hooks": {
            name: (list(m._forward_hooks), list(m._forward_pre_hooks), list(m._backward_hooks))
            for name, m in model.named_modules()
        },
        "python": random.getstate(),
        "numpy": str(numpy.random.get_state()[1:]) if (numpy := sys.modules.get("numpy")) else None,
        "torch": torch.random.get_rng_state(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad mode": torch.is_grad_enabled(),
        "call": nn.Module.__call__,
        "init": nn.Module.__init__,
    }


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return one == other


def assert_same(before: dict[str, object], after: dict[str, object]) -> None:
    for part in before:
        assert same(before[part], after[part]), f"{part} changed"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_changes_nothing(name: str, tier: str) -> None:
    model, args = MODELS[name]()
    before = photograph(model)
    run_tier(model, args, {}, tier)
    assert_same(before, photograph(model))


@pytest.mark.parametrize("name", MODELS)
def test_describing_changes_nothing(name: str) -> None:
    model, _ = MODELS[name]()
    before = photograph(model)
    found = describe(model, target="m", path=None)
    assert found["subject"]["status"] == "traced", found["subject"]
    assert_same(before, photograph(model))


def test_the_probe_undoes_what_a_careless_forward_does() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.norm, self.drop = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout()
            self.norm.weight.grad = torch.ones(4)
            self.fc.weight.requires_grad_(False)
            self.seen = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen += 1
            random.random()
            self.norm.eval()
            out: torch.Tensor = self.norm(self.drop(self.fc(x))) + torch.rand(4)
            return out

    model = Counting().train()
    x = torch.randn(8, 4, requires_grad=True)
    before = photograph(model)
    found = describe(model, target="m", path=None, inputs=(x,))
    assert isinstance(found["probe"]["signals"], list)
    assert found["probe"]["mixes"] is None
    assert_same(before, photograph(model))
    assert x.grad is None


class Careless(nn.Module):
    """Writes into everything that a forward can reach."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.seen: list[torch.Tensor] = []
        self.cache = {"deep": {"last": None}}
        self.table = nn.Embedding(10, 4, max_norm=0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls = getattr(self, "calls", 0) + 1
        self.seen.append(x)
        self.cache["deep"]["last"] = x
        self.train(not self.training)
        self.fc.weight.mul_(2)
        self.fc.weight.grad = torch.ones_like(self.fc.weight)
        self.norm.running_mean.add_(1)
        random.random()
        torch.set_default_dtype(torch.float64)
        return self.norm(self.fc(x) + torch.rand(4, dtype=x.dtype)) + self.table(torch.arange(4, device=x.device)).sum()


@pytest.mark.parametrize("tier", TIERS)
def test_a_careless_forward_is_undone(tier: str) -> None:
    model = Careless()
    x = torch.randn(3, 4)
    before = photograph(model)
    run_tier(model, (x,), {}, tier)
    assert_same(before, photograph(model))


def test_a_lazy_model_stays_lazy() -> None:
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
    x = torch.randn(2, 3, 8, 8)
    before = photograph(model)
    attempt = run_tier(model, (x,), {}, "meta")
    assert attempt.complete, attempt.error
    assert [n["gives"][0]["shape"] for n in attempt.nodes][-1] == [2, 10]
    assert_same(before, photograph(model))
    assert type(model[0]) is nn.LazyConv2d

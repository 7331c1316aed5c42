"""What the questions to a forward pass cost: fewer and smaller samples where they are dear, a stop at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_tracer_dependence import MIXED, OWN, Calling
from torch import nn

from nnlint.worker import budget, dependence, probe
from nnlint.worker.describe import describe
from nnlint.worker.inputs import Inputs


@pytest.fixture
def heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every model as one that takes long."""
    monkeypatch.setattr(budget, "_HEAVY", -1.0)


def probed(model: nn.Module, *shape: int) -> dict[str, object]:
    torch.manual_seed(0)
    found: dict[str, object] = describe(model, target="m", path=None, inputs=(torch.randn(*shape),))["probe"]
    return found


@pytest.mark.parametrize(("model", "shape"), [m[1:3] for m in MIXED], ids=[m[0] for m in MIXED])
def test_fewer_samples_show_the_same_dependence(heavy: None, model: nn.Module, shape: tuple[int, ...]) -> None:
    mixes = probed(model, *shape)["mixes"]
    assert isinstance(mixes, dict)
    assert mixes["samples"] in (4, 5)
    assert mixes["node"] is not None


@pytest.mark.parametrize(("model", "shape"), [m[1:] for m in OWN], ids=[m[0] for m in OWN])
def test_fewer_samples_accuse_nobody(heavy: None, model: nn.Module, shape: tuple[int, ...]) -> None:
    assert probed(model, *shape)["mixes"] is None


SEEN: list[tuple[int, ...]] = []


class Noted(Calling):
    """Keeps the shapes of what it is run on in evaluation mode."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training and x.device.type != "meta":
            SEEN.append(tuple(x.shape[2:]))
        return super().forward(x)


def test_large_pictures_are_halved_where_that_will_do(heavy: None) -> None:
    SEEN.clear()
    found = probed(Noted(nn.Conv2d(1, 8, 3), lambda m, x: m(x).mean((2, 3))), 8, 1, 130, 128)
    assert found["mixes"] is None
    assert found["unreached"] == []
    assert set(SEEN) == {(65, 64)}


def test_what_halved_pictures_show_is_asked_of_whole_ones(heavy: None) -> None:
    SEEN.clear()
    mixing = Noted(nn.Conv2d(1, 8, 3), lambda m, x: m(x).transpose(0, 1).reshape(len(x), -1))
    assert isinstance(probed(mixing, 8, 1, 130, 128)["mixes"], dict)
    assert SEEN[0] == (65, 64)
    assert SEEN[-1] == (130, 128)
    SEEN.clear()
    fixed = Noted(nn.Conv2d(1, 2, 3), lambda m, x: m(x).reshape(len(x), 2, 128 * 126).mean(2))
    assert probed(fixed, 8, 1, 130, 128)["mixes"] is None
    assert set(SEEN) == {(65, 64), (130, 128)}


WAYS: dict[str, Callable[[int, int], set[int]]] = {
    "the one before": lambda i, n: {(i - 1) % n},
    "the one behind": lambda i, n: {(i + 1) % n},
    "the first": lambda i, n: {0},
    "the last": lambda i, n: {n - 1},
    "all": lambda i, n: set(range(n)),
    "all before": lambda i, n: set(range(i)),
    "all behind": lambda i, n: set(range(i + 1, n)),
    "its counterpart from the end": lambda i, n: {n - 1 - i},
    "its partner of two": lambda i, n: {i ^ 1} & set(range(n)),
    "its counterpart in the other half": lambda i, n: {(i + n // 2) % n} if n % 2 == 0 else {0},
    "the second before": lambda i, n: {(i - 2) % n},
}


@pytest.mark.parametrize("way", WAYS)
def test_samples_changed_together_tell_of_every_usual_way_to_mix(way: str) -> None:
    for n in range(4, 40):
        changed = set(dependence._together(n))
        assert changed < set(range(n))
        assert any(WAYS[way](i, n) & changed for i in set(range(n)) - changed), n


def test_without_time_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 3))
    monkeypatch.setattr(probe, "Budget", lambda load: budget.Budget(load, seconds=0.0))
    found = probed(model, 8, 5)
    for key in ("signals", "prediction", "mixes", "constant", "unreached", "unmoved"):
        assert found[key] == {"unknown": budget.SPENT}
    again = probe.probe_samples(model, Inputs((torch.randn(8, 5),)), [])
    assert again["mixes"] == {"unknown": budget.SPENT}


def test_the_forward_is_left_in_the_middle_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    class Slow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(40):
                if x.device.type != "meta":
                    calls.append(sum(range(20_000)))
                x = self.fc(x).tanh()
            return x

    monkeypatch.setattr(probe, "Budget", lambda load: budget.Budget(load, seconds=0.005))
    found = probed(Slow(), 8, 5)
    assert found["signals"] == {"unknown": budget.SPENT}
    assert 0 < len(calls) < 2 * 40


def test_a_parameter_whose_gradient_is_sparse_is_reached() -> None:
    model = Calling(nn.Embedding(10, 4, sparse=True), lambda m, x: m(x).sum(1))
    found = describe(model, target="m", path=None, inputs=(torch.arange(8).reshape(4, 2),))["probe"]
    assert found["unreached"] == found["unmoved"] == []


def test_how_many_samples_are_run_follows_from_the_shapes() -> None:
    model = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Flatten(), nn.Linear(64 * 32 * 32, 10))
    found = describe(model, target="m", path=None, inputs=(torch.zeros(2, 3, 32, 32),), probe=False)
    load = budget.Load(model, found["model"]["graph"]["nodes"], 2)
    assert load.work == 64 * 32 * 32 * 27 + 64 * 32 * 32 * 10
    assert load.entries == 3 * 32 * 32 + 2 * 64 * 32 * 32 + 10
    assert not load.heavy
    assert load.samples(64, 2) == 64
    load.work = 4e9
    assert load.heavy
    assert load.samples(64, 1) == 2
    assert load.samples(64, 8) == 8

"""What other threads do while a model is traced is neither recorded nor disturbed; doubles keep their values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from nnlint.worker.describe import describe
from nnlint.worker.recorder import Recorder
from nnlint.worker.sites import ConstructionSites, site
from nnlint.worker.tiers import TIERS, run_tier


class Waiting(nn.Module):
    """In the middle of its forward, waits until the other thread has been at work."""

    def __init__(self, begun: threading.Event, done: threading.Event) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.begun, self.done = [begun], [done]  # lists: an event cannot be looked into

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.fc(x)
        self.begun[0].set()
        assert self.done[0].wait(20)
        return torch.relu(x)


class Other(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(2, 3, 2), nn.BatchNorm1d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.norm(self.conv(x)))


@contextmanager
def at_work(begun: threading.Event, done: threading.Event) -> Iterator[list[object]]:
    """Train another model, and build one, on another thread between the two events."""
    found: list[object] = []

    def work() -> None:
        try:
            assert begun.wait(20)
            model = Other()
            out = model(torch.ones(5, 2, 7))
            out.sum().backward()
            traced = run_tier(model, (torch.ones(5, 2, 7),), {}, "meta")
            found.extend([out, model, [n["op"] for n in traced.nodes]])
        except BaseException as error:
            found.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield found
    finally:
        begun.set()
        thread.join()


def test_another_thread_is_neither_recorded_nor_broken() -> None:
    call, init = nn.Module.__call__, nn.Module.__init__
    for tier in TIERS:
        begun, done = threading.Event(), threading.Event()
        model = Waiting(begun, done)
        with at_work(begun, done) as found:
            attempt = run_tier(model, (torch.ones(2, 4),), {}, tier)
        assert attempt.complete, attempt.error
        assert [n["op"] for n in attempt.nodes] == ["input", "linear", "relu"]
        assert len(found) == 3, found
        out, other, ops = found
        assert isinstance(out, torch.Tensor)
        assert isinstance(other, Other)
        assert out.device.type == "cpu"
        assert out.shape == (5, 3, 6)
        assert all(p.device.type == "cpu" and p.grad is not None for p in other.parameters())
        assert not torch.equal(other.norm.running_mean, torch.zeros(3))
        assert ops == ["input", "conv1d", "batch_norm", "sigmoid"]
    assert (nn.Module.__call__, nn.Module.__init__) == (call, init)


def test_a_run_that_is_watched_leaves_other_threads_alone() -> None:
    begun, done = threading.Event(), threading.Event()
    model = Waiting(begun, done)
    recorder = Recorder()
    recorder.adopt(model)
    with at_work(begun, done) as found, recorder:
        model(torch.ones(2, 4))
    assert [n["op"] for n in recorder.nodes] == ["input", "linear", "relu"]
    assert len(found) == 3, found


def test_sites_of_two_threads_do_not_mix() -> None:
    with ConstructionSites():
        built: list[nn.Module] = []
        thread = threading.Thread(target=lambda: built.append(nn.Linear(2, 3)))
        thread.start()
        mine = nn.Linear(4, 5)
        thread.join()
    lines = [(site(module) or {})["line"] for module in (built[0], mine)]
    assert lines[0] != lines[1]


def test_doubles_keep_their_values() -> None:
    model = nn.Linear(4, 4).double()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    describe(model, target="x", path=None, inputs=(torch.ones(2, 4, dtype=torch.float64),))
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())

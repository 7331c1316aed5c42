"""A training that is observed ends with the parameters of one that nobody observes, bit for bit."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from nnlint.worker.devices import OnCpu  # noqa: E402
from nnlint.worker.observe import Observer  # noqa: E402


def trained():
    torch.manual_seed(0)
    x, y = torch.randn(60, 6), torch.randint(0, 3, (60,))
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for inputs, targets in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.state_dict(), torch.get_rng_state()


def test_parameters_buffers_and_random_state_are_the_same():
    alone, state_alone = trained()
    cpu = OnCpu()
    with cpu, Observer(10**9, cpu.watch) as observer:
        seen, state_seen = trained()
    assert observer.loop.steps == 8
    assert observer.first is not None
    assert all(torch.equal(alone[name], seen[name]) for name in alone)
    assert torch.equal(state_alone, state_seen)

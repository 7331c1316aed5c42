"""Whether a sample's output comes from that sample alone, shown on models where the answer is known."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nnlint.facts import Facts
from nnlint.facts.probe import Probe
from nnlint.worker.describe import describe
from nnlint.worker.job import run


class Calling(nn.Module):
    """A layer and a function around it."""

    def __init__(self, layer: nn.Module, call: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self.layer, x)


def facts(model: nn.Module, *shape: int) -> Facts:
    torch.manual_seed(0)
    return Facts.model_validate(describe(model, target="m", path=None, inputs=(torch.randn(*shape),)))


def probed(model: nn.Module, *shape: int) -> Probe:
    found = facts(model, *shape).probe
    assert found is not None
    return found


def conv() -> nn.Module:
    return nn.Conv2d(1, 8, 3)


MIXED: list[tuple[str, nn.Module, tuple[int, ...], str]] = [
    ("transposed before flattening", Calling(conv(), lambda m, x: m(x).transpose(0, 1).reshape(len(x), -1)),
     (8, 1, 9, 9), "reshape"),
    ("channels viewed as samples", Calling(conv(), lambda m, x: m(x).permute(1, 0, 2, 3).reshape(len(x), -1)),
     (4, 1, 9, 9), "reshape"),
    ("samples taken as time", Calling(nn.LSTM(5, 7), lambda m, x: m(x)[0]), (8, 9, 5), "lstm"),
    ("attention over the samples", Calling(nn.MultiheadAttention(8, 2), lambda m, x: m(x, x, x)[0]), (8, 9, 8),
     "multihead_attention"),
    ("softmax over the samples", nn.Sequential(nn.Linear(5, 3), nn.Softmax(0)), (8, 5), "softmax"),
    ("the mean of all samples", Calling(nn.Linear(5, 3), lambda m, x: m(x) - m(x).mean(0)), (8, 5), "sub"),
]  # fmt: skip

OWN: list[tuple[str, nn.Module, tuple[int, ...]]] = [
    ("a plain net with batch norm and dropout",
     nn.Sequential(nn.Linear(5, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.5), nn.Linear(9, 3)), (8, 5)),
    ("flattened", Calling(conv(), lambda m, x: m(x).view(len(x), -1)), (8, 1, 9, 9)),
    ("the samples folded into time and back",
     Calling(nn.Linear(5, 3), lambda m, x: m(x.reshape(-1, 5)).reshape(len(x), -1, 3)), (8, 9, 5)),
    ("time first and back", Calling(nn.LSTM(5, 7), lambda m, x: m(x.transpose(0, 1))[0].transpose(0, 1)), (8, 9, 5)),
    ("attention within a sample", Calling(nn.MultiheadAttention(8, 2, batch_first=True), lambda m, x: m(x, x, x)[0]),
     (8, 9, 8)),
    ("a transformer", nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (8, 9, 8)),
    ("softmax within a sample", nn.Sequential(nn.Linear(5, 3), nn.Softmax(1)), (8, 5)),
    ("noise in the forward pass", Calling(nn.Linear(5, 3), lambda m, x: m(x) + torch.randn(len(x), 3)), (8, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("model", "shape", "op"), [m[1:] for m in MIXED], ids=[m[0] for m in MIXED])
def test_a_dependence_is_shown_by_a_counterexample(model: nn.Module, shape: tuple[int, ...], op: str) -> None:
    found = facts(model, *shape)
    assert found.probe is not None
    assert found.model is not None
    mixing = found.probe.mixes
    assert mixing is not None
    assert mixing.changed != mixing.moved
    assert mixing.by > 1e-3 * mixing.spread > 0
    assert mixing.node is not None
    assert found.model.graph[mixing.node].op == op


@pytest.mark.parametrize(("model", "shape"), [m[1:] for m in OWN], ids=[m[0] for m in OWN])
def test_samples_that_keep_apart_are_said_to(model: nn.Module, shape: tuple[int, ...]) -> None:
    found = probed(model, *shape)
    assert found.mixes is None
    assert found.constant is False


def test_the_counterexample_can_be_repeated_by_hand() -> None:
    model = Calling(nn.LSTM(5, 7), lambda m, x: m(x)[0])
    x = torch.randn(4, 9, 5)
    found = Facts.model_validate(describe(model, target="m", path=None, inputs=(x,)))
    assert found.probe is not None
    mixing = found.probe.mixes
    assert mixing is not None
    assert mixing.samples == 4
    with torch.no_grad():
        before = model(x)
        gaps = []
        for source in range(4):
            other = x.clone()
            other[mixing.changed] = x[source]
            gaps.append(float((model(other) - before)[mixing.moved].abs().max()))
    assert min(abs(gap - mixing.by) for gap in gaps) < 1e-6


def test_a_batch_of_one_or_of_equal_samples_tells_nothing() -> None:
    one = probed(nn.Linear(5, 3), 1, 5)
    assert "mixes" not in one.__dict__
    facts = describe(nn.Linear(5, 3), target="m", path=None, inputs=(torch.ones(8, 5),))
    assert facts["probe"]["mixes"] == facts["probe"]["constant"] == {"unknown": "all samples are equal"}


def test_a_model_that_answers_differently_each_time_tells_nothing() -> None:
    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.calls = nn.Linear(5, 3), 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return torch.mul(self.layer(x), self.calls)

    model = Remembers()
    found = describe(model, target="m", path=None, inputs=(torch.randn(8, 5),))
    assert found["probe"]["mixes"] == {"unknown": "two runs on the same batch differ"}
    assert model.calls == 0


def test_constant_outputs_and_parameters_without_gradient() -> None:
    class Headed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head, self.spare = nn.Linear(5, 4), nn.Linear(4, 3), nn.Linear(2, 2)
            nn.init.zeros_(self.head.weight)
            self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(self.body(x))
            return out

    found = probed(Headed(), 8, 5)
    assert found.constant is True
    assert found.mixes is None
    assert found.unreached == ("spare.weight", "spare.bias")
    assert found.unmoved == ("body.weight", "body.bias")
    cut = probed(Calling(nn.Linear(5, 3), lambda m, x: m(x).detach()), 8, 5)
    assert "unreached" not in cut.__dict__


def test_a_second_head_is_no_parameter_without_gradient() -> None:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(5, 4), nn.Linear(5, 3)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"a": self.first(x), "b": self.second(x)}

    assert probed(TwoHeads(), 8, 5).unreached == ()


def test_the_model_stays_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(5, 9), nn.BatchNorm1d(9), nn.Dropout(0.5), nn.Linear(9, 3))
    before, state = copy.deepcopy(model.state_dict()), torch.random.get_rng_state()
    found = describe(model, target="m", path=None, inputs=(torch.randn(8, 5, generator=torch.Generator()),))
    assert found["probe"]["mixes"] is None
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert all(m.training for m in model.modules())


SCRIPT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Linear(8 * 49, 10)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.head({flat})

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for step in range(10):
    optimizer.zero_grad()
    loss = nn.CrossEntropyLoss()(net(torch.randn(32, 1, 9, 9)), torch.randint(0, 10, (32,)))
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("flat", ["x.transpose(0, 1).reshape(len(x), -1)", "x.flatten(1)"])
def test_a_model_that_a_script_trains_is_asked_after_its_steps(tmp_path: Path, flat: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.format(flat=flat))
    found = Facts.model_validate(run({"path": str(path), "root": str(tmp_path), "timeout": 60})["subjects"][0])
    assert found.probe is not None
    assert found.probe.after == 3
    assert found.probe.constant is False
    assert found.probe.unreached == found.probe.unmoved == ()
    if "transpose" not in flat:
        assert found.probe.mixes is None
        return
    mixing = found.probe.mixes
    assert mixing is not None
    assert mixing.node is not None
    assert found.model is not None
    call = found.model.graph[mixing.node].call
    assert call is not None
    assert (found.model.graph[mixing.node].op, call.line) == ("reshape", 12)

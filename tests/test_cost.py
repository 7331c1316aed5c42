"""Multiply-adds by shapes alone are those that torch counts while it computes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402
from tracer_models import MODELS  # noqa: E402

from nnlint.facts import Facts, Node, Tensor  # noqa: E402
from nnlint.facts.cost import activation_bytes, multiply_adds  # noqa: E402
from nnlint.worker.describe import describe  # noqa: E402


class Calling(nn.Module):
    def __init__(self, call, layer=None):
        super().__init__()
        self.call, self.layer = call, layer if layer is not None else nn.Linear(1, 1)

    def forward(self, *x):
        return self.call(self.layer, *x)


def model_of(model, *inputs):
    return Facts.model_validate(describe(model, target="m", path=None, inputs=inputs, probe=False)).model


def counted_by_torch(model, *inputs):
    # The counter passes over torch's fused attention on the CPU, and counts the products that it stands for.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(*inputs)
    return counter.get_total_flops() // 2


X, V, S = torch.randn(4, 6, 12, 12), torch.randn(5, 7), torch.randn(3, 9, 8)
CASES = {
    "linear": (nn.Linear(7, 3), V),
    "linear without bias on a sequence": (nn.Linear(8, 5, bias=False), S),
    "F.linear": (Calling(lambda m, x: F.linear(x, m.weight), nn.Linear(7, 3)), V),
    "conv": (nn.Conv2d(6, 10, 3), X),
    "conv with everything": (nn.Conv2d(6, 12, (3, 5), stride=2, padding=2, dilation=2, groups=3), X),
    "depthwise": (nn.Conv2d(6, 6, 3, groups=6), X),
    "F.conv2d": (Calling(lambda m, x: F.conv2d(x, m.weight, stride=3), nn.Conv2d(6, 4, 3)), X),
    "conv1d": (nn.Conv1d(9, 5, 3), S),
    "transposed": (nn.ConvTranspose2d(6, 4, 3, stride=2), X),
    "transposed in groups": (nn.ConvTranspose2d(6, 4, 3, groups=2), X),
    "matmul": (Calling(lambda m, a, b: a @ b.transpose(1, 2)), S, S),
    "matmul of two": (Calling(lambda m, a, b: a.mm(b.T)), V, V),
    "matmul by a weight": (Calling(lambda m, x: x @ m.weight.T, nn.Linear(7, 3)), V),
    "matmul by a weight from the left": (Calling(lambda m, x: m.weight @ x.T, nn.Linear(7, 3)), V),
    "addmm": (Calling(lambda m, x: torch.addmm(m.bias, x, m.weight), nn.Linear(4, 7, bias=False)), V),
    "einsum": (Calling(lambda m, a, b: torch.einsum("bik,bjk->bij", a, b)), S, S),
    "attention": (Calling(lambda m, q, k: F.scaled_dot_product_attention(q, k, k)), torch.randn(2, 4, 5, 8),
                  torch.randn(2, 4, 7, 8)),
    "multihead attention": (Calling(lambda m, x: m(x, x, x, need_weights=False)[0],
                                    nn.MultiheadAttention(8, 2, batch_first=True)), S),
    "multihead attention, time first": (Calling(lambda m, x: m(x, x, x, need_weights=False)[0],
                                                nn.MultiheadAttention(8, 2)), S),
    "attention across": (Calling(lambda m, q, k: m(q, k, k, need_weights=False)[0],
                                 nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)), S,
                         torch.randn(3, 4, 6)),
    "nothing": (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(6), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout()), X),
}  # fmt: skip
CASES["addmm"][0].layer.bias = nn.Parameter(torch.randn(3))
CASES["addmm"][0].layer.weight = nn.Parameter(torch.randn(7, 3))


@pytest.mark.parametrize("name", CASES)
def test_a_call_costs_what_torch_counts(name):
    model, *inputs = CASES[name]
    assert model_of(model, *inputs).multiply_adds == (counted_by_torch(model, *inputs), True)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"lstm"}))
def test_a_model_costs_what_torch_counts(name):
    model, inputs = MODELS[name]()
    assert model_of(model, *inputs).multiply_adds == (counted_by_torch(model, *inputs), True)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_recurrent_layer_costs_its_cell_at_every_step(kind):
    layer = kind(8, 5, num_layers=2, bidirectional=True)
    weights = sum(p.numel() for name, p in layer.named_parameters() if "weight" in name)
    assert model_of(layer, S).multiply_adds == (weights * 3 * 9, True)
    cell = {nn.RNN: nn.RNNCell, nn.LSTM: nn.LSTMCell, nn.GRU: nn.GRUCell}[kind](7, 4)
    weights = sum(p.numel() for name, p in cell.named_parameters() if "weight" in name)
    assert model_of(Calling(lambda m, x: m(x), cell), V).multiply_adds == (weights * 5, True)


def test_a_projected_lstm():
    layer = nn.LSTM(8, 6, num_layers=2, proj_size=3)
    weights = sum(p.numel() for name, p in layer.named_parameters() if "weight" in name)
    assert model_of(layer, S).multiply_adds == (weights * 27, True)


def test_what_cannot_be_counted_is_said():
    model = model_of(Calling(lambda m, a, b: torch.cdist(a, b) + m(a)[..., :9], nn.Linear(8, 9)), S, S)
    assert model.multiply_adds == (3 * 9 * 8 * 9, False)
    odd = Node(id=0, op="linear", kind="layer", gives=(Tensor(shape=(3, 4), dtype="float32"),))
    assert multiply_adds(odd, {}) is None


def test_a_call_of_the_loss_costs_nothing():
    assert model_of(nn.Identity(), V).multiply_adds == (0, True)


def test_activations_count_once():
    model = model_of(nn.Sequential(nn.Linear(7, 3), nn.ReLU(), nn.ReLU(inplace=True), nn.Flatten()), V)
    assert activation_bytes(model.graph) == 2 * 5 * 3 * 4

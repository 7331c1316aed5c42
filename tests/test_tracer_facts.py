"""What the tracer says of operations, parameters, inputs and signals holds against torch itself."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn import init
from tracer_models import GPT, MODELS, ResNet

from nnlint.facts import Facts
from nnlint.facts.graph import ACTIVATIONS, DROPOUTS, VIEWS
from nnlint.worker import operations
from nnlint.worker.abstract import AbstractRecorder
from nnlint.worker.describe import describe
from nnlint.worker.parameters import describe_parameters
from nnlint.worker.recorder import Recorder
from nnlint.worker.specs import parse_spec
from nnlint.worker.tiers import run_tier, trace


def test_the_worker_and_the_facts_mean_the_same_by_a_view() -> None:
    assert operations.VIEWS == VIEWS
    assert operations.DROPOUTS == DROPOUTS
    assert operations.ACTIVATIONS == ACTIVATIONS


# -- operations

X = torch.randn(4, 6)
CALLS: list[tuple[Callable[[torch.Tensor], object], str, str, dict[str, object]]] = [
    (lambda x: nn.Softmax(dim=-1)(x), "softmax", "nn.Softmax", {"dim": -1, "axis": 1}),
    (lambda x: F.softmax(x, -1), "softmax", "F.softmax", {"dim": -1, "axis": 1}),
    (lambda x: torch.softmax(x, 0), "softmax", "torch.softmax", {"dim": 0, "axis": 0}),
    (lambda x: x.softmax(dim=1), "softmax", "Tensor.softmax", {"dim": 1, "axis": 1}),
    (lambda x: nn.Softmax()(x[None]), "softmax", "nn.Softmax", {"dim": None, "axis": 0}),
    (lambda x: F.log_softmax(x), "log_softmax", "F.log_softmax", {"dim": None, "axis": 1}),
    (lambda x: torch.sigmoid(x), "sigmoid", "torch.sigmoid", {}),
    (lambda x: x.sigmoid(), "sigmoid", "Tensor.sigmoid", {}),
    (lambda x: nn.Sigmoid()(x), "sigmoid", "nn.Sigmoid", {}),
    (lambda x: F.relu(x), "relu", "F.relu", {"inplace": False}),
    (lambda x: nn.ReLU(inplace=True)(x.clone()), "relu", "nn.ReLU", {"inplace": True}),
    (lambda x: x.clamp(min=0), "relu", "Tensor.clamp", {"min": 0}),
    (lambda x: torch.clamp(x, 0.0), "relu", "torch.clamp", {"min": 0.0}),
    (lambda x: x.clamp_min(0), "relu", "Tensor.clamp_min", {"min": 0}),
    (lambda x: x.clamp(min=0, max=1), "clamp", "Tensor.clamp", {"min": 0, "max": 1}),
    (lambda x: x.clamp(1e-7), "clamp", "Tensor.clamp", {"min": 1e-7}),
    (lambda x: F.dropout(x, 0.3, training=False), "dropout", "F.dropout", {"p": 0.3, "training": False}),
    (lambda x: F.dropout(x), "dropout", "F.dropout", {"p": 0.5, "training": True}),
    (lambda x: nn.Dropout(0.2).eval()(x), "dropout", "nn.Dropout", {"p": 0.2, "training": False}),
    (lambda x: nn.Linear(6, 3)(x), "linear", "nn.Linear", {"in_features": 6, "out_features": 3}),
    (lambda x: F.linear(x, torch.ones(3, 6)), "linear", "F.linear", {"in_features": 6, "out_features": 3}),
    (lambda x: nn.Conv1d(4, 8, 3, padding=1)(x), "conv1d", "nn.Conv1d", {"out_channels": 8, "kernel_size": [3]}),
    (lambda x: nn.LSTM(6, 5, bidirectional=True)(x), "lstm", "nn.LSTM", {"hidden_size": 5, "bidirectional": True}),
    (lambda x: nn.BatchNorm1d(6)(x), "batch_norm", "nn.BatchNorm1d", {"num_features": 6, "momentum": 0.1}),
    (lambda x: nn.LayerNorm(6)(x), "layer_norm", "nn.LayerNorm", {"normalized_shape": [6]}),
    (lambda x: x + 1, "add", "+", {"other": 1}),
    (lambda x: 1 - x, "sub", "-", {}),
    (lambda x: x * x, "mul", "*", {}),
    (lambda x: x / 2, "div", "/", {"other": 2}),
    (lambda x: x @ x.T, "matmul", "@", {}),
    (lambda x: torch.mm(x, x.T), "matmul", "torch.mm", {}),
    (lambda x: x[:, -1], "getitem", "[]", {"index": [":", -1]}),
    (lambda x: x.add(1), "add", "Tensor.add", {"other": 1}),
    (lambda x: x.view(2, -1), "view", "Tensor.view", {"shape": [2, -1]}),
    (lambda x: x.view((2, -1)), "view", "Tensor.view", {"shape": [2, -1]}),
    (lambda x: torch.flatten(x, 0), "flatten", "torch.flatten", {"start_dim": 0}),
    (lambda x: torch.cat([x, x], dim=1), "cat", "torch.cat", {"dim": 1}),
    (lambda x: x.float(), "to", "Tensor.float", {}),
    (lambda x: F.max_pool1d(x, 2), "max_pool1d", "F.max_pool1d", {"kernel_size": 2}),
    (lambda x: F.scaled_dot_product_attention(x, x, x), "scaled_dot_product_attention",
     "F.scaled_dot_product_attention", {}),
    (lambda x: nn.MultiheadAttention(6, 2)(x, x, x), "multihead_attention", "nn.MultiheadAttention",
     {"num_heads": 2, "batch_first": False}),
    (lambda x: nn.Embedding(9, 3)(torch.tensor([1])) + x[:1, :3], "embedding", "nn.Embedding", {"num_embeddings": 9}),
    (lambda x: nn.CrossEntropyLoss()(x, torch.zeros(4).long()), "cross_entropy", "nn.CrossEntropyLoss",
     {"reduction": "mean"}),
    (lambda x: F.mse_loss(x, x * 2), "mse_loss", "F.mse_loss", {"reduction": "mean"}),
    (lambda x: nn.BCEWithLogitsLoss()(x, x.sigmoid()), "binary_cross_entropy_with_logits", "nn.BCEWithLogitsLoss", {}),
]  # fmt: skip


class Calling(nn.Module):
    def __init__(self, call: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: torch.Tensor) -> object:
        return self.call(x)


@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.parametrize(("call", "op", "name", "arguments"), CALLS, ids=lambda v: v if isinstance(v, str) else "")
def test_an_operation_has_its_name_and_arguments(
    call: Callable[[torch.Tensor], object], op: str, name: str, arguments: dict[str, object]
) -> None:
    for tier in ("meta", "real"):
        attempt = run_tier(Calling(call), (X,), {}, tier)
        assert attempt.error is None, attempt.error
        found = [n for n in attempt.nodes if n["op"] == op and n.get("name") == name]
        assert found, [(n["op"], n.get("name")) for n in attempt.nodes]
        assert {k: v for k, v in found[-1].get("arguments", {}).items() if k in arguments} == arguments
        json.dumps(attempt.nodes, allow_nan=False)


def test_training_flag_follows_the_module() -> None:
    model = ResNet().eval()
    nodes = trace(model, (torch.randn(1, 3, 16, 16),)).nodes
    assert {n["arguments"]["training"] for n in nodes if n["op"] == "batch_norm"} == {False}


@pytest.mark.parametrize("args", [(5,), (2, 9), (9, 2, -2), (0, 1, 0.3), (2.5,), (0,), (3, 3), (-1, 7, 3)])
@pytest.mark.parametrize("dtype", [None, torch.float16])
def test_a_row_of_numbers_is_as_long_as_torch_makes_it(args: tuple[float, ...], dtype: torch.dtype | None) -> None:
    options = {} if dtype is None else {"dtype": dtype}
    attempt = run_tier(Calling(lambda x: x.sum() + torch.arange(*args, **options)), (X,), {}, "meta")
    assert attempt.error is None, attempt.error
    made = next(n for n in attempt.nodes if n["op"] == "arange")
    real = torch.arange(*args, **options)
    assert made["gives"] == [{"shape": list(real.shape), "dtype": str(real.dtype).removeprefix("torch.")}]


def test_shape_rules_say_what_torch_computes() -> None:
    def run(x: torch.Tensor, ids: torch.Tensor, abstract: bool) -> list[list[dict[str, object]]]:
        recorder = AbstractRecorder(device="meta" if abstract else None, abstract=abstract)
        recorder.feed(x)
        recorder.feed(ids)
        with recorder, torch.no_grad():
            calls(x, ids)
        return [n["gives"] for n in recorder.nodes if n["kind"] in ("layer", "function")]

    def calls(x: torch.Tensor, ids: torch.Tensor) -> None:
        y = x.transpose(1, 2)
        for f in (F.relu, F.gelu, F.elu, torch.tanh, torch.exp, F.logsigmoid, torch.rsqrt, F.softplus):
            f(x), f(y).transpose(1, 2).contiguous().view(-1)
        F.softmax(x, 1), F.log_softmax(y, -1), F.softmax(x, 1, dtype=torch.float64)
        (
            x + y.transpose(1, 2),
            x * x[:, :1],
            x - 1,
            2 / x,
            x**2,
            ids + 1,
            x + ids[..., None],
            ids / 2,
            ids == 3,
            x > x[0, 0, 0],
        )
        x.masked_fill(ids[..., None] == 0, -1.0), x.masked_fill(x > 0, float("-inf"))
        F.layer_norm(x, (6,)), F.normalize(x, dim=-1), torch.tril(x), x.clamp(0, 1), F.dropout(x, 0.5, True)
        F.scaled_dot_product_attention(x, x[:, :2], x[:, :2, :3])
        w = torch.ones(4, 5, 3, device=x.device)
        for options in ({}, {"padding": 1, "stride": 2}, {"padding": "same"}, {"dilation": 2}):
            F.conv1d(x, w, **options)
        F.linear(x, torch.ones(7, 6, device=x.device), torch.ones(7, device=x.device))
        x.clone().add_(x[:1]).relu_().mul_(2)
        F.relu(x.clone(), True)

    x, ids = torch.rand(2, 5, 6), torch.randint(0, 9, (2, 5))
    assert run(x.to("meta"), ids.to("meta"), abstract=True) == run(x, ids, abstract=False)


def test_a_wrong_width_is_refused_as_torch_refuses_it() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(5, 2))
    attempt = trace(model, (torch.randn(2, 8),))
    assert not attempt.complete
    assert [n["op"] for n in attempt.nodes] == ["input", "linear", "relu"]
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        raise attempt.error or AssertionError


# -- ways down


def test_a_first_trace_imports_neither_the_compiler_nor_sympy() -> None:
    program = (
        "import sys, torch; from torch import nn; from nnlint.worker.tiers import run_tier\n"
        "m = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),"
        " nn.Linear(8, 4), nn.Hardtanh(), nn.CELU(), nn.Softmax(1))\n"
        "a = run_tier(m, (torch.randn(2, 3, 8, 8),), {}, 'meta'); assert a.complete, a.error\n"
        "print([n for n in ('torch._dynamo', 'sympy') if n in sys.modules])\n"
        "b = run_tier(nn.Bilinear(3, 3, 3), (torch.randn(2, 3), torch.randn(2, 3)), {}, 'meta'); assert b.complete\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\nFalse\n", done.stderr


class AsksForValues(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.other = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.fc(x)
        return self.other(h) if h.sum().item() > -1e9 else h


def test_a_model_that_asks_for_values_gets_them() -> None:
    attempt = trace(AsksForValues(), (torch.randn(2, 4),))
    assert attempt.complete
    assert attempt.tier == "real"
    assert attempt.nodes[attempt.outputs[0]]["gives"] == [{"shape": [2, 2], "dtype": "float32"}]


def test_a_model_without_values_is_guessed_through() -> None:
    attempt = trace(AsksForValues().to("meta"), (torch.randn(2, 4),))
    assert attempt.complete
    assert attempt.tier == "guess"


def test_a_model_that_raises_is_described_with_its_reason() -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.fc(x)
            raise ValueError("not today")

    found = Facts.model_validate(describe(Broken(), target="b.py:Broken", path="b.py", specs=["2x4"]))
    assert found.subject.status == "partial"
    assert found.subject.reason == "forward raises ValueError: not today"
    assert found.model is not None
    assert [p.name for p in found.model.parameters] == ["fc.weight", "fc.bias"]


def test_a_model_on_the_meta_device_is_checked_without_values() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(10**5, 10**6), nn.ReLU(), nn.Linear(10**6, 10))
    found = Facts.model_validate(describe(model, target="m", path=None))
    assert found.subject.status == "traced"
    assert found.subject.parameters == 10**11 + 10**6 + 10**7 + 10
    assert found.model is not None
    assert (
        found.model.parameters[0].to_data()["schemes"]
        == {"unknown": "the model is on the meta device and has no values"}
        if hasattr(found.model.parameters[0], "to_data")
        else True
    )


def test_only_the_thread_that_listens_is_recorded() -> None:
    model, args = MODELS["mlp"]()
    recorder = Recorder()
    recorder.adopt(model)
    with recorder:
        thread = threading.Thread(target=lambda: model(*args))
        thread.start()
        thread.join()
        assert recorder.nodes == []
        model(*args)
    assert len(recorder.nodes) == 7


# -- parameters


def scheme(fill: Callable[[torch.Tensor], object], shape: tuple[int, ...] = (128, 64)) -> list[str]:
    layer = nn.Linear(shape[1], shape[0]) if len(shape) == 2 else nn.Conv2d(shape[1], shape[0], shape[2:])
    with torch.no_grad():
        fill(layer.weight)
    return list(describe_parameters(layer)[0]["schemes"])


@pytest.mark.parametrize(
    ("fill", "name"),
    [
        (lambda w: None, "pytorch_default"),
        (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), "he_normal"),
        (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), "he_normal"),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), "he_uniform"),
        (lambda w: init.kaiming_normal_(w, nonlinearity="linear"), "lecun_normal"),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="linear"), "lecun_uniform"),
        (lambda w: init.xavier_normal_(w), "glorot_normal"),
        (lambda w: init.xavier_uniform_(w), "glorot_uniform"),
        (lambda w: init.xavier_uniform_(w, init.calculate_gain("tanh")), "glorot_uniform"),
        (lambda w: init.orthogonal_(w), "orthogonal"),
        (lambda w: init.trunc_normal_(w, std=0.05, a=-0.1, b=0.1), "truncated_normal"),
        (lambda w: init.normal_(w, std=0.02), "normal"),
        (lambda w: init.uniform_(w, -0.3, 0.3), "uniform"),
        (lambda w: init.zeros_(w), "zeros"),
        (lambda w: init.ones_(w), "ones"),
        (lambda w: init.constant_(w, 0.5), "constant"),
    ],
)
@pytest.mark.parametrize("shape", [(128, 64), (32, 16, 3, 3), (16, 400)])
def test_a_scheme_is_recognized(fill: Callable[[torch.Tensor], object], name: str, shape: tuple[int, ...]) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        found = scheme(fill, shape)
        assert name in found
        assert len(found) <= 3


def test_few_values_are_not_named() -> None:
    assert scheme(lambda w: None, (10, 10)) == []


def test_statistics_are_those_of_torch() -> None:
    model = ResNet()
    for found in describe_parameters(model):
        own = model.get_parameter(found["name"]).detach()
        assert found["mean"] == pytest.approx(float(own.double().mean()), abs=1e-9)
        assert found["std"] == pytest.approx(float(own.double().std(correction=0)), abs=1e-9)
        assert (found["low"], found["high"]) == (float(own.min()), float(own.max()))
        if own.dim() >= 2:
            assert (found["fan_in"], found["fan_out"]) == init._calculate_fan_in_and_fan_out(own)


def test_equal_units_are_seen() -> None:
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(1, 4).expand(3, 4))
    assert [p["equal_units"] for p in describe_parameters(layer)] == [True, False]


def test_a_tied_parameter_is_described_once() -> None:
    names = [p["name"] for p in describe_parameters(GPT())]
    assert "tok.weight" in names
    assert "head.weight" not in names


# -- inputs


@pytest.mark.parametrize("name", MODELS)
def test_an_input_is_found_unaided(name: str) -> None:
    model, args = MODELS[name]()
    found = Facts.model_validate(describe(model, target="m", path=None, probe=False))
    assert found.subject.status == "traced"
    assert found.subject.guessed
    if name in ("mlp", "lenet"):
        assert found.subject.input == ("x".join(map(str, args[0].shape)) + ":float32",)


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [
        ("2x1x28x28", (2, 1, 28, 28), torch.float32),
        ("8x16:int64", (8, 16), torch.int64),
        ("8 x 16 : int64 [0,100)", (8, 16), torch.int64),
        ("ids=4x12:long", (4, 12), torch.int64),
        ("7", (7,), torch.float32),
    ],
)
def test_a_spec_is_read(text: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    spec = parse_spec(text)
    drawn = spec.draw()
    assert (tuple(drawn.shape), drawn.dtype) == (shape, dtype)
    if not dtype.is_floating_point:
        assert int(drawn.min()) >= 0
        assert int(drawn.max()) < spec.high


@pytest.mark.parametrize("text", ["", "2xx3", "2x3:float99", "2x3:float32[0,5)", "2x3:int64[5,5)", "axb"])
def test_a_wrong_spec_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^input .*[^\n]$"):
        parse_spec(text)


# -- the probe


def probe_of(model: nn.Module, spec: str) -> Facts:
    return Facts.model_validate(describe(model, target="m", path=None, specs=[spec]))


def deep(activation: type[nn.Module], layers: int = 20) -> nn.Module:
    torch.manual_seed(0)
    body = [m for _ in range(layers) for m in (nn.Linear(32, 32), activation())]
    return nn.Sequential(*body, nn.Linear(32, 10), nn.Softmax(1))


def test_a_deep_sigmoid_net_loses_its_signal() -> None:
    probe = probe_of(deep(nn.Sigmoid), "16x32").probe
    assert probe is not None
    assert len(probe.signals) == 20
    assert probe.gradient_ratio < 1e-6
    assert probe.std_ratio < 1e-3
    assert probe.prediction.node == 41


def test_dead_units_are_counted() -> None:
    model = nn.Sequential(nn.Linear(8, 10), nn.ReLU(), nn.Linear(10, 2))
    with torch.no_grad():
        model[0].bias[:3] = -1e6
    probe = probe_of(model, "16x8").probe
    assert probe is not None
    assert probe.signals[0].dead == pytest.approx(0.3)


def test_the_users_loss_is_taken_where_it_is_known() -> None:
    model, x, y = nn.Linear(4, 3), torch.randn(8, 4), torch.randint(0, 3, (8,))
    found = describe(model, target="m", path=None, inputs=(x,), loss=nn.CrossEntropyLoss(), labels=y)
    assert found["probe"]["loss"] == pytest.approx(float(F.cross_entropy(model(x), y)), rel=1e-5)
    assert not math.isnan(found["probe"]["prediction"]["gradient"])


def test_the_truth_is_among_the_schemes_named() -> None:
    """On random layers of many sizes the answer holds the truth, or is empty where there are few values."""
    generator = random.Random(7)
    torch.manual_seed(7)
    named, held = 0, 0
    for _ in range(300):
        name = generator.choice(list(FILLS))
        out, inside = generator.randint(2, 200), generator.randint(3, 300)
        weight = nn.Linear(inside, out).weight if generator.random() < 0.5 else nn.Conv2d(8, out, 5).weight
        with torch.no_grad():
            FILLS[name](weight)
        layer = nn.Module()
        layer.weight = nn.Parameter(weight.detach())
        found = describe_parameters(layer)[0]["schemes"]
        if weight.numel() >= 512:
            named, held = named + 1, held + (name in found)
        else:
            assert not found or name in found
    assert held >= 0.98 * named


FILLS: dict[str, Callable[[torch.Tensor], object]] = {
    "he_normal": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
    "he_uniform": lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
    "lecun_normal": lambda w: init.kaiming_normal_(w, nonlinearity="linear"),
    "lecun_uniform": lambda w: init.kaiming_uniform_(w, nonlinearity="linear"),
    "glorot_normal": init.xavier_normal_,
    "glorot_uniform": init.xavier_uniform_,
    "orthogonal": init.orthogonal_,
    "truncated_normal": lambda w: init.trunc_normal_(w, std=0.05, a=-0.1, b=0.1),
    "normal": lambda w: init.normal_(w, std=0.02),
    "uniform": lambda w: init.uniform_(w, -0.1, 0.1),
    "constant": lambda w: init.constant_(w, 0.3),
}


def test_a_model_that_differentiates_in_its_forward_is_traced() -> None:
    class Energy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.requires_grad_()
            return torch.autograd.grad(self.fc(x).sum(), x, create_graph=True)[0]

    found = describe(Energy(), target="m", path=None, specs=["3x4"], probe=False)
    assert found["subject"]["status"] == "traced"


def test_a_model_that_wants_targets_in_training_is_traced_in_evaluation() -> None:
    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor, targets: torch.Tensor | None = None) -> torch.Tensor:
            if self.training and targets is None:
                raise ValueError("targets are needed in training mode")
            return self.fc(x)

    model = Detector()
    found = Facts.model_validate(describe(model, target="m", path=None))
    assert found.subject.status == "traced"
    assert found.subject.reason is not None
    assert "evaluation mode" in found.subject.reason
    assert model.training

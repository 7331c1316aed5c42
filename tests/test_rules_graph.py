"""Rules on how a model is wired and scaled: other spellings that they catch, and look-alikes that they leave alone.

Each program is a model that is described as `advise()` does, without a process of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from sketch import Sketch, features, labels, probe
from torch import nn

from nnlint.engine import check
from nnlint.facts import Facts, Mixing
from nnlint.registry import load
from nnlint.worker.describe import describe


@functools.cache
def rules():
    return {rule.name: rule for rule in load()}


def found(rule: str, facts: Facts) -> list[str]:
    """Return the levels of what one rule says."""
    return [f.level or rules()[rule].level for f in check(facts, [rules()[rule]]).findings]


def facts_of(model: nn.Module, spec: str = "6x8") -> Facts:
    specs = spec.split()
    return Facts.model_validate(describe(model, target="model", path=None, specs=specs, probe=len(specs) == 1))


class Model(nn.Module):
    """A model made of the function that its forward is."""

    def __init__(self, build: Callable[[nn.Module], None], forward: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        build(self)
        self.run = forward

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.run(self, *inputs)


def model(forward: Callable[..., torch.Tensor], **parts: object) -> nn.Module:
    """Return a model with these attributes; a layer becomes a part of it, a list does not."""

    def build(self: nn.Module) -> None:
        for name, value in parts.items():
            setattr(self, name, value)

    return Model(build, forward)


def chain(self, x, layers):
    for layer in layers:
        x = torch.relu(layer(x))
    return x


def pair() -> list[nn.Module]:
    return [nn.Linear(8, 8), nn.Linear(8, 8)]


def frozen(layers: list[nn.Module]) -> list[nn.Module]:
    for layer in layers:
        layer.requires_grad_(False)
    return layers


# -- layers in plain containers

HIDDEN = {
    "a list": lambda: model(lambda s, x: chain(s, x, s.layers), layers=pair()),
    "a dict": lambda: model(lambda s, x: chain(s, x, s.layers.values()), layers=dict(zip("ab", pair()))),
    "a tuple": lambda: model(lambda s, x: chain(s, x, s.layers), layers=tuple(pair())),
    "lists in a list": lambda: model(lambda s, x: chain(s, x, s.layers[0]), layers=[pair(), pair()]),
    "parameters": lambda: model(lambda s, x: x * s.scales[0], scales=[nn.Parameter(torch.ones(8)) for _ in range(2)]),
}
REGISTERED = {
    "a ModuleList": lambda: model(lambda s, x: chain(s, x, s.layers), layers=nn.ModuleList(pair())),
    "an alias": lambda: (lambda ls: model(lambda s, x: s.net(x), layers=ls, net=nn.Sequential(*ls)))(pair()),
    "a frozen teacher": lambda: model(lambda s, x: s.fc(x), teachers=frozen(pair()), fc=nn.Linear(8, 2)),
    "a list of one": lambda: model(lambda s, x: s.fc(x), hidden=[nn.Linear(8, 8)], fc=nn.Linear(8, 2)),
    "a list of numbers": lambda: model(lambda s, x: s.fc(x), sizes=[1, 2], fc=nn.Linear(8, 2)),
    "activations": lambda: model(lambda s, x: s.fc(x), acts=[nn.ReLU(), nn.Tanh()], fc=nn.Linear(8, 2)),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_hidden_layers(case):
    assert found("unregistered-submodule", facts_of(HIDDEN[case]())) == ["error"]


@pytest.mark.parametrize("case", REGISTERED)
def test_layers_that_are_known(case):
    assert not found("unregistered-submodule", facts_of(REGISTERED[case]()))


# -- methods of nn.Module


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(x)


class TrainsItself(Plain):
    def train(self, data, epochs):
        raise AssertionError


class ScoresItself(Plain):
    def eval(self, x, y):
        raise AssertionError


class HasAFlag(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.zero_grad = False


class HasParameters(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.parameters = {"width": 8}


class HasModules(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.modules = [nn.Linear(8, 8)]


class IsAProperty(Plain):
    @property
    def state_dict(self):
        return {}


class SilentEval(Plain):
    def eval(self):
        return self


class HasAType(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.type = "plain"


class FrozenNorm(Plain):
    def train(self, mode=True):
        super().train(mode)
        self.fc.eval()
        return self


class SetsTheMode(Plain):
    def train(self, mode: bool = True):
        self.training = mode
        return self


class SomeParameters(Plain):
    def parameters(self, recurse=True):
        return self.fc.parameters(recurse)


@pytest.mark.parametrize(
    ("kind", "level"),
    [(TrainsItself, "error"), (ScoresItself, "error"), (HasAFlag, "error"), (HasParameters, "error"),
     (HasModules, "error"),
     (IsAProperty, "error"),
     (SilentEval, "warning"), (HasAType, "advice")],
)  # fmt: skip
def test_methods_put_out_of_action(kind, level):
    described = Facts.model_validate(describe(kind(), target="model", path=None, specs=["6x8"], probe=False))
    assert found("overridden-module-method", described) == [level]


@pytest.mark.parametrize("kind", [Plain, FrozenNorm, SetsTheMode, SomeParameters])
def test_methods_that_work(kind):
    assert not found("overridden-module-method", facts_of(kind()))


# -- dropout


def attention(p):
    def forward(self, x):
        q = x[:, None]
        return F.scaled_dot_product_attention(q, q, q, dropout_p=p(self))[:, 0]

    return lambda: model(forward)


ALWAYS = {
    "a function": lambda: model(lambda s, x: F.dropout(x, 0.2)),
    "of channels": lambda: model(lambda s, x: F.dropout1d(x[:, :, None], 0.2)[..., 0]),
    "a new layer": lambda: model(lambda s, x: nn.Dropout(0.3)(x)),
    "a layer in a list": lambda: model(lambda s, x: s.drops[0](x), drops=[nn.Dropout(0.3), nn.Dropout(0.3)]),
}
BY_MODE = {
    "the mode": lambda: model(lambda s, x: F.dropout(x, 0.2, training=s.training)),
    "the mode, unnamed": lambda: model(lambda s, x: F.dropout(x, 0.2, s.training)),
    "a layer": lambda: model(lambda s, x: s.drop(x), drop=nn.Dropout(0.3)),
    "a branch": lambda: model(lambda s, x: F.dropout(x, 0.2) if s.training else x),
    "by intent": lambda: model(lambda s, x: F.dropout(x, 0.2, training=True)),
    "nothing": lambda: model(lambda s, x: F.dropout(x, 0.0)),
}


@pytest.mark.parametrize("case", ALWAYS)
def test_dropout_in_every_mode(case):
    assert found("dropout-at-inference", facts_of(ALWAYS[case]())) == ["error"]


@pytest.mark.parametrize("case", BY_MODE)
def test_dropout_by_mode(case):
    assert not found("dropout-at-inference", facts_of(BY_MODE[case]()))


def test_alpha_dropout_that_is_never_on():
    net = model(lambda s, x: F.alpha_dropout(x, 0.2))
    described = facts_of(net)
    assert not described.model.random_in_eval
    assert all(node.arguments.get("training") is False for node in described.model.graph if node.op == "alpha_dropout")


@pytest.mark.parametrize(("p", "levels"), [(0.3, ["error"]), (0.0, [])])
def test_attention_by_rate(p, levels):
    assert found("attention-dropout-at-inference", facts_of(attention(lambda s: p)())) == levels


def test_attention_by_mode():
    assert not found("attention-dropout-at-inference", facts_of(attention(lambda s: 0.3 if s.training else 0.0)()))
    assert not found("attention-dropout-at-inference", facts_of(nn.TransformerEncoderLayer(8, 2, 16), "6x3x8"))


# -- norms


@pytest.mark.parametrize(("momentum", "levels"), [(0.99, ["warning"]), (0.9, ["warning"]), (1.0, ["advice"])])
def test_inverted_momentum(momentum, levels):
    assert found("batchnorm-momentum-inverted", facts_of(nn.Sequential(nn.BatchNorm1d(8, momentum=momentum)))) == levels


@pytest.mark.parametrize("more", [{}, {"momentum": 0.01}, {"momentum": None}, {"momentum": 0.5}])
def test_usual_momentum(more):
    assert not found("batchnorm-momentum-inverted", facts_of(nn.Sequential(nn.BatchNorm1d(8, **more))))


def test_one_norm_for_two_layers():
    parts = {"a": nn.Linear(8, 8), "b": nn.Linear(8, 8), "n": nn.BatchNorm1d(8)}
    assert found("reused-batchnorm", facts_of(model(lambda s, x: s.n(s.b(s.n(s.a(x)))), **parts))) == ["advice"]
    assert not found("reused-batchnorm", facts_of(model(lambda s, x: s.n(s.a(s.n(s.a(x)))), **parts)))
    assert not found("reused-batchnorm", facts_of(model(lambda s, x: s.n(s.a(x)) + s.n(s.a(-x)), **parts)))


def normed(kind: str, made: str = "data", behind: str | None = None) -> Facts:
    s = Sketch()
    out = s.norm(s.linear(s.op("relu", s.linear(s.input(32, 8), 16)), 5))
    s.loss(kind, s.op(behind, out) if behind else out, compares=labels(classes=5, made=made))
    return s.facts(target=labels(classes=5, made=made))


@pytest.mark.parametrize(("kind", "behind"), [("cross_entropy", None), ("mse", None), ("nll", "log_softmax")])
def test_norm_on_what_is_scored(kind, behind):
    assert found("norm-after-output", normed(kind, behind=behind)) == ["warning"]


def test_norm_on_what_no_label_scores():
    assert not found("norm-after-output", normed("mse", made="input"))
    assert not found("norm-after-output", normed("cosine"))
    s = Sketch()
    s.loss("cross_entropy", s.linear(s.op("relu", s.norm(s.linear(s.input(32, 8), 16))), 5), compares=labels(classes=5))
    assert not found("norm-after-output", s.facts(target=labels(classes=5)))


# -- what gets no gradient, and what nothing reads


class Forgotten(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.more = nn.Linear(8, 8)


class Optional(Forgotten):
    def forward(self, x):
        return self.more(x) if x.dim() > 5 else self.fc(x)


class ByName(Forgotten):
    def forward(self, x):
        return getattr(self, "fc")(x)  # noqa: B009 - by name, as people do


class Frozen(Forgotten):
    def __init__(self) -> None:
        super().__init__()
        self.more.requires_grad_(False)


@pytest.mark.parametrize(("kind", "levels"), [(Forgotten, ["warning"]), (Optional, []), (ByName, []), (Frozen, [])])
def test_layers_that_nothing_reads(kind, levels):
    assert found("unused-parameters", facts_of(kind())) == levels


def coded(cut: Callable[[torch.Tensor], torch.Tensor]) -> Facts:
    net = model(lambda s, x: s.fc(cut(s.code(x))), code=nn.Linear(8, 8), fc=nn.Linear(8, 2))
    described = facts_of(net)
    return described.model_copy(update={"model": type(described.model)(**{**dict(described.model), "fresh": True})})


@pytest.mark.parametrize(
    ("cut", "levels"),
    [
        (torch.round, ["error"]),
        (lambda x: (x > 0).float(), ["error"]),
        (lambda x: F.one_hot(x.argmax(1), 8).float(), ["error"]),
        (lambda x: x.detach(), []),
        (lambda x: x + (x.round() - x).detach(), []),
        (lambda x: x.softmax(1), []),
    ],
)
def test_cut_gradients(cut, levels):
    assert found("no-gradient", coded(cut)) == levels


# -- axes


def mixed(old: tuple[int, ...], new: tuple[int, ...]) -> Facts:
    s = Sketch()
    x = s.op("view", s.input(*old), shape=new)
    out = s.linear(x, 3)
    s.returns(out)
    seen = probe((x, 1.0, 1.0))
    mixing = Mixing(changed=0, moved=3, by=0.5, spread=1.0, share=0.5, samples=old[0], node=out)
    return s.facts(probe=type(seen)(**{**dict(seen), "mixes": mixing}))


@pytest.mark.parametrize(("old", "new"), [((8, 5, 6), (5, 8, 6)), ((8, 4, 6), (4, 8, 6)), ((6, 4, 5), (10, 12))])
def test_reshapes_that_mix(old, new):
    assert found("batch-mixed-by-reshape", mixed(old, new)) == ["error"]


@pytest.mark.parametrize(("old", "new"), [((8, 5, 6), (8, 30)), ((8, 5, 6), (40, 6)), ((40, 6), (8, 5, 6))])
def test_reshapes_that_do_not(old, new):
    assert not found("batch-mixed-by-reshape", mixed(old, new))


def cut_anew(*steps: tuple[str, tuple[int, ...]]) -> Facts:
    s = Sketch()
    x = s.conv(s.input(4, 1, 6, 6), 3)
    for op, shape in steps:
        x = s.op(op, x, shape=shape)
    s.loss("cross_entropy", x, compares=labels(classes=3))
    return s.facts(target=labels(classes=3))


def test_classes_taken_apart():
    assert found("class-axis-scrambled", cut_anew(("view", (144, 3)))) == ["error"]
    assert found("class-axis-scrambled", cut_anew(("contiguous", (4, 3, 6, 6)), ("reshape", (144, 3)))) == ["error"]
    assert not found("class-axis-scrambled", cut_anew(("permute", (4, 6, 6, 3)), ("reshape", (144, 3))))
    assert not found("class-axis-scrambled", cut_anew(("view", (4, 3, 36))))
    assert not found("class-axis-scrambled", cut_anew())


# -- sizes


def plain_net(*widths: int, op: str = "relu", samples: int = 1000) -> Facts:
    s = Sketch()
    x = s.input(32, widths[0])
    for width in widths[1:-1]:
        x = s.op(op, s.linear(x, width))
    s.loss("cross_entropy", s.linear(x, widths[-1]), compares=labels(classes=widths[-1]))
    return s.facts(target=labels(classes=widths[-1]))


@pytest.mark.parametrize(
    ("rule", "widths", "levels"),
    [
        ("narrow-hidden-layer", (24, 64, 2, 64, 10), ["warning"]),
        ("narrow-hidden-layer", (24, 64, 16, 64, 10), []),
        ("narrow-hidden-layer", (24, 64, 2, 64, 24), []),
        ("narrow-hidden-layer", (24, 64, 32, 10), []),
        ("unusual-hidden-depth", (8, 3), ["advice"]),
        ("unusual-hidden-depth", (8, 9, 9, 9, 9, 9, 9, 3), ["advice"]),
        ("unusual-hidden-depth", (8, 9, 9, 3), []),
        ("unusual-hidden-depth", (2, 1), []),
        ("width-before-depth", (8, 512, 2), ["experiment"]),
        ("width-before-depth", (8, 64, 2), []),
    ],
)
def test_shapes_of_dense_nets(rule, widths, levels):
    assert found(rule, plain_net(*widths)) == levels


def pixels(height: int, *, conv: bool = False) -> Facts:
    s = Sketch()
    x = s.input(8, 3, height, height)
    x = s.conv(x, 3) if conv else x
    out = s.linear(s.op("relu", s.linear(s.op("flatten", x, shape=(8, 3 * height * height)), 32)), 4)
    s.loss("cross_entropy", out, compares=labels(classes=4))
    seen = features("image", (8, 3, height, height), [])
    return s.facts(target=labels(classes=4), features=[seen])


@pytest.mark.parametrize(("height", "conv", "levels"), [(32, False, ["advice"]), (28, False, []), (64, True, [])])
def test_dense_layers_on_pixels(height, conv, levels):
    assert found("dense-only-image-model", pixels(height, conv=conv)) == levels


# -- signals


def signals(back: float, forth: float, skip: bool = False) -> Facts:
    s = Sketch()
    first = s.op("relu", s.linear(s.input(32, 8), 16))
    last = s.op("relu", s.linear(first, 16))
    out = s.op("add", last, first) if skip else last
    s.loss("cross_entropy", s.linear(out, 4), compares=labels(classes=4))
    return s.facts(target=labels(classes=4), probe=probe((first, 1.0, back), (last, forth, 1.0)))


@pytest.mark.parametrize(
    ("back", "forth", "skip", "said"),
    [
        (0.01, 0.01, False, {"vanishing-gradient"}),
        (100.0, 100.0, False, {"exploding-gradient"}),
        (0.01, 1.0, False, set()),
        (1.0, 0.01, False, set()),
        (0.01, 0.01, True, set()),
        (1.0, 1.0, False, set()),
    ],
)
def test_signals_that_fade_or_grow(back, forth, skip, said):
    facts = signals(back, forth, skip)
    assert {rule for rule in ("vanishing-gradient", "exploding-gradient") if found(rule, facts)} == said


def test_drawn_batches_tell_nothing_of_the_signal():
    facts = signals(0.01, 0.01)
    drawn = type(facts.probe)(**{**dict(facts.probe), "drawn": True})
    assert not found("vanishing-gradient", facts.model_copy(update={"probe": drawn}))

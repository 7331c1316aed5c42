"""The initial weights are too small or too large for the activation behind them.

Why is this bad?
    Each layer multiplies what tells the samples apart, and on the way back the gradient. Where the factor is not
    near 1, both fade or grow exponentially with depth. He's initialization keeps it near 1 for ReLU and leaky ReLU,
    LeCun's for SELU and ELU, Glorot's for tanh and the logistic function. PyTorch's default is none of them: its
    `nn.Linear` loses a factor of 2.6 to 3 with each ReLU layer, and from six layers at width 48 training stops.
    Measured on ten layers: He for PyTorch's default under ReLU +83 and +29 points of accuracy, LeCun under SELU +2
    and +11, Glorot under tanh +10 and +8.

When is it fine?
    Where a norm, a skip or a concatenation restores the signal, where the probe passes (PyTorch's default in a
    shallow network), on the last layer, and where the weights are frozen. A warning needs both ratios of the probe
    to fail on a batch of the user's own. On a batch drawn by nnlint, which may lie on another scale, it is advice, and
    so is an initialization by hand that is off by a factor of 3 or more.

Fix safety
    Unsafe: the network starts from other weights.

References
    He et al.: Delving Deep into Rectifiers, 2015. Glorot, Bengio, 2010. LeCun et al.: Efficient BackProp, 1998.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nnlint.facts import Layer, Model, Node, Parameter, Probe
from nnlint.facts.graph import NORMS, RECTIFIERS
from nnlint.finding import Finding
from nnlint.fix import Fix, Initialize
from nnlint.rule import rule

RECOMMENDED = {
    **dict.fromkeys(RECTIFIERS | {"gelu", "silu", "mish"}, ("he_normal", "He", math.sqrt(2))),
    **dict.fromkeys(("selu", "elu", "celu"), ("lecun_normal", "LeCun", 1.0)),
    **dict.fromkeys(("tanh", "sigmoid", "softsign"), ("glorot_uniform", "Glorot", 1.0)),
}
FACTOR_BY_HAND = 3.0
FACTOR_IN_A_FAILING_NET = 1.5
CHANCE = 1e-4
ENTRIES = 8
"""The spread of fewer weights than this says nothing about how they were drawn."""


@dataclass(frozen=True)
class Hidden:
    """A layer, the activation behind it, its weight."""

    layer: Node
    activation: Node
    weight: Parameter

    @property
    def scheme(self) -> str:
        """The name of the recommended initialization."""
        return RECOMMENDED[self.activation.op][0]

    @property
    def rms(self) -> float:
        """Root mean square of the weights."""
        return math.hypot(self.weight.mean, self.weight.std)

    @property
    def right(self) -> float:
        """The standard deviation that the recommended scheme gives by fan-in."""
        return RECOMMENDED[self.activation.op][2] / math.sqrt(self.weight.fan_in or 1)

    @property
    def factor(self) -> float:
        """The ratio of the weights' size to the recommended one, 1 for anything between fan-in and fan-out."""
        by_fan_out = self.right * math.sqrt(
            (self.weight.fan_in or 1) / (self.weight.fan_out or self.weight.fan_in or 1)
        )
        low, high = sorted((self.right, by_fan_out))
        return self.rms / low if self.rms < low else self.rms / high if self.rms > high else 1.0

    @property
    def by_hand(self) -> bool:
        """Whether the values cannot be PyTorch's default and are off by a large factor."""
        return _off(self.factor) >= FACTOR_BY_HAND and "pytorch_default" not in self.weight.schemes and not self.default

    @property
    def default(self) -> bool:
        """Whether the values may be PyTorch's default, which draws evenly up to 1 / sqrt(fan-in)."""
        largest = max(abs(self.weight.low), abs(self.weight.high)) * math.sqrt(self.weight.fan_in or 1)
        return largest < 1.001 and min(largest, 1.0) ** math.prod(self.weight.shape) > CHANCE


@rule(level="warning", since="0.1")
def init_mismatched_to_activation(model: Model, probe: Probe) -> Finding | None:
    """Report hidden weights far from the size that their activation needs."""
    if model.graph.joins or any(node.op in NORMS for node in model.graph):
        return None
    hidden = _hidden(model)
    fails = len(probe.signals) > 1 and probe.gradient_arrives and probe.gradient_fails and probe.spread_fails
    wrong = [h for h in hidden if h.by_hand]
    if not wrong and fails and sum(h.activation.op == "sigmoid" for h in hidden) < 2:
        wrong = [h for h in hidden if _off(h.rms / h.right) >= FACTOR_IN_A_FAILING_NET]
    if not wrong or sum(math.prod(h.weight.shape) for h in wrong) < ENTRIES:
        return None
    worst = max(wrong, key=lambda h: _off(h.rms / h.right))
    name = RECOMMENDED[worst.activation.op][1]
    why = f"their standard deviation is {worst.rms:.2g}, {name} initialization gives {worst.right:.2g}"
    if fails:
        why += (
            f"; from the first to the last hidden activation the spread {_change(probe.std_ratio)}, "
            f"on its way back the gradient {_change(probe.gradient_ratio)}"
        )
    return Finding(
        at=wrong[0].layer.built or wrong[0].layer,
        level="warning" if fails and not probe.drawn else "advice",
        says=f"weights in front of `{worst.activation.name}` start {_words(worst.rms / worst.right)}",
        why=why,
        explains=("vanishing-gradient", "exploding-gradient", "deep-net-without-normalization"),
        fixes=[_fix(wrong)],
    )


def _hidden(model: Model) -> list[Hidden]:
    found = []
    for node in model.graph:
        activation = model.graph.activation_after(node)
        weight = Layer(node, model.graph, model).weight if node.op in ("linear", "conv1d", "conv2d", "conv3d") else None
        if (
            weight is None or activation is None or activation.op not in RECOMMENDED or not weight.trainable
            or not weight.fan_in or not model.graph.readers(activation) or weight.constant
        ):  # fmt: skip
            continue
        if any(reader.module is not None for reader in model.graph.readers(activation)):
            found.append(Hidden(node, activation, weight))
    return found


def _off(ratio: float) -> float:
    return math.inf if ratio == 0 else max(ratio, 1 / ratio)


def _words(ratio: float) -> str:
    times = _off(ratio)
    amount = f"{times:.0f} times" if times >= 9.5 else f"{times:.1f} times"
    return f"{amount} too {'small' if ratio < 1 else 'large'}"


def _change(ratio: float) -> str:
    return f"{'falls' if ratio < 1 else 'grows'} {_off(ratio):,.0f} times"


def _fix(wrong: list[Hidden]) -> Fix:
    schemes = dict.fromkeys(h.scheme for h in wrong)
    names = " and ".join(dict.fromkeys(RECOMMENDED[h.activation.op][1] for h in wrong))
    return Fix(
        title=f"use {names} initialization",
        verbs=tuple(Initialize(nodes=tuple(h.layer for h in wrong if h.scheme == s), scheme=s) for s in schemes),
        changes="the network starts from other weights",
    )

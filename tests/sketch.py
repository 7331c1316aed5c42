"""Facts by hand: a model is sketched call by call, so that a rule can be shown what nobody wants to write out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnlint.facts import (
    Column,
    Data,
    Facts,
    Features,
    Graph,
    Loop,
    Loss,
    Model,
    Node,
    Optimizer,
    Parameter,
    Probe,
    Recipe,
    Signal,
    Span,
    Subject,
    Target,
    Tensor,
)
from nnlint.facts.graph import CONVOLUTIONS, RECURRENT

LAYER_NAMES = {"linear": "nn.Linear", "conv2d": "nn.Conv2d", "lstm": "nn.LSTM", "batch_norm": "nn.BatchNorm1d"}


class Sketch:
    """A model under construction. Every method that adds a call returns its id."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.parameters: list[Parameter] = []
        self.losses: list[Loss] = []
        self.left: list[int] = []

    def input(self, *shape: int, dtype: str = "float32") -> int:
        return self._add("input", (), shape, kind="input", dtype=dtype)

    def constant(self, *shape: int) -> int:
        return self._add("constant", (), shape, kind="constant")

    def linear(self, source: int, units: int, **weight: Any) -> int:
        shape = self.shape(source)
        arguments = {"in_features": shape[-1], "out_features": units, "bias": True}
        return self._layer("linear", source, (*shape[:-1], units), arguments, (units, shape[-1]), weight)

    def conv(self, source: int, units: int, kernel: int = 3, groups: int = 1, **weight: Any) -> int:
        shape = self.shape(source)
        arguments = {"in_channels": shape[1], "out_channels": units, "kernel_size": [kernel, kernel], "groups": groups}
        wide = (units, shape[1] // groups, kernel, kernel)
        return self._layer("conv2d", source, (shape[0], units, *shape[2:]), arguments, wide, weight)

    def lstm(self, source: int, units: int, **arguments: Any) -> int:
        shape = self.shape(source)
        arguments = {"input_size": shape[-1], "hidden_size": units, "num_layers": 1, "dropout": 0.0, **arguments}
        return self._layer("lstm", source, (*shape[:-1], units), arguments, (4 * units, shape[-1]), {})

    def norm(self, source: int, op: str = "batch_norm") -> int:
        return self._add(op, (source,), self.shape(source), kind="layer", arguments={"training": True})

    def op(self, op: str, *sources: int, shape: Sequence[int] | None = None, **arguments: Any) -> int:
        return self._add(
            op, sources, tuple(shape) if shape is not None else self.shape(sources[0]), arguments=arguments
        )

    def outside(self, op: str, *sources: int, shape: Sequence[int] | None = None, **arguments: Any) -> int:
        """Add a call in the training loop."""
        shape = tuple(shape) if shape is not None else self.shape(sources[0])
        return self._add(op, sources, shape, module=None, arguments=arguments)

    def loss(self, kind: str, *reads: int, **more: Any) -> Loss:
        name = {"cross_entropy": "CrossEntropyLoss", "mse": "MSELoss", "bce": "BCELoss"}.get(kind, kind)
        span = Span(path="train.py", line=100 + len(self.losses))
        more = {"reduction": "mean", **more}
        self.losses.append(Loss(kind=kind, name=name, span=span, reads=tuple(reads), **more))
        return self.losses[-1]

    def returns(self, *ids: int) -> None:
        self.left.extend(ids)

    def shape(self, node: int) -> tuple[int, ...]:
        return self.nodes[node].shape

    def facts(
        self,
        *,
        target: Target | None = None,
        features: Sequence[Features] = (),
        probe: Probe | None = None,
        **recipe: Any,
    ) -> Facts:
        """Return the facts. `recipe` overrides fields of the recipe."""
        names = tuple(p.name for p in self.parameters)
        usual = {
            "losses": tuple(self.losses),
            "optimizers": (
                Optimizer(kind="Adam", lr=0.001, momentum=0.0, parameters=names, span=Span(path="train.py", line=200)),
            ),
            "scheduler": None,
            "batch_size": 32,
            "shuffles": True,
            "epochs": 20,
            "updates": 2000,
            "loop": Loop(
                clears_gradients=True,
                backward=Span(path="train.py", line=300),
                step=Span(path="train.py", line=301),
                optimizer_name="optimizer",
                clips=None,
                steps_seen=3,
            ),
        }  # fmt: skip
        model = Model(
            name="Net",
            span=Span(path="train.py", line=1),
            parameters=tuple(self.parameters),
            graph=Graph(nodes=tuple(self.nodes), outputs=tuple(self.left or [len(self.nodes) - 1])),
            fresh=True,
        )
        inputs = [node for node in self.nodes if node.kind == "input"]
        given = tuple(features) or tuple(plain_features(node.shape) for node in inputs)
        return Facts(
            subject=Subject(id="Net", target="train.py:Net", path="train.py", status="traced"),
            model=model,
            recipe=Recipe(**{**usual, **recipe}),
            data=Data(features=given, samples=1000, **({"target": target} if target else {})),
            probe=probe,
        )

    def _layer(
        self, op: str, source: int, shape: tuple[int, ...], arguments: dict[str, Any], wide: tuple[int, ...],
        weight: dict[str, Any],
    ) -> int:  # fmt: skip
        path = f"layer{len(self.nodes)}"
        fan_in, fan_out = math.prod(wide[1:]), wide[0] * math.prod(wide[2:])
        bound = 1 / math.sqrt(fan_in)
        usual = {"std": bound / math.sqrt(3), "mean": 0.0, "low": -bound, "high": bound,
                 "zeros": 0.0, "constant": False, "equal_units": False, "schemes": ("pytorch_default",)}  # fmt: skip
        bias = {**usual, **({"zeros": 1.0, "constant": True} if weight.get("zero_bias") else {})}
        weight = {name: value for name, value in weight.items() if name != "zero_bias"}
        named = {"dtype": "float32", "layer": path, "fan_in": fan_in, "fan_out": fan_out}
        self.parameters += [
            Parameter(name=f"{path}.weight", shape=wide, role="weight", **{**named, **usual, **weight}),
            Parameter(name=f"{path}.bias", shape=wide[:1], role="bias", **named, **bias),
        ]
        names = (f"{path}.weight", f"{path}.bias")
        return self._add(op, (source,), shape, kind="layer", arguments=arguments, parameters=names, module=path)

    def _add(
        self, op: str, inputs: Sequence[int], shape: Sequence[int], *, kind: str = "function", module: str | None = "",
        arguments: dict[str, Any] | None = None, parameters: tuple[str, ...] = (), dtype: str = "float32",
    ) -> int:  # fmt: skip
        assert op not in CONVOLUTIONS | RECURRENT | {"linear"} or parameters
        node = Node(
            id=len(self.nodes),
            op=op,
            kind=kind,
            name=LAYER_NAMES.get(op, f"F.{op}"),
            module=None if kind in ("input", "constant") else module,
            inputs=tuple(inputs),
            parameters=parameters,
            reads=tuple(self.nodes[i].gives[0] for i in inputs),
            gives=(Tensor(shape=tuple(shape), dtype=dtype),),
            arguments=arguments or {},
            call=Span(path="net.py", line=len(self.nodes) + 1),
        )
        self.nodes.append(node)
        return node.id


def column(mean: float = 0.0, std: float = 1.0, low: float | None = None, high: float | None = None) -> Column:
    low = mean - 2 * std if low is None else low
    return Column(mean=mean, std=std, low=low, high=mean + 2 * std if high is None else high)


def plain_features(shape: Sequence[int]) -> Features:
    """Return standardized features."""
    kind = {2: "vector", 3: "sequence", 4: "image"}.get(len(shape), "other")
    width = shape[1] if len(shape) in (2, 4) else shape[-1]
    return features(kind, shape, [column()] * width)


def features(kind: str, shape: Sequence[int], columns: Sequence[Column], rows: int = 200) -> Features:
    seen = tuple(columns)
    return Features(kind=kind, shape=tuple(shape), dtype="float32", rows=rows, columns=seen, entering=seen, finite=True)


def labels(
    rows: int = 32, classes: int = 2, shape: Sequence[int] | None = None, made: str = "data", **more: Any
) -> Target:
    """Return integer labels from 0 to `classes` - 1."""
    usual = {"low": 0.0, "high": classes - 1.0, "mean": (classes - 1) / 2, "std": 0.5, "integral": True,
             "distinct": classes, "one_hot": False, "made": made}  # fmt: skip
    return Target(shape=tuple(shape or (rows,)), dtype="int64", rows=rows, **{**usual, **more})


def values(shape: Sequence[int], low: float, high: float, made: str = "data", **more: Any) -> Target:
    """Return real-valued targets."""
    usual = {"mean": (low + high) / 2, "std": (high - low) / 4, "integral": False, "distinct": 1000, "one_hot": False}
    return Target(
        shape=tuple(shape), dtype="float32", rows=shape[0], low=low, high=high, made=made, **{**usual, **more}
    )


def probe(*signals: tuple[int, float, float], prediction: float = 0.5, dead: float = 0.0) -> Probe:
    """Return a probe from (node, std over the batch, gradient) of each hidden activation."""
    found = tuple(Signal(node=n, std=std, rms=std, gradient=gradient, dead=dead) for n, std, gradient in signals)
    last = signals[-1][0] if signals else 0
    return Probe(
        signals=found, prediction=Signal(node=last, std=prediction, rms=prediction, gradient=1.0), loss=1.0, seeds=2
    )

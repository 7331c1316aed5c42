"""The gradient fades on its way to the first layers.

Why is this bad?
    A step changes a layer in proportion to its gradient. Where the first hidden activation gets less than a fiftieth
    of what the last one gets, the first layers all but keep their random weights, and where the values themselves fade
    as well, there is little left to tell the samples apart. (A factor of 20 for the gradient finds nets that train
    badly with a precision of 0.89, on 114 of them; sound nets of three activations reach it, so both must reach 50.)

When is it fine?
    With skips and concatenations, through which the gradient has another way; with gates, which open and close values
    on purpose; with norms, which restore the values; and on batches that nnlint drew, whose scale may be another.

Fix safety
    There is no automatic fix: this is an effect. Most of its causes (saturating activations, the initialization, layers
    that start equal or dead) have rules of their own, which name this one among what they explain.

References
    Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks, 2010.
"""

from nnlint.facts import Graph, Model, Node, Probe
from nnlint.facts.graph import NORMS
from nnlint.facts.probe import SPREAD_LIMIT
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def vanishing_gradient(model: Model, probe: Probe) -> Finding | None:
    """Report gradients and values that both fade by more than 50 times between the hidden activations."""
    if probe.drawn or model.graph.joins or any(node.op in NORMS or _gates(model.graph, node) for node in model.graph):
        return None
    if not probe.gradient_arrives or max(probe.gradient_ratio, probe.std_ratio) >= 1 / SPREAD_LIMIT:
        return None
    first, last = model.graph[probe.signals[0].node], model.graph[probe.signals[-1].node]
    back = 1 / probe.gradient_ratio if probe.gradient_ratio else float("inf")
    forth = 1 / probe.std_ratio if probe.std_ratio else float("inf")
    return Finding(
        at=first,
        says=f"the gradient falls {back:,.0f} times on its way back to `{first.name}`",
        label="gets what is left of the gradient",
        also={last: "gets it first"} if last.span != first.span else {},
        why=f"the spread over the batch falls {forth:,.0f} times on its way forth; the first layers hardly move",
        help="look for what scales the values down between the two, or add a skip or a norm",
        explains=("constant-output",),
    )


def _gates(graph: Graph, node: Node) -> bool:
    """Whether one computed value opens or closes another."""
    return node.op == "mul" and len({source.id for source in graph.sources(node) if source.kind != "constant"}) > 1

"""Another activation than ReLU may suit the goal better.

Why is this bad?
    It is not: this is an experiment. ReLU is a good start. The article's order for accuracy is SELU, ELU, leaky ReLU,
    ReLU, tanh, logistic, and its choices for a goal are RReLU against overfitting, leaky ReLU for speed, PReLU for
    massive data (1 parameter a layer), ELU where a net does not normalize itself, SELU for robustness; GELU came later.

When is it fine?
    Wherever ReLU was compared with another.

Fix safety
    Unsafe: another function.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019. Hendrycks, Gimpel: Gaussian Error Linear Units, 2016.
"""

from nnlint.facts import Graph, Model, Node
from nnlint.facts.graph import WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import Fix, Replace
from nnlint.rule import rule

PROPOSALS = {
    "gelu": "GELU, for accuracy",
    "elu": "ELU, for accuracy in a net that does not normalize itself",
    "leaky_relu": "leaky ReLU, for speed and against dead units",
    "prelu": "PReLU, for massive data",
}


@rule(level="experiment", since="0.1")
def activation_off_goal(model: Model) -> Finding | None:
    """Propose other activations for the hidden ReLUs."""
    graph = model.graph
    hidden = [node for node in graph if node.op == "relu" and node.module is not None and _hidden(graph, node)]
    if not hidden:
        return None
    return Finding(
        at=hidden[0],
        says=f"the activation of {len(hidden)} hidden layer{'s' if len(hidden) > 1 else ''} is ReLU",
        why="it is 0 for half of what a well-scaled layer gives; others keep a slope there",
        fixes=[_fix(hidden, op, title) for op, title in PROPOSALS.items() if op != "prelu" or _layers(hidden)],
    )


def _hidden(graph: Graph, node: Node) -> bool:
    return graph.layer_before(node) is not None and any(graph[i].op in WEIGHTED for i in graph.downstream(node))


def _layers(nodes: list[Node]) -> bool:
    return all(node.kind == "layer" for node in nodes)


def _fix(nodes: list[Node], op: str, title: str) -> Fix:
    verbs = tuple(Replace(node=node, op=op) for node in nodes)
    return Fix(title=f"try {title}", verbs=verbs, changes="the network computes another function")

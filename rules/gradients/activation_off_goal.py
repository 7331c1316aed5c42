"""Another activation may suit the goal better.

Why is this bad?
    It is not: this is an experiment. ReLU is a good start. The article's order for accuracy is SELU, ELU, leaky ReLU,
    ReLU, tanh, logistic, and its choices for a goal are RReLU against overfitting, leaky ReLU for speed, PReLU for
    massive data (1 parameter a layer), ELU where a net does not normalize itself, SELU for robustness; GELU came later.

When is it fine?
    Wherever it was compared with another. Without a goal (`goal` in the configuration, `advise(goal=...)`), only ReLU
    is looked at.

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

WORDS = {
    "gelu": "GELU, for accuracy",
    "elu": "ELU, for accuracy in a net that does not normalize itself",
    "rrelu": "RReLU, against overfitting",
    "leaky_relu": "leaky ReLU, for speed and against dead units",
    "prelu": "PReLU, for massive data",
    "selu": "SELU, for robustness (with LeCun initialization)",
}
CHOICES = {
    None: ("gelu", "elu"),
    "accuracy": ("gelu", "elu"),
    "overfitting": ("rrelu",),
    "latency": ("leaky_relu",),
    "massive-data": ("prelu",),
    "robustness": ("selu",),
}
NAMES = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "rrelu": "RReLU", "prelu": "PReLU", "elu": "ELU", "selu": "SELU",
         "celu": "CELU", "gelu": "GELU", "silu": "SiLU", "mish": "Mish"}  # fmt: skip
FREE = ("relu", "leaky_relu")
"""Activations without an exponential: nothing is to be gained in speed."""


@rule(level="experiment", since="0.1")
def activation_off_goal(model: Model, *, goal: str | None = None) -> Finding | None:
    """Propose other activations for the hidden layers; without a goal for ReLU alone."""
    graph = model.graph
    hidden = [node for node in graph if node.op in NAMES and node.module is not None and _hidden(graph, node)]
    wanted = CHOICES[goal]
    kinds = {node.op for node in hidden}
    if len(kinds) != 1 or kinds & set(wanted) or (goal is None and kinds != {"relu"}):
        return None
    if goal == "latency" and kinds & set(FREE):
        return None
    op = hidden[0].op
    half = "it is 0 for half of what a well-scaled layer gives; others keep a slope there"
    return Finding(
        at=hidden[0],
        says=f"the activation of {len(hidden)} hidden layer{'s' if len(hidden) > 1 else ''} is {NAMES[op]}",
        why=half if op == "relu" else f"with {goal} as the goal the article takes another than {NAMES[op]}",
        fixes=[_fix(hidden, other) for other in wanted if other != "prelu" or _layers(hidden)],
        help="" if wanted != ("prelu",) or _layers(hidden) else "try `nn.PReLU`, a layer with a slope of its own",
    )


def _hidden(graph: Graph, node: Node) -> bool:
    return graph.layer_before(node) is not None and any(graph[i].op in WEIGHTED for i in graph.downstream(node))


def _layers(nodes: list[Node]) -> bool:
    return all(node.kind == "layer" for node in nodes)


def _fix(nodes: list[Node], op: str) -> Fix:
    verbs = tuple(Replace(node=node, op=op) for node in nodes)
    return Fix(title=f"try {WORDS[op]}", verbs=verbs, changes="the network computes another function")

"""Layer norm stands in front of logistic activations in series.

Why is this bad?
    Layer norm gives each sample the same mean and spread over its units, which leaves the mean of 0.5 that logistic
    units hand on; batch norm centres each unit over the batch, so that it stays in the steep part, where the slope is
    up to 0.25.

When is it fine?
    Gates, attention and anything else that multiplies by the result, a single logistic layer, and sequences, for which
    batch norm is no choice.

Fix safety
    Unsafe: another function, which depends on the batch in training.

References
    Ba, Kiros, Hinton: Layer Normalization, 2016. Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

from nnlint.facts import Graph, Model, Node, Probe
from nnlint.facts.graph import DROPOUTS, SIGMOIDS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, Replace
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def layernorm_under_sigmoid(model: Model, probe: Probe) -> Finding | None:
    """Report two layer norms or more that feed hidden logistic activations."""
    graph = model.graph
    watched = {signal.node for signal in probe.signals}
    norms = [norm for node in graph if node.id in watched and (norm := _norm(graph, node)) is not None]
    if len(norms) < 2:
        return None
    fixable = all(len(norm.shape) == 2 and norm.built is not None for norm in norms)
    return Finding(
        at=norms[0],
        says=f"{len(norms)} layer norms in series feed logistic activations",
        label="the same mean for each sample, not for each unit",
        also={norm: "and here" for norm in norms[1:3] if norm.span != norms[0].span},
        why="each unit keeps a mean of its own near 0.5, which the next layer reads as an offset",
        help="" if fixable else "use batch norm, or ReLU, whose units start centred",
        fixes=[_fix(norms)] if fixable else [],
    )


def _norm(graph: Graph, node: Node) -> Node | None:
    """Return the layer norm directly in front of a logistic activation that a layer alone reads."""
    if node.op not in SIGMOIDS:
        return None
    behind = graph.behind(graph.sources(node)[0], VIEWS | DROPOUTS)
    readers = graph.ahead(node, VIEWS | DROPOUTS)
    feeds = bool(readers) and all(reader.op == "linear" for reader in readers)
    return behind if behind.op == "layer_norm" and behind.kind == "layer" and feeds else None


def _fix(norms: list[Node]) -> Fix:
    verbs = tuple(Replace(node=n, op="batch_norm", arguments={"num_features": n.shape[-1]}) for n in norms)
    return Fix(title="use batch norm", verbs=verbs, changes="in training each prediction depends on its batch")

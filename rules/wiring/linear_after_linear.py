"""Two linear layers follow each other without an activation, so they are worth one.

Why is this bad?
    The product of two matrices is a matrix: `nn.Linear(a, b)` into `nn.Linear(b, c)` computes what one
    `nn.Linear(a, c)` computes, with more weights, more time and no more power. Usually an activation was forgotten.

When is it fine?
    Where the inner width is smaller than both outer ones (a factorized layer, LoRA, MobileNet's linear bottleneck),
    where the value between them is used elsewhere or leaves the model (the mean of a VAE, attention's projection, a
    projector), where either is frozen, and where axes are exchanged between them. A model without any activation is
    a linear model, perhaps on purpose: that is advice.

Fix safety
    Unsafe: another function.

References
    Goodfellow, Bengio, Courville: Deep Learning, section 6.1.
"""

from collections import Counter

from nnlint.facts import Graph, Layer, Node
from nnlint.facts.graph import ACTIVATIONS, ATTENTION, DROPOUTS, SOFTMAXES, VIEWS, WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import insert_after
from nnlint.rule import rule

BETWEEN = DROPOUTS | {"batch_norm", "identity", "contiguous", "clone", "to", "flatten", "view", "reshape", "squeeze",
                      "unsqueeze", "getitem", "checkpoint"}  # fmt: skip
COMMON = {"relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "hardswish"}


@rule(level="warning", since="0.1")
def linear_after_linear(layer: Layer) -> Finding | None:
    """Report a linear layer whose only source is another one."""
    if layer.op != "linear":
        return None
    between = _between(layer.graph, layer.node)
    if between is None:
        return None
    before = between[0]
    inner, outer = before.units or 0, (before.arguments.get("in_features", 0), layer.node.units or 0)
    weights = [Layer(before, layer.graph, layer.model).weight, layer.weight]
    if not inner or inner < min(outer) or any(weight is None or not weight.trainable for weight in weights):
        return None
    if before.parameters == layer.node.parameters or _joins_heads(layer.graph, before):
        return None
    activation = _usual(layer.graph)
    behind = next((node for node in reversed(between) if node.op == "batch_norm"), before)
    return Finding(
        at=layer.node,
        level="warning" if activation else "advice",
        says=f"`{layer.node.name}` follows `{before.name}` without an activation between them",
        label="no more than a matrix product",
        also={before: f"{outer[0]} features to {inner}"},
        why=f"{outer[0]} to {inner} to {outer[1]} features compute what one layer of {outer[0]} to {outer[1]} computes",
        fixes=[insert_after(behind, activation or "relu", title="put an activation between them")],
    )


def _joins_heads(graph: Graph, node: Node) -> bool:
    """Return whether a layer is the projection behind attention, which belongs to it whatever follows."""
    sources = graph.sources(node)
    return bool(sources) and graph.behind(sources[0], VIEWS | DROPOUTS).op in ATTENTION | {"matmul"}


def _between(graph: Graph, node: Node) -> list[Node] | None:
    """Return the linear layer before `node` and what stands between, first to last; None where another reads a part."""
    way: list[Node] = []
    here = node
    while graph.sources(here):
        here = graph.sources(here)[0]
        if len(graph.readers(here)) != 1 or here.id in graph.outputs or here.module is None:
            return None
        way.append(here)
        if here.op not in BETWEEN:
            break
        sources = graph.sources(here)
        if not sources or here.shape[-1:] != sources[0].shape[-1:]:
            return None
    if not way or way[-1].op != "linear" or way[-1].shape[-1:] != (way[-1].units,):
        return None
    return way[::-1]


def _usual(graph: Graph) -> str | None:
    """Return the model's most frequent hidden activation; "relu" for an unusual one, None where there is none."""
    hidden = [n.op for n in graph if n.op in ACTIVATIONS - SOFTMAXES and _feeds_a_layer(graph, n)]
    common = Counter(op for op in hidden if op in COMMON)
    return common.most_common(1)[0][0] if common else "relu" if hidden else None


def _feeds_a_layer(graph: Graph, node: Node) -> bool:
    return any(graph[i].op in WEIGHTED for i in graph.downstream(node))

"""A hidden layer is narrower than its neighbours and than the classes need.

Why is this bad?
    What a layer of h units passes on has h dimensions: C classes in general position need C - 1 of them. A narrow
    layer in the middle throws away what the wide ones before it have found, and none behind can bring it back.

When is it fine?
    Autoencoders (as wide at the end as at the start), adapters and bottlenecks beside a skip, anything with a
    concatenation or attention: only plain chains are looked at. A few channels behind a smooth activation, or none.

Fix safety
    Unsafe: a checkpoint of the old width no longer fits.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019, on hidden layers of the same size. Sandler et al.:
    MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, section 3.2, on ReLU in a few dimensions.
"""

import itertools

from nnlint.facts import Model, Node
from nnlint.facts.graph import CONVOLUTIONS, RECURRENT, WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import Fix, SetArgument
from nnlint.rule import rule

OTHER = (WEIGHTED - {"linear"}) | CONVOLUTIONS | RECURRENT | {"matmul", "mul", "scaled_dot_product_attention"}

FEW = 4
"""Channels up to which each one that a ReLU cuts counts."""
WIDER = 4
"""How many times wider the layer behind is at least."""


@rule(level="warning", since="0.1")
def narrow_hidden_layer(model: Model) -> Finding | None:
    """Report a bottleneck in a plain chain of dense layers."""
    if not model.graph.joins and (found := _rectified(model)) is not None:
        return found
    chain = [node for node in model.graph if node.op == "linear" and node.module is not None]
    if model.graph.joins or any(n.op in OTHER and n.module is not None for n in model.graph) or len(chain) < 3:
        return None
    if any(_feeds(model, a) != [b] for a, b in itertools.pairwise(chain)):
        return None
    widths = [int(chain[0].arguments.get("in_features", 0)), *(node.units or 0 for node in chain)]
    if widths[0] == widths[-1]:
        return None
    for i in range(1, len(widths) - 1):
        if widths[i] < min(widths[i - 1], widths[i + 1], widths[-1] - 1):
            narrow, wide = chain[i - 1], min(widths[i - 1], widths[i + 1])
            return Finding(
                at=narrow.built or narrow,
                explains=("init-mismatched-to-activation", "vanishing-gradient", "constant-output", "dead-relu"),
                says=f"a hidden layer of {widths[i]} units stands between {widths[i - 1]} and {widths[i + 1]}",
                why=f"{widths[-1]} classes need {widths[-1] - 1} dimensions, {widths[i]} come through",
                fixes=_fix(narrow, chain[i], wide),
            )
    return None


def _rectified(model: Model) -> Finding | None:
    """Report a ReLU on the few channels that a first 1x1 convolution mixes, where a wider layer follows."""
    weighted = [node for node in model.graph if node.op in WEIGHTED and node.module is not None][:2]
    if len(weighted) < 2 or any(node.op != "conv2d" for node in weighted):
        return None
    mixing, wide = weighted
    units = mixing.units or 0
    alone = mixing.arguments.get("kernel_size") in ((1, 1), [1, 1], 1)
    if not alone or not 0 < units <= min(FEW, int(mixing.arguments.get("in_channels", 0))):
        return None
    [*readers] = model.graph.readers(mixing)
    if len(readers) != 1 or readers[0].op != "relu" or (wide.units or 0) < WIDER * units:
        return None
    return Finding(
        at=readers[0],
        level="advice",
        says=f"a ReLU cuts the {units} channels that all {wide.units} channels behind read",
        also={mixing: f"{units} channels"},
        why="a channel that is negative is zero for every layer behind, and gets no gradient where it is",
        help="leave the ReLU out, take one that lets negative values through (ELU, LeakyReLU), or widen the layer",
    )


def _feeds(model: Model, node: Node) -> list[Node]:
    """Return the next dense layers behind `node`."""
    found, todo = [], model.graph.readers(node)
    while todo:
        reader = todo.pop()
        if reader.op == "linear":
            found.append(reader)
        else:
            todo += model.graph.readers(reader)
    return list(dict.fromkeys(found))


def _fix(narrow: Node, after: Node, width: int) -> list[Fix]:
    if narrow.built is None or after.built is None or narrow.built == after.built:
        return []
    verbs = (
        SetArgument(call=narrow.built, name="out_features", value=width, position=1),
        SetArgument(call=after.built, name="in_features", value=width, position=0),
    )
    return [Fix(title=f"widen the layer to {width} units", verbs=verbs, changes="an old checkpoint no longer fits")]

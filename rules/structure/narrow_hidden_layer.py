"""A hidden layer is narrower than its neighbours and than the classes need.

Why is this bad?
    What a layer of h units passes on has h dimensions: C classes in general position need C - 1 of them. A narrow
    layer in the middle throws away what the wide ones before it have found, and none behind can bring it back.

When is it fine?
    Autoencoders (as wide at the end as at the start), adapters and bottlenecks beside a skip, anything with a
    concatenation or attention: only plain chains of dense layers are looked at.

Fix safety
    Unsafe: a checkpoint of the old width no longer fits.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019, on hidden layers of the same size.
"""

import itertools

from nnlint.facts import Model, Node
from nnlint.facts.graph import CONVOLUTIONS, RECURRENT, WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import Fix, SetArgument
from nnlint.rule import rule

OTHER = (WEIGHTED - {"linear"}) | CONVOLUTIONS | RECURRENT | {"matmul", "mul", "scaled_dot_product_attention"}


@rule(level="warning", since="0.1")
def narrow_hidden_layer(model: Model) -> Finding | None:
    """Report a bottleneck in a plain chain of dense layers."""
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

"""One wide hidden layer may do better as two narrower ones.

Why is this bad?
    It is not: this is an experiment. The article holds that more layers bring more than more neurons. A layer of 512
    between 20 and 10 features has 15,360 weights; two of 109 have about as many. (Measured: no gain for small MLPs.)

When is it fine?
    Random features, kernels and any net that was tuned as it is.

Fix safety
    Unsafe: another network, with keys of its own in a checkpoint.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

import math

from nnlint.facts import Model, Node
from nnlint.facts.graph import WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import Fix, InsertAfter, SetArgument
from nnlint.rule import rule

WIDE = 256


@rule(level="experiment", since="0.1")
def width_before_depth(model: Model) -> Finding | None:
    """Propose two layers for one that is wide."""
    layers = [node for node in model.graph if node.op in WEIGHTED and node.module is not None]
    if model.graph.joins or len(layers) != 2 or any(node.op != "linear" for node in layers):
        return None
    first, last = layers
    width, read, given = first.units or 0, int(first.arguments.get("in_features", 0)), last.units or 0
    if width < WIDE or width < 4 * max(read, given):
        return None
    total = width * (read + given)
    half = int((math.sqrt((read + given) ** 2 + 4 * total) - (read + given)) / 2)
    return Finding(
        at=first.built or first,
        says=f"one hidden layer of {width} units does all the work",
        why=f"two layers of {half} units have about as many weights ({total:,}) and compose",
        fixes=_fixes(first, last, model.graph.activation_after(first), half),
        help=f"try two hidden layers of {half} units",
    )


def _fixes(first: Node, last: Node, activation: Node | None, half: int) -> list[Fix]:
    if activation is None or first.built is None or last.built is None:
        return []
    verbs = (
        SetArgument(call=first.built, name="out_features", value=half, position=1),
        InsertAfter(node=activation, op="linear", arguments={"in_features": half, "out_features": half}),
        InsertAfter(node=activation, op=activation.op),
        SetArgument(call=last.built, name="in_features", value=half, position=0),
    )
    return [Fix(title=f"try two hidden layers of {half} units", verbs=verbs, changes="another network is trained")]

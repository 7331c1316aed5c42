"""An activation is applied to the result of an activation.

Why is this bad?
    A second sigmoid squeezes 0 to 1 into 0.5 to 0.73, a second tanh -1 to 1 into -0.76 to 0.76, a second softmax
    makes nearly equal what the first has told apart: signal and gradient shrink for nothing. A second ReLU changes
    nothing and shows that a line was left over.

When is it fine?
    Log-softmax twice is exactly once. Different activations in a row are left alone.

Fix safety
    Unsafe for sigmoid, tanh and softmax, whose outputs change.

References
    PyTorch forum 60203 and 27298.
"""

from nnlint.facts import Layer
from nnlint.facts.graph import DROPOUTS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import remove
from nnlint.rule import rule

SQUEEZE = {"sigmoid": "0.50 to 0.73", "tanh": "-0.76 to 0.76", "softmax": "nearly equal shares"}
IDEMPOTENT = {"relu", "relu6"}


@rule(level="warning", since="0.1")
def repeated_activation(layer: Layer) -> Finding | None:
    """Report the same activation twice in a row."""
    node = layer.node
    if node.op not in SQUEEZE.keys() | IDEMPOTENT or not layer.graph.sources(node):
        return None
    before = layer.graph.behind(layer.graph.sources(node)[0], VIEWS | DROPOUTS)
    if before.op != node.op:
        return None
    harmless = node.op in IDEMPOTENT
    return Finding(
        at=node,
        level="advice" if harmless else "warning",
        says=f"`{node.name}` is applied to the result of `{before.name}`",
        label="for the second time",
        also={before: "for the first time"} if before.span != node.span else {},
        why="the second changes nothing"
        if harmless
        else f"the second squeezes the values of the first into {SQUEEZE[node.op]}",
        fixes=[remove(node, title="apply it once")],
    )

"""Plain dropout behind SELU may do better as alpha dropout.

Why is this bad?
    It is not: this is an experiment. Dropout sets units to 0 and so moves the mean and the variance that SELU keeps;
    alpha dropout sets them to SELU's lower limit of -1.76 and rescales, which keeps both. (Measured on two tasks:
    alpha dropout cost 4 and 6 points, so try it before believing it.)

When is it fine?
    Where accuracy was compared, and in nets with norms or skips, which SELU does not normalize by itself.

Fix safety
    Unsafe: training drops in another way.

References
    Klambauer et al.: Self-Normalizing Neural Networks, 2017.
"""

from collections.abc import Iterator

from nnlint.facts import Layer
from nnlint.facts.graph import VIEWS
from nnlint.finding import Finding
from nnlint.fix import replace
from nnlint.rule import rule


@rule(level="experiment", since="0.1")
def plain_dropout_after_selu(layer: Layer) -> Iterator[Finding]:
    """Propose alpha dropout for dropout that reads a SELU."""
    node = layer.node
    if node.op != "dropout" or not node.arguments.get("p", 0.5):
        return
    if layer.graph.behind(layer.graph.sources(node)[0], VIEWS).op != "selu":
        return
    yield Finding(
        at=node.built or node,
        says=f"`{node.name}` follows a SELU",
        why=f"dropping {node.arguments.get('p', 0.5):.0%} of the units to 0 moves the mean and variance that it keeps",
        fixes=[replace(node, "alpha_dropout", title="use alpha dropout", changes="training drops in another way")],
    )

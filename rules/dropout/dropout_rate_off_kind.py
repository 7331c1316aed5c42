"""The dropout rate is not the one that this kind of layer is usually given.

Why is this bad?
    It is not: this is an experiment. The article's starting points are 0.3 behind recurrent layers and 0.5 behind
    convolutions; what is best depends on the data.

When is it fine?
    Where the rate was tuned. Rates that are out of range altogether have a rule of their own.

Fix safety
    Unsafe: training drops more or less.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

from collections.abc import Iterator

from nnlint.facts import Layer
from nnlint.facts.graph import ACTIVATIONS, CONVOLUTIONS, DROPOUTS, NORMS, POOLS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule

RECURRENT, CONVOLUTIONAL = 0.3, 0.5
THROUGH = VIEWS | ACTIVATIONS | NORMS | POOLS


@rule(level="experiment", since="0.1")
def dropout_rate_off_kind(layer: Layer) -> Iterator[Finding]:
    """Propose the usual rate for dropout behind recurrent layers and convolutions."""
    node, graph = layer.node, layer.graph
    if node.op not in DROPOUTS or node.kind != "layer" or node.built is None:
        return
    behind = graph.behind(graph.sources(node)[0], THROUGH)
    usual = RECURRENT if behind.op in ("rnn", "lstm", "gru") else CONVOLUTIONAL if behind.op in CONVOLUTIONS else None
    rate = node.arguments.get("p", 0.5)
    if usual is None or rate == usual or not 0 < rate < 1:
        return
    yield Finding(
        at=node.built,
        says=f"`{node.name}` behind `{behind.name}` drops {rate:.0%}",
        why=f"{usual:.0%} is the usual start behind {'recurrent layers' if usual == RECURRENT else 'convolutions'}",
        fixes=[_fix(layer, usual)],
    )


def _fix(layer: Layer, rate: float) -> Fix:
    assert layer.node.built is not None
    return set_argument(
        layer.node.built, "p", rate, position=0, title=f"drop {rate:.0%}", changes="training drops more or less"
    )

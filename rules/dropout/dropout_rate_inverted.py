"""The smaller layer has the larger dropout rate.

Why is this bad?
    It is not: this is an experiment. The article gives larger layers the larger rates, since a layer of 512 units has
    more to spare than one of 32.

When is it fine?
    Where the rates were tuned.

Fix safety
    Unsafe: training drops in other places.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

import itertools
from collections.abc import Iterator

from nnlint.facts import Model
from nnlint.facts.graph import ACTIVATIONS, NORMS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, SetArgument
from nnlint.rule import rule


@rule(level="experiment", since="0.1")
def dropout_rate_inverted(model: Model) -> Iterator[Finding]:
    """Propose to exchange the rates of two dropouts of which the smaller layer has the larger one."""
    graph = model.graph
    found = []
    for node in graph:
        if node.op == "dropout" and node.kind == "layer" and node.built is not None:
            made = graph.behind(graph.sources(node)[0], VIEWS | ACTIVATIONS | NORMS)
            if made.op == "linear" and made.units:
                found.append((node, made.units, node.arguments.get("p", 0.5)))
    for (one, width, rate), (other, narrow, higher) in itertools.pairwise(found):
        if width < 2 * narrow or higher <= rate or one.built == other.built or one.built is None or not rate:
            continue
        assert other.built is not None
        verbs = (
            SetArgument(call=one.built, name="p", value=higher, position=0),
            SetArgument(call=other.built, name="p", value=rate, position=0),
        )
        yield Finding(
            at=other.built,
            says=f"{higher:.0%} of {narrow} units are dropped, but {rate:.0%} of {width}",
            why=f"{narrow * (1 - higher):.0f} units are left of one layer, {width * (1 - rate):.0f} of the other",
            also={one.built: "the larger layer drops less"},
            fixes=[Fix(title="exchange the rates", verbs=verbs, changes="training drops in other places")],
        )

"""One batch norm serves the values of two different layers.

Why is this bad?
    It keeps one running mean and variance. Where two layers with values of their own pass through it, the figures are
    those of the mixture (each call moves them by `momentum`, 0.1), so that in evaluation mode both are normalized by
    figures that are neither's, although each batch was normalized by its own in training.

When is it fine?
    Siamese towers and unrolled recurrences, where the same layer with the same weights stands in front each time, and
    norms without running figures.

Fix safety
    Unsafe: checkpoints get new keys, and both norms start with figures of their own.

References
    Ioffe, Szegedy: Batch Normalization, 2015. Cooijmans et al.: Recurrent Batch Normalization, 2016 (one for each
    step).
"""

from collections.abc import Iterator

from nnlint.facts import Graph, Model, Node
from nnlint.facts.graph import VIEWS, WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import Fix, SplitLayer
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def reused_batchnorm(model: Model) -> Iterator[Finding]:
    """Report a batch norm that is called behind layers with different weights."""
    calls: dict[str, list[Node]] = {}
    for node in model.graph:
        if node.op == "batch_norm" and node.kind == "layer" and node.module and node.parameters:
            calls.setdefault(node.module, []).append(node)
    for path, nodes in calls.items():
        behind = [made.parameters for node in nodes if (made := _producer(model.graph, node)) is not None]
        if len(nodes) < 2 or not nodes[0].arguments.get("track_running_stats", True) or len(behind) < len(nodes):
            continue
        if len(set(behind)) == 1:
            continue
        yield Finding(
            at=nodes[0].built or nodes[0],
            says=f"the batch norm `{path}` is called {len(nodes)} times, behind different layers",
            explains=("unused-parameters",),  # the norm that was meant to be called here
            label="one running mean for all of them",
            also={node: "called here" for node in nodes[:3] if node.call is not None},
            why="evaluation normalizes each by figures of the mixture, training by its own",
            fixes=[
                Fix(
                    title="build a norm for each",
                    verbs=(SplitLayer(nodes=tuple(nodes)),),
                    changes="checkpoints get new keys",
                )
            ],
            help="build a norm for each",
        )


def _producer(graph: Graph, norm: Node) -> Node | None:
    """Return the layer with weights directly in front of a norm."""
    sources = graph.sources(norm)
    made = graph.behind(sources[0], VIEWS) if sources else norm
    return made if made.op in WEIGHTED and made.parameters else None

"""A softmax runs over a single unit, so its result is the constant 1.

Why is this bad?
    A softmax divides by the sum over its axis. Over one value that gives exactly 1 for every input, and its
    logarithm 0: the network says the same whatever it sees, and no gradient arrives at any weight. It is the
    commonest real fault in public collections of networks that do not learn.

When is it fine?
    Never for the output of one unit. An axis that has length 1 only in the traced input (one position, one
    candidate) is not reported: the axis must be the one along which the layer's units stand, with nothing reshaped
    in between.

Fix safety
    Unsafe: the output becomes a probability, and another one than before.

References
    PyTorch: `torch.nn.Softmax`, `torch.nn.BCEWithLogitsLoss`. Stack Overflow 34311586, 45442843, 58844149.
"""

from collections.abc import Iterator

from nnlint.facts import Graph, Node, Output, known
from nnlint.facts.graph import ACTIVATIONS, DROPOUTS, SOFTMAXES, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, remove, replace
from nnlint.rule import rule

WEIGHTS_SOMETHING = {"mul", "matmul", "einsum"}


@rule(level="error", since="0.1")
def softmax_on_one_unit(output: Output) -> Iterator[Finding]:
    """Report a softmax over the only unit of the layer before it."""
    for node in output.graph:
        unit = _one_unit(output.graph, node)
        if unit is None:
            continue
        always = "0" if node.op == "log_softmax" else "1"
        if node in output.tail:
            fixes = _fixes(node, output)
            yield Finding(
                at=node,
                says=f"`{node.name}` over one unit is always {always}",
                label=f"one value along axis {node.axis}",
                also={unit.built: "has one unit"} if unit.built else {},
                why="the output is the same for every input, and no gradient reaches any weight",
                help="" if fixes else "give the layer one unit for each class",
                explains=("softmax-before-cross-entropy", "vanishing-gradient", "constant-output"),
                fixes=fixes,
            )
        elif any(reader.op in WEIGHTS_SOMETHING for reader in output.graph.ahead(node)):
            yield Finding(
                at=node,
                level="warning",
                says=f"the weights from `{node.name}` over one unit are always {always}",
                label=f"one value along axis {node.axis} of {tuple(node.shape)}",
                help="take the softmax over the axis of what is weighted",
            )


def _one_unit(graph: Graph, node: Node) -> Node | None:
    """Return the layer whose only unit the softmax `node` runs over; None where it runs over anything else."""
    if node.op not in SOFTMAXES or not node.shape or node.axis is None or node.shape[node.axis] != 1:
        return None
    layer = graph.behind(node, VIEWS | DROPOUTS | ACTIVATIONS)
    same_axis = layer.shape == node.shape and layer.unit_axis == node.axis
    return layer if same_axis and layer.units == 1 else None


def _fixes(node: Node, output: Output) -> list[Fix]:
    # The kind decides only which of two ways out is shown: the finding stands without it.
    kind = known(lambda: output.loss.kind, "custom")
    if node.op == "log_softmax" or kind in ("cross_entropy", "nll"):
        return []
    if kind == "bce_with_logits":
        return [remove(node, title="return the logits")]
    return [replace(node, "sigmoid", title="use a sigmoid for the probability of one class")]

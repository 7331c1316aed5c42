"""A reshape mixes the samples of a batch.

Why is this bad?
    `view` and `reshape` keep the order of the values and cut it anew: `x.view(T, B, F)` of a batch-first tensor does
    not exchange the axes, it deals the values of one sample out to others. Shapes fit and the loss falls a little, but
    a prediction depends on which samples share its batch.

When is it fine?
    Where samples are meant to meet (contrastive losses, graphs, attention over the batch), which no reshape does, and
    where axis 0 is merged with the next and split again in the same order. It is reported only where changing one
    sample was seen to change another's output in evaluation mode.

Fix safety
    Unsafe: another function. There is no automatic fix where the reshape does more than exchange two axes.

References
    PyTorch: `torch.Tensor.view`, `torch.Tensor.transpose`.
"""

import math

from nnlint.facts import Graph, Model, Node, Probe
from nnlint.finding import Finding
from nnlint.fix import Fix, replace_expression
from nnlint.rule import rule

CUTS_ANEW = {"view", "reshape", "flatten", "unflatten"}


@rule(level="error", since="0.1")
def batch_mixed_by_reshape(model: Model, probe: Probe) -> Finding | None:
    """Report the reshape behind an output that depends on another sample."""
    mixes = probe.mixes
    if mixes is None or mixes.node is None:
        return None
    graph = model.graph
    try:
        there = graph[mixes.node]
    except KeyError:
        return None
    before = [graph[i] for i in sorted(graph.upstream(there) | {there.id})]
    guilty = next((node for node in before if node.module is not None and _mixes(graph.sources(node), node)), None)
    guilty = guilty or (there if _claims(graph, there) else None)
    if guilty is None:
        return None
    source = graph.sources(guilty)[0]
    return Finding(
        at=guilty,
        says=f"`{guilty.name}` mixes the samples of a batch",
        label=f"`{_shown(source.shape)}` cut anew as `{_shown(guilty.shape)}`",
        why=f"changing sample {mixes.changed} moves the output of sample {mixes.moved} by {mixes.by:.2g}",
        help="" if _exchanges(source, guilty) else "exchange axes by `transpose` or `permute`, and keep the first",
        explains=("batch-axis-taken-as-time",),
        fixes=_fix(source, guilty),
    )


def _mixes(sources: list[Node], node: Node) -> bool:
    """Whether a reshape spreads the values of one index of axis 0 over several, and not in whole blocks."""
    if node.op not in CUTS_ANEW or not sources or len(sources[0].shape) < 2 or not node.shape:
        return False
    old, new = sources[0].shape, node.shape
    if math.prod(old) != math.prod(new) or old[0] == new[0] or 1 in (old[0], new[0]):
        return False
    return _exchanges(sources[0], node) or (new[0] % old[0] != 0 and old[0] % new[0] != 0)


def _claims(graph: Graph, node: Node) -> bool:
    """Whether a reshape takes axis 0 for the batch's after another axis was put in its place."""
    inputs = [one.shape[0] for one in graph if one.kind == "input" and one.shape]
    moved = graph.sources(node)
    if node.op not in CUTS_ANEW or not inputs or not moved or not moved[0].shape or not node.shape:
        return False
    return moved[0].op in ("permute", "transpose", "movedim") and moved[0].shape[0] != inputs[0] == node.shape[0]


def _exchanges(source: Node, node: Node) -> bool:
    old, new = source.shape, node.shape
    return len(old) > 1 and len(new) > 1 and old[0] != old[1] and new == (old[1], old[0], *old[2:])


def _shown(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(str(n) for n in shape) + ")"


def _fix(source: Node, node: Node) -> list[Fix]:
    if node.call is None or not node.name.startswith("Tensor.") or not _exchanges(source, node):
        return []
    return [
        replace_expression(
            node.call,
            "{owner}.transpose(0, 1)",
            title="exchange the axes",
            changes="the network computes another function",
        )
    ]

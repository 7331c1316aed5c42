"""A view in front of the loss mixes classes with positions.

Why is this bad?
    A map of logits has the classes in axis 1: (N, C, H, W). `.view(-1, C)` does not move them to the end, it cuts the
    values anew, so that a row holds C positions of one class. Shapes fit, the loss falls to the share of the most
    frequent class, and 0 of the rows are the logits of a pixel.

When is it fine?
    Behind a `permute` or `transpose` that brings the classes to the axis where the loss looks for them, where all other
    axes have length 1, and where the map goes to the loss as it is, which is what `CrossEntropyLoss` takes.

Fix safety
    Unsafe: the network is trained on what was meant.

References
    PyTorch: `torch.nn.CrossEntropyLoss` (input of shape (N, C, d1, ..., dK)).
"""

import math

from nnlint.facts import Node, Output
from nnlint.finding import Finding
from nnlint.fix import Fix, replace_expression
from nnlint.rule import rule

CUTS_ANEW = {"view", "reshape"}
SAME = {"contiguous", "clone", "identity", "to", "float", "log_softmax"}
KINDS = {"cross_entropy", "nll"}


@rule(level="error", since="0.1")
def class_axis_scrambled(output: Output) -> Finding | None:
    """Report a view behind the last layer that takes its units apart."""
    graph = output.graph
    if output.loss.kind not in KINDS:
        return None
    view = graph.behind(output.node, SAME)
    if view.op not in CUTS_ANEW or len(view.shape) < 2:
        return None
    source = graph.behind(graph.sources(view)[0], SAME)
    axis, old, new = source.unit_axis, source.shape, view.shape
    if axis is None or source.units != old[axis] or new[1] != old[axis] or old[axis] < 2:
        return None
    if math.prod(old[axis + 1 :]) == math.prod(new[2:]):
        return None
    return Finding(
        at=view,
        says=f"`{view.name}` mixes the {old[axis]} classes with positions",
        label=f"`({_shown(old)})` cut anew as `({_shown(new)})`",
        also={source: f"has its classes in axis {axis}"},
        why=f"a row of what the loss reads holds {old[axis]} positions, not the logits of one",
        help="" if _fix(view, old, axis, new) else "move the classes by `permute` before the view",
        fixes=_fix(view, old, axis, new),
    )


def _shown(shape: tuple[int, ...]) -> str:
    return ", ".join(str(n) for n in shape)


def _fix(view: Node, old: tuple[int, ...], axis: int, new: tuple[int, ...]) -> list[Fix]:
    """Return how to bring the classes to the end before a view that leaves two axes."""
    if view.call is None or not view.name.startswith("Tensor.") or len(new) != 2 or axis == len(old) - 1:
        return []
    order = ", ".join(str(i) for i in (*range(axis), *range(axis + 1, len(old)), axis))
    return [
        replace_expression(
            view.call,
            f"{{owner}}.permute({order}).reshape({{args}})",
            title="bring the classes to the last axis first",
            changes="the loss reads what was meant",
        )
    ]

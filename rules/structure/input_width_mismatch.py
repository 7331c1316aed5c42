"""A layer is made for another number of features than it gets.

Why is this bad?
    The first layer has one neuron for each feature (for images: each channel, or the product of all dimensions), and
    every further layer one for each unit before it. Any other number stops the program at the first batch.

When is it fine?
    Whatever stands before the layer counts: features that the model selects, flattens or joins itself.

Fix safety
    Unsafe: a checkpoint of the old width no longer fits.

References
    PyTorch: `torch.nn.Linear`, `torch.nn.Conv2d`. Lavanya Shukla: Designing Your Neural Networks, 2019, on input
    neurons.
"""

import math

from nnlint.facts import Model, Node
from nnlint.facts.graph import CONVOLUTIONS
from nnlint.finding import Finding
from nnlint.fix import Fix, insert_before, set_argument
from nnlint.rule import rule

WIDTHS = {"linear": "in_features", "lstm": "input_size", "gru": "input_size", "rnn": "input_size",
          "batch_norm": "num_features"} | dict.fromkeys(CONVOLUTIONS, "in_channels")  # fmt: skip
"""The argument that names the number of features; it comes first in every one of them."""


@rule(level="error", since="0.1")
def input_width_mismatch(model: Model) -> Finding | None:
    """Report the layer at which the user's own forward stopped because of its width."""
    failure = model.failure
    node = failure.node if failure is not None else None
    if node is None or node.op not in WIDTHS or not node.reads:
        return None
    wanted, shape = node.arguments.get(WIDTHS[node.op]), node.reads[0].shape
    axis = _axis(node, len(shape))
    if wanted is None or axis is None or shape[axis] == wanted:
        return None
    what = "channels" if node.op in CONVOLUTIONS else "features"
    fixes, help = _ways_out(node, int(wanted), shape, axis)
    return Finding(
        at=node.built or node,
        says=f"`{node.name}` takes {wanted} {what} and gets {shape[axis]}",
        label=f"made for {wanted} {what}",
        also={node.call: f"gets the shape ({', '.join(map(str, shape))})"} if node.call and node.built else {},
        why="the first batch stops the program",
        help=help if not fixes else "",
        fixes=fixes,
    )


def _axis(node: Node, rank: int) -> int | None:
    """Return the axis along which the layer's features stand; None where the rank fits nothing."""
    if node.op == "batch_norm":
        return 1 if rank > 1 else None
    if node.op not in CONVOLUTIONS:
        return rank - 1 if rank else None
    spatial = int(node.op.rstrip("d")[-1])
    return rank - 1 - spatial if rank in (spatial + 1, spatial + 2) else None


def _ways_out(node: Node, wanted: int, shape: tuple[int, ...], axis: int) -> tuple[list[Fix], str]:
    if node.op in CONVOLUTIONS and shape[-1] == wanted:
        return [], "move the channels in front: `x.movedim(-1, 1)`"
    if node.op in CONVOLUTIONS and axis == 0 and wanted == 1:
        return [], "give the images a channel: `x.unsqueeze(1)`"
    if node.op == "linear" and len(shape) > 2 and math.prod(shape[1:]) == wanted:
        return [insert_before(node, "flatten", start_dim=1, title="flatten each sample before the layer")], ""
    if node.built is None:
        return [], "make the layer as wide as what reaches it"
    return [
        set_argument(
            node.built,
            WIDTHS[node.op],
            shape[axis],
            position=0,
            title=f"make the layer {shape[axis]} wide at its entrance",
            changes="a checkpoint of the old width no longer fits",
        )
    ], ""

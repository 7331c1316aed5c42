"""A layer has a bias that the batch norm behind it takes out again.

Why is this bad?
    A batch norm subtracts the mean of each channel, and with it any bias, and adds its own. The layer's bias gets
    no gradient, costs memory and time, and does nothing. (No difference in accuracy was measured.)

When is it fine?
    Behind layer norm or group norm, which subtract one mean for several channels, and where something else reads
    the layer.

Fix safety
    Unsafe: a checkpoint loses a key, and a trained model must have its running mean shifted by the bias it loses.

References
    Ioffe, Szegedy: Batch Normalization, 2015, section 3.2. PyTorch: Performance Tuning Guide.
"""

from nnlint.facts import Layer
from nnlint.facts.graph import CONVOLUTIONS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import set_argument
from nnlint.rule import rule

POSITION = {"linear": 2, "conv1d": 7, "conv2d": 7, "conv3d": 7}


@rule(level="advice", since="0.1")
def bias_before_norm(layer: Layer) -> Finding | None:
    """Report a bias directly before a batch norm that is in training."""
    node = layer.node
    if node.op not in CONVOLUTIONS | {"linear"} or layer.bias is None:
        return None
    readers = layer.graph.ahead(node, VIEWS)
    if len(readers) != 1 or readers[0].op != "batch_norm" or not readers[0].arguments.get("training", True):
        return None
    if len(readers[0].shape) > 1 and readers[0].shape[1] != node.units:
        return None  # a view spreads the units of a channel over positions, which the norm does not tell apart
    return Finding(
        at=node.built or node,
        says=f"`{readers[0].name}` takes the bias of `{node.name}` out again",
        also={readers[0].built: "subtracts the mean of each channel"} if readers[0].built else {},
        why=f"{node.units} parameters do nothing",
        fixes=[
            set_argument(
                node.built,
                "bias",
                False,
                position=POSITION.get(node.op),
                title="leave the bias to the norm",
                changes="a checkpoint loses a key",
            )
        ]
        if node.built
        else [],
    )

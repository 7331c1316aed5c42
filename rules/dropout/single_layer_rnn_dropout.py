"""A recurrent network of one layer is given a dropout rate that does nothing.

Why is this bad?
    The `dropout` of `nn.LSTM`, `nn.GRU` and `nn.RNN` acts between layers. With one layer there is no place for it,
    and the network is trained without the regularization that its author counts on.

When is it fine?
    With two layers and more.

Fix safety
    Unsafe, since the same line may build deeper networks elsewhere. Here outputs and checkpoints stay as they are.

References
    PyTorch: `torch.nn.LSTM` ("introduces a Dropout layer on the outputs of each LSTM layer except the last layer").
"""

from nnlint.facts import Layer, Node
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def single_layer_rnn_dropout(layer: Layer) -> Finding | None:
    """Report dropout inside a recurrent layer that is alone."""
    node = layer.node
    rate = float(node.arguments.get("dropout") or 0.0) if node.op in ("rnn", "lstm", "gru") else 0.0
    if not rate or node.arguments.get("num_layers") != 1:
        return None
    return Finding(
        at=node.built or node,
        says=f"`{node.name}` has one layer, so its dropout of {rate:g} does nothing",
        why="it acts between layers, and there is one",
        help="put `nn.Dropout` behind it where you want to regularize",
        fixes=_fix(node),
    )


def _fix(node: Node) -> list[Fix]:
    if node.built is None:
        return []
    title = "drop what has no effect"
    return [set_argument(node.built, "dropout", 0.0, position=5, title=title)]

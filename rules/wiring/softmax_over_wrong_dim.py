"""The softmax of an output runs over the samples of the batch.

Why is this bad?
    A softmax over axis 0 makes the samples of a batch compete: what the model says of one depends on which others
    came along, and for a single sample it is always 1. Where `dim` is left out, PyTorch takes axis 0 for one and
    three axes.

When is it fine?
    Attention over a set that stands along axis 0 (it weights something and is no output), and outputs without a
    batch.

Fix safety
    Unsafe: another result, which is the purpose.

References
    PyTorch: `torch.nn.functional.softmax`, whose implicit choice of `dim` is deprecated. PyTorch forum 77250.
"""

from nnlint.facts import Data, Graph, Node, Output, Probe
from nnlint.facts.graph import SOFTMAXES
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule

CLASSES_FIRST = {"cross_entropy", "nll"}


@rule(level="error", since="0.1")
def softmax_over_wrong_dim(output: Output, data: Data, probe: Probe) -> Finding | None:
    """Report a softmax over the batch axis: on the way to the loss, or where one sample is seen to move another."""
    soft = next((node for node in output.tail if node.op in SOFTMAXES), None)
    if soft is None or len(soft.shape) < 2:
        return _inside(output.graph, probe)
    if soft.axis == 1 and len(soft.shape) == 2 and soft.arguments.get("dim") is None and soft.op != "gumbel_softmax":
        return Finding(
            at=soft,
            level="advice",
            says=f"`{soft.name}` leaves its axis to PyTorch",
            why="for two axes PyTorch takes the last one, for three the first, and warns that this will go",
            fixes=_fix(soft, output),
        )
    batch = data.features[0].shape[0]
    if soft.axis != 0 or batch < 2 or soft.shape[0] != batch:
        return None
    return Finding(
        at=soft,
        says=f"`{soft.name}` runs over the {batch} samples of the batch",
        label="over axis 0",
        why="the output for a sample depends on the others in its batch, and is always 1 for a sample alone"
        if soft.op != "log_softmax"
        else "the output for a sample depends on the others in its batch, and is always 0 for a sample alone",
        help="take the softmax over the axis of the classes",
        fixes=_fix(soft, output),
    )


def _inside(graph: Graph, probe: Probe) -> Finding | None:
    """Report the softmax through which one sample moves another."""
    mixes = probe.mixes
    soft = next((node for node in graph if mixes is not None and node.id == mixes.node), None)
    if mixes is None or soft is None or soft.op not in SOFTMAXES or soft.axis != 0 or len(soft.shape) < 2:
        return None
    where = soft.built or soft.call
    position = 0 if soft.kind == "layer" or soft.name.startswith("Tensor.") else 1
    axis = 1 if soft.shape[-1] == 1 else -1
    title = f"take the softmax over axis {axis}"
    return Finding(
        at=soft,
        says=f"`{soft.name}` runs over the {soft.shape[0]} samples of the batch",
        label="over axis 0",
        why=f"changing sample {mixes.changed} moves the output of sample {mixes.moved} by {mixes.by:.2g}",
        help="" if where else "take the softmax over another axis",
        fixes=[set_argument(where, "dim", axis, position=position, title=title)] if where else [],
    )


def _fix(soft: Node, output: Output) -> list[Fix]:
    where = soft.built or soft.call
    axis = 1 if len(soft.shape) > 2 and output.reader is not None and output.loss.kind in CLASSES_FIRST else -1
    if where is None or soft.shape[axis] < 2:
        return []
    position = 0 if soft.kind == "layer" or soft.name.startswith("Tensor.") else 1
    return [set_argument(where, "dim", axis, position=position, title=f"take the softmax over axis {axis}")]

"""The last layer has too few units for what it predicts.

Why is this bad?
    A cross-entropy compares classes, and needs one unit for each of them. With a single unit there is nothing to
    compare: the softmax is 1, the loss is 0 for every input, and nothing is learned. With fewer units than classes,
    the labels beyond the last unit stop the program.

When is it fine?
    One unit for a binary decision with a sigmoid loss, one for a regression, and more units than classes (padded
    vocabularies). A softmax over the positions or candidates inside the model is no class axis and is not reported.

Fix safety
    Unsafe: a checkpoint of the old width no longer fits.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019, on the number of output neurons. PyTorch forum 77250.
"""

from nnlint.facts import Data, Node, Output, Target
from nnlint.finding import Finding, Place
from nnlint.fix import Fix, replace_loss, set_argument
from nnlint.rule import rule

CLASS_LOSSES = {"cross_entropy", "nll"}
IGNORED_LABELS = {255}


@rule(level="error", since="0.1")
def output_width_mismatch(output: Output, data: Data) -> Finding | None:
    """Report one unit treated as classes, and fewer units than there are labels."""
    layer, kind = output.source, output.loss.kind
    if layer is None or layer.units is None or layer.unit_axis is None:
        return None
    if layer.units == 1:
        return _one_unit(output, layer, kind, data)
    if kind not in CLASS_LOSSES or not _class_axis_kept(output, layer):
        return None
    target = data.target
    if not target.integral or len(target.shape) == len(output.node.shape) or target.high in IGNORED_LABELS:
        return None
    classes = int(target.high) + 1
    if classes <= layer.units or (target.low >= 1 and target.high - target.low < layer.units):
        return None  # counted from 1: the targets are wrong, not the layer
    return Finding(
        at=layer,
        says=f"the labels go up to {classes - 1}, the last layer has {layer.units} units",
        also={output.loss: "needs one unit for each class"},
        why=f"there is no unit for the labels from {layer.units} on",
        fixes=_widen(layer, classes),
    )


def _one_unit(output: Output, layer: Node, kind: str, data: Data) -> Finding | None:
    soft = next((node for node in output.tail if node.axis is not None), None)
    if kind in CLASS_LOSSES and _class_axis_kept(output, layer):
        label, fixes = "has one unit", _fixes(output, layer, data.target)
    elif kind in CLASS_LOSSES | {"custom"} and soft is not None and _over_samples(soft, layer):
        label, fixes = "has one unit", []
    else:
        return None
    classes = kind in CLASS_LOSSES
    also: dict[Place, str] = {soft: f"runs over axis {soft.axis}"} if soft else {}
    if classes:
        also = {output.loss: "compares classes"}
    return Finding(
        at=layer,
        says=f"the single unit of `{layer.name}` is treated as a set of classes",
        label=label,
        also=also,
        why="over one class the loss is 0 whatever the input"
        if classes
        else "one value for each sample is no choice of classes",
        help="" if fixes else "give the layer one unit for each class, or take a sigmoid with `BCEWithLogitsLoss`",
        fixes=fixes,
    )


def _class_axis_kept(output: Output, layer: Node) -> bool:
    """Whether the loss reads the layer's units as classes: nothing between reshaped them."""
    shape = output.node.shape
    axis = 1 if len(shape) > 1 else 0
    return output.node.shape == layer.shape and layer.unit_axis == axis


def _over_samples(soft: Node, layer: Node) -> bool:
    """Whether a softmax over a column of single values runs over its rows."""
    return soft.axis == 0 and soft.shape == layer.shape and len(soft.shape) == 2 and soft.shape[0] > 1


def _fixes(output: Output, layer: Node, target: Target) -> list[Fix]:
    binary = target.low >= 0 and target.high <= 1
    if binary and target.shape == output.node.shape and output.activation is None:
        return [replace_loss(output.loss, "bce_with_logits", title="use the loss for one unit")]
    if len(target.shape) >= len(output.node.shape):  # a value for each unit names no class: more units would not fit it
        return []
    return _widen(layer, int(target.high) + 1) if target.integral and target.high >= 1 else []


def _widen(layer: Node, classes: int) -> list[Fix]:
    if layer.built is None:
        return []
    name = "out_features" if layer.op == "linear" else "out_channels"
    return [
        set_argument(
            layer.built,
            name,
            classes,
            position=1,
            title=f"give the last layer {classes} units",
            changes="a checkpoint of the old width no longer fits",
        )
    ]

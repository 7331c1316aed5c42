"""A batch norm stands between the last layer and the loss.

Why is this bad?
    It gives every output the mean and the scale that two learned numbers say, whatever the batch holds: in training a
    prediction depends on which other samples are in the batch, a batch of one class is scored like one of ten, and a
    regression's targets are reached only as fast as the scale grows. In evaluation other figures take their place.

When is it fine?
    In front of an activation that leads to another layer, on embeddings, projections and features (BYOL, SimSiam,
    Barlow Twins), before a global pool, and where the target is made by a model. Layer norm is not meant.

Fix safety
    Unsafe: another function, and a checkpoint loses keys.

References
    Ioffe, Szegedy: Batch Normalization, 2015, section 3.2 (norms stand in front of a nonlinearity).
"""

from nnlint.facts import Model, Output
from nnlint.facts.graph import CONVOLUTIONS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import remove
from nnlint.rule import rule

CLASSES = {"cross_entropy", "bce", "bce_with_logits", "nll"}
VALUES = {"mse", "l1", "smooth_l1", "huber"}


@rule(level="warning", since="0.1")
def norm_after_output(output: Output, model: Model) -> Finding | None:
    """Report a batch norm on what reaches the loss, nothing but an output activation behind it."""
    norm = output.made if output.activation is None else output.graph.behind(output.graph.sources(output.made)[0])
    if norm.op != "batch_norm" or norm.module is None or not norm.arguments.get("training", True):
        return None
    kind, target = output.loss.kind, output.loss.compares
    if kind not in CLASSES | VALUES or target.made != "data":
        return None
    layer = model.graph.behind(model.graph.sources(norm)[0], VIEWS)
    if layer.op not in CONVOLUTIONS | {"linear"} or len(model.graph.readers(norm)) > 1:
        return None
    what = "logits" if kind in CLASSES else "predictions"
    return Finding(
        at=norm,
        says=f"`{norm.name}` normalizes the {what} over the batch",
        label="the last layer before the loss",
        also={output.loss: "reads them"},
        why="each prediction depends on the other samples of its batch, and on other figures in evaluation mode",
        fixes=[remove(norm, title=f"hand the {what} on as they are", changes="a checkpoint loses keys")],
    )

"""A loss for classes is taken on real values.

Why is this bad?
    A classification loss compares a probability with a label. Of a value such as 23.7 it makes nothing: cross-entropy
    refuses it or lets the loss fall without end, and a binary loss has no lowest value outside 0 to 1.

When is it fine?
    Soft labels: rows that sum to 1, and numbers between 0 and 1 for a binary loss.

Fix safety
    Unsafe: another loss on another scale; the rate may have to be tuned again.

References
    PyTorch: `torch.nn.CrossEntropyLoss`, `torch.nn.BCEWithLogitsLoss`. Lavanya Shukla: Designing Your Neural Networks,
    2019, on loss functions.
"""

from nnlint.facts import Data, Output, Target
from nnlint.facts.graph import SIGMOIDS, SOFTMAXES
from nnlint.finding import Finding
from nnlint.fix import Fix, remove, replace_loss
from nnlint.rule import rule

CLASSES = {"cross_entropy", "nll"}
BINARY = {"bce", "bce_with_logits", "multilabel_soft_margin"}


@rule(level="error", since="0.1")
def classification_loss_on_values(output: Output, data: Data) -> Finding | None:
    """Report a cross-entropy whose targets are real values outside 0 to 1."""
    loss, target = output.loss, data.target
    if loss.kind not in CLASSES | BINARY or target.integral or target.made == "constant":
        return None
    if target.low >= 0 and target.high <= 1:
        return None
    fixes = _fixes(output, target)
    return Finding(
        at=loss.call or loss,
        says=f"{loss.shown} is taken on real values from {target.low:.4g} to {target.high:.4g}",
        label="compares labels",
        also={loss: "built here"} if loss.span is not None and loss.span != loss.call else {},
        why="values outside 0 to 1 are no probabilities of a class, and the loss has no lowest value for them",
        help="" if fixes else "take a loss for values, such as `MSELoss`, with one unit for each value",
        explains=("output-width-mismatch",),
        fixes=fixes,
    )


def _fixes(output: Output, target: Target) -> list[Fix]:
    if target.shape != output.node.shape or output.loss.kind == "nll":
        return []
    fix = replace_loss(output.loss, "mse", title="use the squared error")
    if output.activation is None:
        return [fix]
    return [fix + remove(output.made, title="")] if output.activation in SIGMOIDS | SOFTMAXES else []

"""Squared or absolute error is taken on class labels.

Why is this bad?
    Labels 0 and 1 are no amounts. Behind a sigmoid or softmax the squared error is flat where the network is most
    wrong, so that the worst mistakes teach least, and the absolute error prefers to answer 0 for every rare class.
    Measured, softmax with squared error against cross-entropy: 3 and 22 points of accuracy.

When is it fine?
    Targets made in the loop (LSGAN's ones and zeros), the model's own input (autoencoders), counts, ranks, and
    values that are not just 0 and 1. A Brier score on purpose deserves a suppression that says so.

Fix safety
    Unsafe: another loss on another scale; the rate may have to be tuned again.

References
    Golik, Doetsch, Ney: Cross-Entropy vs. Squared Error Training, Interspeech 2013. Lavanya Shukla: Designing Your
    Neural Networks, 2019.
"""

from nnlint.facts import Data, Output, Target
from nnlint.facts.graph import SIGMOIDS
from nnlint.finding import Finding
from nnlint.fix import Fix, remove, replace, replace_loss
from nnlint.rule import rule

REGRESSION = {
    "mse": "squared error",
    "l1": "absolute error",
    "smooth_l1": "smooth absolute error",
    "huber": "Huber loss",
}


@rule(level="warning", since="0.1")
def regression_loss_on_classes(output: Output, data: Data) -> Finding | None:
    """Report a regression loss whose targets are zeros and ones of the data set."""
    kind, target = output.loss.kind, data.target
    if kind not in REGRESSION or target.made != "data":
        return None
    if not target.integral or (target.low, target.high) != (0, 1):
        return None
    classes = target.one_hot and _width(target) > 1
    what = f"{_width(target)} one-hot classes" if classes else "labels 0 and 1"
    return Finding(
        at=output.loss,
        says=f"{output.loss.shown} is taken on {what}",
        label=REGRESSION[kind],
        why="it is flat where a probability is most wrong, so the worst mistakes teach least",
        fixes=_fixes(output, target, classes),
    )


def _width(target: Target) -> int:
    return target.shape[1] if len(target.shape) > 1 else 1


def _fixes(output: Output, target: Target, classes: bool) -> list[Fix]:
    made = output.made
    if classes:
        fix = replace_loss(output.loss, "cross_entropy", title="use cross-entropy")
        return [fix + remove(made, title="") if output.activation else fix]
    one_unit = made.axis is not None and bool(made.shape) and made.shape[made.axis] == 1
    if output.activation in SIGMOIDS or one_unit:
        return [replace_loss(output.loss, "bce", title="use binary cross-entropy")]
    if output.activation is None:
        return [replace_loss(output.loss, "bce_with_logits", title="use binary cross-entropy on logits")]
    fix = replace_loss(output.loss, "bce", title="use a sigmoid and binary cross-entropy")
    return [fix + replace(made, "sigmoid", title="")]

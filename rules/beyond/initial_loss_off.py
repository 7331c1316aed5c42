"""The first loss is far above that of a guess.

Why is this bad?
    A classifier that knows nothing gives each of C classes 1 / C, which costs ln(C): 2.3 for ten classes. A first loss
    of twice that and more says that it is certain of wrong answers: the first steps only undo that, which looks like
    fast progress.

When is it fine?
    Loaded weights, summed losses, weights for classes, and heads whose bias was set to the share of each class.

Fix safety
    There is no automatic fix: look at the last layer's weights and bias, and at the scale of what it reads.

References
    Andrej Karpathy: A Recipe for Training Neural Networks, 2019 ("verify loss @ init").
"""

import math

from nnlint.facts import Model, Output, Probe
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def initial_loss_off(output: Output, probe: Probe, model: Model, *, factor: float = 2.0) -> Finding | None:
    """Report a first cross-entropy of more than twice the logarithm of the number of classes."""
    loss = output.loss
    if loss.kind not in ("cross_entropy", "bce_with_logits") or loss.reduction != "mean" or not model.fresh:
        return None
    if probe.drawn or loss.compares.made != "data" or len(output.node.shape) < 2:
        return None
    classes = output.node.shape[1] if loss.kind == "cross_entropy" else 2
    guess = math.log(classes) if classes > 1 else 0.0
    if not guess or probe.loss <= factor * guess:
        return None
    last = output.source or output.node
    return Finding(
        at=last.built or last,
        says=f"the first loss is {probe.loss:.2f}, that of a guess {guess:.2f}",
        label="the last layer",
        also={loss: "starts too high"},
        why=f"{classes} classes at 1/{classes} each cost ln({classes}); the logits start at a size of "
        f"{probe.prediction.rms:.2g}",
        help="let the last layer start with smaller weights and a bias of zero",
    )

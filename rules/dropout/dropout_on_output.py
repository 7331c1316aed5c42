"""Dropout acts on the predictions that the loss reads.

Why is this bad?
    Each prediction is set to zero with probability p while training, and the rest is scaled by 1 / (1 - p): the
    loss then asks the network to be right about numbers that were just replaced. In a classification the right
    class loses its logit in a share p of all samples.

When is it fine?
    Before the last layer with parameters, and at the end of a block or stack that other layers read. Dropout is
    reported only where nothing but views and activations lies between it and the loss of a classification or
    regression.

Fix safety
    Unsafe: outputs in evaluation mode stay as they are, those in training mode change.

References
    Srivastava et al.: Dropout, JMLR 2014 (applied to inputs and hidden units). Lavanya Shukla: Designing Your
    Neural Networks, 2019 ("never on the outputs").
"""

from collections.abc import Iterator

from nnlint.facts import Output
from nnlint.facts.graph import DROPOUTS
from nnlint.finding import Finding
from nnlint.fix import remove
from nnlint.rule import rule

PREDICTS = {
    "cross_entropy", "nll", "bce", "bce_with_logits", "mse", "l1", "smooth_l1", "huber", "soft_margin",
    "multilabel_soft_margin", "hinge", "poisson_nll",
}  # fmt: skip


@rule(level="error", since="0.1")
def dropout_on_output(output: Output) -> Iterator[Finding]:
    """Report dropout between the last layer and the loss."""
    if output.loss.kind not in PREDICTS:
        return
    for node in output.tail:
        rate = float(node.arguments.get("p", 0.5))
        if node.op in DROPOUTS and rate > 0:
            yield Finding(
                at=node,
                says=f"dropout acts on the predictions that {output.loss.shown} reads",
                label=f"sets {rate:.0%} of the predictions to zero",
                also={output.loss: "reads them"},
                why=f"in training each prediction is replaced by 0 with a probability of {rate:g}",
                fixes=[
                    remove(
                        node, title="take the dropout off the output", changes="outputs in training mode will change"
                    )
                ],
            )

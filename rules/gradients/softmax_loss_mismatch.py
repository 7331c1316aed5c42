"""A softmax makes classes compete under a loss for independent ones.

Why is this bad?
    A softmax gives probabilities that sum to one: raising one label lowers the others. Labels that may hold
    together, or not at all, can never be fitted. And `BCEWithLogitsLoss` takes logits: behind a softmax its
    probabilities stay between 0.5 and 0.73.

When is it fine?
    `BCELoss` and squared error on one-hot labels, which are exclusive (squared error on classes is a finding of its
    own), and soft labels. A distributional value function (C51) has its own cross-entropy.

Fix safety
    Unsafe: outputs no longer sum to one.

References
    Goodfellow, Bengio, Courville: Deep Learning, section 6.2.2. PyTorch forum 60203, Stack Overflow 38648195.
"""

from nnlint.facts import Data, Output, Target
from nnlint.facts.graph import SOFTMAXES
from nnlint.finding import Finding
from nnlint.fix import remove, replace
from nnlint.rule import rule

INDEPENDENT = {"bce", "mse", "l1", "smooth_l1", "huber"}
COMPETING = SOFTMAXES - {"log_softmax"}


@rule(level="error", since="0.1")
def softmax_loss_mismatch(output: Output, data: Data) -> Finding | None:
    """Report a softmax before binary cross-entropy on logits, and under labels that are not exclusive."""
    made = output.made
    if made.op not in COMPETING or made.axis is None or not made.shape or made.shape[made.axis] < 2:
        return None
    if output.loss.kind == "bce_with_logits":
        return Finding(
            at=made,
            says=f"{output.loss.shown} receives the probabilities of a softmax, not logits",
            label="already a softmax",
            also={output.loss: "applies a sigmoid itself"},
            why="its probabilities stay between 0.50 and 0.73: a wrong label costs at least 0.69, a right one 0.31",
            explains=("repeated-activation",),
            fixes=[remove(made, title="return the logits", changes="callers that expect probabilities will change")],
        )
    if output.loss.kind not in INDEPENDENT or not _not_exclusive(data.target, made.shape[made.axis]):
        return None
    return Finding(
        at=made,
        says="a softmax makes labels compete that are not exclusive",
        label="sums to one",
        also={output.loss: "compares with labels of which several or none may hold"},
        why=f"the {made.shape[made.axis]} outputs of a sample sum to 1, its labels need not",
        fixes=[replace(made, "sigmoid", title="use a sigmoid for each label")],
    )


def _not_exclusive(target: Target, width: int) -> bool:
    """Whether several labels of a row may hold, or none: zeros and ones of the data that are not one-hot."""
    zeros_and_ones = target.integral and (target.low, target.high) == (0, 1)
    return zeros_and_ones and target.shape[-1:] == (width,) and target.made == "data" and not target.one_hot

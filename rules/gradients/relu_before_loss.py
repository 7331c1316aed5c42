"""A ReLU cuts the logits off at zero.

Why is this bad?
    A class whose logit is negative for every sample gets no gradient and never comes back: over rates and seeds, 67
    to 98 % of the runs lost at least one class. Before a binary loss no probability falls below one half. Measured
    at the default rate: 15 and 19 points of accuracy; with each side's best rate 20 on one task, nothing on the
    other.

When is it fine?
    A ReLU in front of a global pooling (SqueezeNet's classifier), attention scores, and a regression whose targets
    are not negative. Leaky ReLU loses nothing entirely and is not reported.

Fix safety
    Unsafe: outputs may become negative.

References
    PyTorch: `torch.nn.CrossEntropyLoss` takes "unnormalized logits for each class (which do not need to be
    positive)".
"""

from nnlint.facts import Output
from nnlint.facts.graph import ACTIVATIONS, DROPOUTS, VIEWS, WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import remove
from nnlint.rule import rule

LOGIT_LOSSES = {"cross_entropy", "nll", "bce_with_logits", "multilabel_soft_margin", "soft_margin", "hinge"}
CUTS = {"relu", "relu6"}
BEHIND_THE_LAYER = VIEWS | DROPOUTS | ACTIVATIONS | {"add"}
MULTIPLIES = {"matmul", "addmm", "baddbmm"}


@rule(level="warning", since="0.1")
def relu_before_loss(output: Output) -> Finding | None:
    """Report a ReLU between the last layer and a loss on logits."""
    relu = next((node for node in output.tail if node.op in CUTS), None)
    if relu is None or output.loss.kind not in LOGIT_LOSSES:
        return None
    if output.graph.behind(output.node, BEHIND_THE_LAYER).op not in WEIGHTED | MULTIPLIES:
        return None
    binary = output.loss.kind == "bce_with_logits"
    return Finding(
        at=relu,
        says=f"{output.loss.shown} receives logits that a ReLU has cut off at 0",
        label="no negative logits",
        also={output.loss: "takes logits of either sign"},
        why="no probability can fall below 0.5"
        if binary
        else "a class that is off for every sample gets no gradient again",
        explains=("dead-relu",),
        fixes=[remove(relu, title="leave the logits as they are")],
    )

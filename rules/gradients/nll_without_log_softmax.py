"""`NLLLoss` reads something that is no log-probability.

Why is this bad?
    `NLLLoss` only picks the entry of the right class and turns its sign. On logits the loss falls without end as
    they grow, on probabilities it stops at -1 and hardly tells a right answer from a wrong one.

When is it fine?
    Log-softmax, the logarithm of a softmax, and log-probabilities made in any other way (mixtures, a CRF): only the
    direct output of a layer, a softmax or another activation is reported.

Fix safety
    Unsafe: the loss takes another scale.

References
    PyTorch: `torch.nn.NLLLoss` ("the input is expected to contain log-probabilities of each class").
"""

from nnlint.facts import Output
from nnlint.facts.graph import CONVOLUTIONS
from nnlint.finding import Finding
from nnlint.fix import Fix, replace, replace_loss
from nnlint.rule import rule

PLAIN = CONVOLUTIONS | {"linear", "bilinear", "batch_norm", "layer_norm"}
NO_LOG = {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus"}
PROBABILITIES = {"softmax", "gumbel_softmax"}


@rule(level="error", since="0.1")
def nll_without_log_softmax(output: Output) -> Finding | None:
    """Report logits or probabilities that reach a negative log-likelihood."""
    made = output.made
    if output.loss.kind != "nll" or made.op not in PLAIN | NO_LOG | PROBABILITIES:
        return None
    if made.axis is not None and made.shape[made.axis] < 2:
        return None
    soft = made.op in PROBABILITIES
    fixes: list[Fix] = [replace_loss(output.loss, "cross_entropy", title="use the loss that takes logits")]
    if soft:
        dim = made.arguments.get("dim", -1)
        fixes = [replace(made, "log_softmax", title="take the logarithm of the softmax", dim=dim)]
    return Finding(
        at=made,
        says=f"{output.loss.shown} receives {'probabilities' if soft else 'plain scores'}, not log-probabilities",
        label="no logarithm of a probability",
        also={output.loss: "takes log-probabilities"},
        why="the loss stops at -1" if soft else "the loss falls without end as the scores grow",
        fixes=fixes,
    )

"""A binary loss receives a logit where it takes a probability, or the other way round.

Why is this bad?
    `BCEWithLogitsLoss` applies a sigmoid itself. Behind another sigmoid its probability stays between 0.5 and 0.73:
    a negative sample costs at least 0.69 for ever, a positive one at least 0.31. `BCELoss` takes probabilities and
    refuses values outside of 0 to 1, which a plain layer gives.

When is it fine?
    What reaches the loss is judged by where it comes from: values made by a product, a clamp, an exponential or
    anything else that may well lie between 0 and 1 are left alone.

Fix safety
    Unsafe: callers that expect probabilities get logits; a threshold at 0.5 becomes one at 0.

References
    PyTorch: `torch.nn.BCEWithLogitsLoss` ("more numerically stable than using a plain Sigmoid followed by a
    BCELoss").
"""

from nnlint.facts import Output
from nnlint.facts.graph import CONVOLUTIONS, SIGMOIDS
from nnlint.finding import Finding
from nnlint.fix import insert_after, remove, replace, replace_loss
from nnlint.rule import rule

UNBOUNDED_LAYERS = CONVOLUTIONS | {"linear", "bilinear", "batch_norm", "layer_norm", "group_norm"}
BEYOND_ONE = {
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "rrelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "softplus",
}
BELOW_ZERO = {"tanh", "softsign", "log_softmax", "logsigmoid"}


@rule(level="error", since="0.1")
def sigmoid_loss_mismatch(output: Output) -> Finding | None:
    """Report a sigmoid before a loss that holds one, and anything but a probability before `BCELoss`."""
    if output.loss.kind == "bce_with_logits" and output.activation in SIGMOIDS:
        return _sigmoid_twice(output)
    if output.loss.kind == "bce" and output.made.op in UNBOUNDED_LAYERS | BEYOND_ONE | BELOW_ZERO:
        return _no_probability(output)
    return None


def _sigmoid_twice(output: Output) -> Finding:
    return Finding(
        at=output.made,
        says=f"{output.loss.shown} receives probabilities, not logits",
        label="already a sigmoid",
        also={output.loss: "applies a sigmoid itself"},
        why="the probability stays between 0.50 and 0.73: a negative sample costs at least 0.69, a positive one 0.31",
        explains=("repeated-activation",),
        fixes=[
            remove(
                output.made,
                title="return the logits" if output.made.module is not None else "pass the logits to the loss",
                changes="a probability of 0.5 is a logit of 0 for whoever thresholds the output",
            ),
            replace_loss(output.loss, "bce", title="keep the sigmoid and use the loss that takes probabilities"),
        ],
    )


def _no_probability(output: Output) -> Finding:
    made = output.made
    if made.op in UNBOUNDED_LAYERS:
        fixes = [
            replace_loss(output.loss, "bce_with_logits", title="use the loss that takes logits"),
            insert_after(made, "sigmoid", title="apply a sigmoid"),
        ]
    else:
        fixes = [replace(made, "sigmoid", title="use a sigmoid for the probability")]
    beyond = "below 0" if made.op in BELOW_ZERO else "above 1" if made.op in BEYOND_ONE else "outside of 0 to 1"
    return Finding(
        at=made,
        says=f"{output.loss.shown} takes probabilities and receives the output of `{made.name}`",
        label=f"gives values {beyond}",
        also={output.loss: "takes values from 0 to 1"},
        why="it stops with an error at the first value outside of 0 to 1",
        fixes=fixes,
    )

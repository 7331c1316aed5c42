"""Probabilities reach a loss that takes logits.

Why is this bad?
    `CrossEntropyLoss` applies log-softmax itself. Fed with probabilities, it sees scores between 0 and 1, so that
    even a perfect prediction keeps a loss of ln(1 + (C - 1) / e) for C classes: 0.95 for five, 1.46 for ten.
    Gradients shrink with it. Measured on small networks: 19 to 50 points of accuracy lost at the default learning
    rate, 0.2 to 5.5 with each side's best rate. The probabilities are wrong at any rate.

When is it fine?
    Log-softmax in front of `CrossEntropyLoss` changes nothing at all (it is idempotent), and softmax followed by a
    logarithm belongs to `NLLLoss`. A softmax inside the model (attention, gates) is no output. None of these is
    reported.

Fix safety
    Unsafe: callers that expect probabilities get logits. The order of the classes, and so `argmax`, stays the same.

References
    Goodfellow, Bengio, Courville: Deep Learning, section 6.2.2.3. PyTorch: `torch.nn.CrossEntropyLoss`.
"""

import math

from nnlint.facts import Output
from nnlint.facts.graph import DROPOUTS, VIEWS
from nnlint.finding import Finding
from nnlint.fix import remove
from nnlint.rule import rule

PROBABILITIES = {"softmax", "gumbel_softmax", "softmin", "sigmoid", "hardsigmoid"}


@rule(level="error", since="0.1")
def softmax_before_cross_entropy(output: Output) -> Finding | None:
    """Report a softmax or sigmoid as the last step before a cross-entropy."""
    made, log = output.made, None
    if made.op == "log_softmax" and output.loss.kind in ("cross_entropy", "nll"):
        log, made = made, output.graph.behind(output.graph.sources(made)[0], VIEWS | DROPOUTS)
    elif output.loss.kind != "cross_entropy":
        return None
    if made.op not in PROBABILITIES:
        return None
    classes = made.shape[1] if len(made.shape) > 1 else math.prod(made.shape)
    if classes < 2:
        return None
    lowest = math.log(1 + (classes - 1) / math.e)
    inside = made.module is not None
    return Finding(
        at=made,
        says=f"{f'`{log.name}`' if log else output.loss.shown} receives probabilities, not logits",
        label=f"already a {'softmax' if 'sigmoid' not in made.op else 'sigmoid'}",
        also={log: "applies a softmax again"} if log else {output.loss: "applies log-softmax itself"},
        why=f"with {classes} classes this loss cannot fall below {lowest:.2f}",
        explains=("softmax-over-wrong-dim", "repeated-activation"),
        fixes=[
            remove(
                made,
                title="return the logits" if inside else "pass the logits to the loss",
                changes="callers that expect probabilities will change" if inside else "",
            )
        ],
    )

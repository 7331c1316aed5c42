"""The learning rate stays the same to the end.

Why is this bad?
    It is not: this is an experiment. A rate that is right for the first steps is too high for the last ones. Measured,
    a 1cycle schedule whose peak was retuned gave 0 and +4 points; at the rate that was right for a constant one, -4.

When is it fine?
    While the rate is being tuned, keep it constant. Nothing is proposed for fewer than 100 planned steps, several
    optimizers, or a schedule that is there already, nor where no DataLoader tells the exact number of steps.

Fix safety
    Unsafe: training takes another course. The first proposal peaks at three times the rate, the second at ten times.

References
    Smith, Topin: Super-Convergence, 2018. PyTorch: `torch.optim.lr_scheduler.OneCycleLR`.
"""

from nnlint.facts import Optimizer, Recipe
from nnlint.finding import Finding
from nnlint.fix import Fix, InsertStatement
from nnlint.rule import rule

CYCLED = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop")
FEWEST = 100
"""Planned steps that leave room for a rise and a fall."""


@rule(level="experiment", since="0.1")
def constant_learning_rate(optimizer: Optimizer, recipe: Recipe) -> Finding | None:
    """Propose a 1cycle schedule where there is none."""
    if optimizer.kind not in CYCLED or len(recipe.optimizers) > 1 or recipe.scheduler is not None:
        return None
    if not recipe.counted:
        return None  # a 1cycle schedule must not be stepped once too often
    loop, updates, rate = recipe.loop, recipe.updates, optimizer.lr
    if updates < FEWEST or optimizer.span is None or loop.step is None or loop.optimizer_name is None:
        return None
    return Finding(
        at=optimizer,
        says=f"the learning rate stays at {rate:g} for all {updates:,} steps",
        why="one rate serves both the first steps, which may be long, and the last, which should be short",
        fixes=[_one_cycle(optimizer, recipe, float(f"{rate * times:.6g}")) for times in (3, 10)],
    )


def _one_cycle(optimizer: Optimizer, recipe: Recipe, peak: float) -> Fix:
    loop = recipe.loop
    assert optimizer.span
    assert loop.step
    owner = (loop.optimizer_name or "").rpartition(".")[0]
    name = f"{owner}.scheduler" if owner else "scheduler"
    fixed = ", cycle_momentum=False" if optimizer.kind == "SGD" and not optimizer.momentum else ""
    cycle = f"torch.optim.lr_scheduler.OneCycleLR({{0}}, max_lr={peak:g}, total_steps={recipe.updates}{fixed})"
    return Fix(
        title=f"use a 1cycle schedule that peaks at {peak:g}",
        verbs=(
            InsertStatement(at=optimizer.span, text=f"{name} = {cycle}", where="after", names=(optimizer.span,)),
            InsertStatement(at=loop.step, text=f"{name}.step()", where="after", names=(optimizer.span,)),
        ),
    )

"""The scheduler steps before the optimizer.

Why is this bad?
    A scheduler sets the rate for the step that follows. Stepped first, it throws the schedule's first rate away before
    anything was trained with it (PyTorch warns of it since 1.1), and every later rate comes one step too early.

When is it fine?
    Where the optimizer has stepped earlier in the same epoch.

Fix safety
    Unsafe: every step uses the rate that was meant for it.

References
    PyTorch: `torch.optim`, How to adjust learning rate.
"""

from nnlint.facts import Recipe, Scheduler, known
from nnlint.finding import Finding
from nnlint.fix import Fix, Spot, move_statement
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def scheduler_before_optimizer(recipe: Recipe) -> list[Finding]:
    """Report schedulers that are stepped ahead of the optimizer in a turn of the loop."""
    wanted = [s for s in recipe.schedulers if s.stepped != "never" and s.before_optimizer]
    return [_finding(s, recipe) for s in wanted]


def _finding(scheduler: Scheduler, recipe: Recipe) -> Finding:
    step, nothing = recipe.loop.step, list[Fix]()
    fixes = known(lambda: _fixes(scheduler, recipe), nothing)
    return Finding(
        at=scheduler.step or scheduler.span,
        says=f"`{scheduler.kind}` is stepped before the optimizer",
        label="moves on before its first rate was used",
        also={step: "steps with the rate of the next step"} if scheduler.step and step else {},
        why="the first of its rates is never used, and all others come 1 step early",
        help="" if fixes else "call its `step()` after the optimizer's",
        fixes=fixes,
    )


def _fixes(scheduler: Scheduler, recipe: Recipe) -> list[Fix]:
    step = recipe.loop.step
    if scheduler.step is None or step is None:
        return []
    where: Spot = "after_loop" if scheduler.stepped == "epoch" and recipe.updates > recipe.epochs else "after"
    return [move_statement(scheduler.step, step, where=where, title="step it after the optimizer")]

"""A scheduler is built and never stepped.

Why is this bad?
    A scheduler changes the rate only in its `step()`. Built and left alone it sets the first rate (which for a warm-up
    or a 1cycle schedule may be a 25th of the peak) and then nothing, to the end of training.

When is it fine?
    Where something else steps it: a trainer, an engine, a scheduler that holds it.

Fix safety
    Unsafe: training takes another course, which is the purpose. The fix steps it once an epoch, or once an optimizer
    step where that is its unit.

References
    PyTorch: `torch.optim`, How to adjust learning rate.
"""

from nnlint.facts import Recipe, Scheduler, known
from nnlint.finding import Finding
from nnlint.fix import Fix, insert_statement
from nnlint.rule import rule

BY_BATCH = ("OneCycleLR", "CyclicLR")


@rule(level="error", since="0.1")
def scheduler_never_stepped(recipe: Recipe) -> list[Finding]:
    """Report schedulers whose `step` is called nowhere."""
    return [_finding(one, recipe) for one in recipe.schedulers if one.stepped == "never"]


def _finding(scheduler: Scheduler, recipe: Recipe) -> Finding:
    nothing: list[Fix] = []
    fixes = known(lambda: _fixes(scheduler, recipe), nothing)
    return Finding(
        at=scheduler.span,
        says=f"`{scheduler.kind}` is built and never stepped",
        label="changes the rate only in its `step()`",
        why="the rate stays as the scheduler set it at the start, for the whole training",
        help="" if fixes else "call its `step()` once an epoch, with the metric it watches",
        fixes=fixes,
    )


def _fixes(scheduler: Scheduler, recipe: Recipe) -> list[Fix]:
    step = recipe.loop.step
    if scheduler.span is None or step is None or scheduler.kind == "ReduceLROnPlateau":
        return []
    by_batch = scheduler.kind in BY_BATCH or scheduler.kind.startswith("get_")
    if not by_batch and recipe.updates > recipe.epochs:
        return [
            insert_statement(
                step, "{0}.step()", where="after_loop", names=[scheduler.span], title="step it once an epoch"
            )
        ]
    title = "step it with the optimizer"
    return [insert_statement(step, "{0}.step()", where="after", names=[scheduler.span], title=title)]

"""`ReduceLROnPlateau` is stepped without the metric that it watches.

Why is this bad?
    `ReduceLROnPlateau` compares what it is handed with the best so far. `step()` without it raises a TypeError after
    the first epoch, and all that was trained is lost.

When is it fine?
    Other schedulers take no metric.

Fix safety
    Unsafe: the fix hands over a loss of the training loop; a validation figure would be better.

References
    PyTorch: `torch.optim.lr_scheduler.ReduceLROnPlateau`.
"""

import re

from nnlint.facts import Recipe, Scheduler, known
from nnlint.finding import Finding
from nnlint.fix import replace_expression
from nnlint.rule import rule


@rule(level="error", since="0.1")
def plateau_without_metric(recipe: Recipe) -> list[Finding]:
    """Report `ReduceLROnPlateau.step()` with nothing in its parentheses."""
    watching = [s for s in recipe.schedulers if s.kind == "ReduceLROnPlateau"]
    return [_finding(s, recipe) for s in watching if s.stepped != "never" and not s.metric]


def _finding(scheduler: Scheduler, recipe: Recipe) -> Finding:
    name = _loss_at_hand(recipe)
    fixes = []
    if scheduler.step and name:
        fixes = [replace_expression(scheduler.step, f"{{owner}}.step({name})", title=f"hand it `{name}`")]
    return Finding(
        at=scheduler.step or scheduler.span,
        says="`ReduceLROnPlateau` is stepped without the metric that it watches",
        label="raises a TypeError",
        also={scheduler.span: "watches a metric"} if scheduler.step and scheduler.span else {},
        why="`step` takes 1 metric and compares it with the best so far",
        help="hand over a validation figure" if not fixes else "a validation figure would tell more",
        fixes=fixes,
    )


def _loss_at_hand(recipe: Recipe) -> str | None:
    """Return what holds a loss at the end of an epoch: a sum that is kept, else the last batch's loss."""
    nothing: list[str] = []
    names = known(lambda: [s.name for s in recipe.loop.sums], nothing) + known(lambda: _losses(recipe), nothing)
    return next((name for name in names if re.fullmatch(r"[a-z_]\w*", name)), None)


def _losses(recipe: Recipe) -> list[str]:
    return [call.on or "" for call in recipe.loop.calls if call.kind == "backward"]

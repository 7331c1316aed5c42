"""A scheduler counts in another unit than it is stepped in.

Why is this bad?
    `StepLR(10)` means ten calls of `step()`. Called after every batch it multiplies the rate by a tenth every ten
    batches: 97 % of a planned training ran at a rate under a ten-thousandth of its peak. The other way round, a 1cycle
    schedule for all batches that is stepped once an epoch never leaves its warm-up. The finding rests on a simulation
    of the planned steps.

When is it fine?
    Decay that is meant to be fast but ends above a ten-thousandth of the peak, warm restarts by their own class, and
    schedules that end before the training does at a rate that still moves the weights.

Fix safety
    Unsafe: training takes another course, which is the purpose.

References
    PyTorch: `torch.optim`, How to adjust learning rate.
"""

import math
from collections.abc import Callable

from nnlint.facts import Recipe, Scheduler, Unknown
from nnlint.finding import Finding
from nnlint.fix import Spot, move_statement
from nnlint.rule import rule

TINY = 1e-4
"""A share of the peak that trains nothing any more."""
TWICE = 2
LONGEST = 1_000_000


@rule(level="error", since="0.1")
def scheduler_unit_mismatch(recipe: Recipe) -> list[Finding]:
    """Simulate the planned calls of each scheduler; report a rate that is gone too soon or never comes."""
    found = []
    for scheduler in recipe.schedulers:
        if scheduler.kind in CURVES and not scheduler.parts and scheduler.stepped != "never":
            finding = _finding(scheduler, recipe)
            found += [finding] if finding else []
    return found


def _finding(scheduler: Scheduler, recipe: Recipe) -> Finding | None:
    if set(scheduler.given) - set(scheduler.arguments) - {"optimizer", "max_lr", "lr_lambda", "last_epoch", "verbose"}:
        raise Unknown("recipe.scheduler.arguments", "some are not known")
    by_batch = scheduler.stepped == "batch"
    planned, other = (recipe.updates, recipe.epochs) if by_batch else (recipe.epochs, recipe.updates)
    if recipe.updates <= recipe.epochs or planned > LONGEST:
        return None
    wrong = _wrong(scheduler, planned)
    if wrong is None:
        return None
    says, label = wrong
    cured = _wrong(scheduler, other) is None
    if scheduler.kind == "CosineAnnealingLR" and not (cured and by_batch):
        return None  # several cosines may be meant
    step, unit = recipe.loop.step, "optimizer step" if by_batch else "epoch"
    fixes = []
    if scheduler.step and step and cured:
        where: Spot = "after_loop" if by_batch else "after"
        title = "step it once an epoch" if by_batch else "step it with the optimizer"
        fixes = [move_statement(scheduler.step, step, where=where, title=title)]
    return Finding(
        at=scheduler.step or scheduler.span,
        says=f"stepped once an {unit}, `{scheduler.kind}` {says}",
        level="error" if cured or says.startswith("raises") else "warning",
        label=label,
        also={scheduler.span: "counts calls of `step()`"} if scheduler.step and scheduler.span else {},
        why=f"{recipe.epochs:,} epochs are planned, {'' if recipe.counted else 'about '}{recipe.updates:,} steps",
        help="" if fixes else "give its arguments in the unit in which it is stepped",
        fixes=fixes,
    )


def _wrong(scheduler: Scheduler, planned: int) -> tuple[str, str] | None:
    """Return what goes wrong in so many calls, as headline and label; None for nothing."""
    arguments = scheduler.arguments
    if scheduler.kind == "CosineAnnealingLR":
        period = int(_number(arguments, "T_max"))
        if planned < 2 * period:
            return None
        return f"rises again {planned // period // 2:,} times", f"falls for {period:,} calls, then rises"
    if scheduler.kind == "OneCycleLR":
        total = _total(arguments)
        peak = total * _number(arguments, "pct_start", 0.3)
        if planned >= TWICE * total:  # less may be a matter of how the last batch is counted
            return f"raises an error after {total:,} calls", f"lasts for {total:,} calls"
        return ("never reaches its peak", f"peaks at call {peak:,.0f}") if planned < peak else None
    curve = CURVES[scheduler.kind](arguments)
    gone = next((i for i in _grid(planned) if curve(i) < TINY), None)
    if gone is None or gone > planned / 2:
        return None
    share = 100 * (planned - gone) / planned
    return f"leaves {share:.0f} % of training without a rate", f"under {TINY:g} of its peak from call {gone:,} on"


def _grid(planned: int) -> list[int]:
    """Return calls to look at: all of few, else some 2,000 spread evenly."""
    return list(range(0, planned + 1, max(1, planned // 2000)))


def _total(arguments: dict[str, object]) -> int:
    if arguments.get("total_steps") is not None:
        return int(_number(arguments, "total_steps"))
    return int(_number(arguments, "epochs") * _number(arguments, "steps_per_epoch"))


def _step(a: dict[str, object]) -> Callable[[int], float]:
    size, gamma = int(_number(a, "step_size")), _number(a, "gamma", 0.1)
    return lambda i: math.pow(gamma, i // max(size, 1))


def _exponential(a: dict[str, object]) -> Callable[[int], float]:
    gamma = _number(a, "gamma")
    return lambda i: math.pow(gamma, i)


def _milestones(a: dict[str, object]) -> Callable[[int], float]:
    marks, gamma = a.get("milestones"), _number(a, "gamma", 0.1)
    if not isinstance(marks, (list, tuple)):
        raise Unknown("recipe.scheduler.arguments", "`milestones` is not known")
    return lambda i: math.pow(gamma, sum(i >= m for m in marks))


def _number(arguments: dict[str, object], name: str, default: float | None = None) -> float:
    value = arguments.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unknown("recipe.scheduler.arguments", f"`{name}` is not known")
    return float(value)


CURVES: dict[str, Callable[[dict[str, object]], Callable[[int], float]]] = {
    "StepLR": _step,
    "ExponentialLR": _exponential,
    "MultiStepLR": _milestones,
    "CosineAnnealingLR": lambda _: lambda _: 1.0,
    "OneCycleLR": lambda _: lambda _: 1.0,
}
"""The share of the first rate after so many calls."""

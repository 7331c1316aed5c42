"""The learning rate is far outside what the optimizer can use.

Why is this bad?
    SGD with a rate over 1 overshoots and diverges, with one under 0.00001 it needs a hundred thousand steps for
    what it could do in a hundred. Adam and its family move every weight by about the rate in each step, whatever
    the gradient: over 0.03 weights of ordinary size are lost within a few steps, under 0.000001 they hardly move.

When is it fine?
    Sum-reduced losses (their gradients grow with the batch), gradients clipped by norm (not with Adam's family, whose
    steps do not depend on their length), a scheduler that multiplies the rate (as Noam's with 1.0), fine-tuning of
    loaded weights, prompt tuning and other optimizers that step almost nothing of the model, inputs that are
    optimized, and optimizers that find their own scale (Prodigy, Adadelta, LARS, LBFGS).

Fix safety
    Unsafe: training takes another course.

References
    Bengio: Practical Recommendations for Gradient-Based Training, 2012. PyTorch: defaults of `torch.optim`.
"""

import functools
import math

from nnlint.facts import Group, Model, Optimizer, Recipe, known
from nnlint.finding import Finding
from nnlint.fix import set_argument
from nnlint.rule import rule

ADAM_FAMILY = {"Adam", "AdamW", "NAdam", "RAdam", "Adamax", "AMSGrad", "SparseAdam", "Lion", "RMSprop"}
RANGES = {"SGD": (1e-5, 1.0), **dict.fromkeys(ADAM_FAMILY, (1e-6, 0.03))}
USUAL = {"SGD": 0.01, "Lion": 1e-4}
SETTLING = {"StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "ReduceLROnPlateau", "linear", "cosine"}
"""Schedulers that begin from the rate itself, or rise to it, and only lower it."""
PART_OF_A_TUNED_PROMPT = 0.05


@rule(level="warning", since="0.1")
def learning_rate_out_of_range(optimizer: Optimizer, recipe: Recipe, model: Model) -> list[Finding]:
    """Report a rate that is orders of magnitude off for the optimizer's class, group by group where they differ."""
    if optimizer.kind not in RANGES:
        return []
    rates = _rates(optimizer)
    low, high = RANGES[optimizer.kind]
    off = [(rate, group) for rate, group in rates if not low <= rate <= high and rate > 0]
    if not off or _steps_little(optimizer, model):
        return []
    if recipe.scheduler is not None and recipe.scheduler not in SETTLING:
        return []
    found = [_finding(optimizer, recipe, model, rate, group) for rate, group in off]
    return [finding for finding in found if finding is not None]


def _rates(optimizer: Optimizer) -> list[tuple[float, Group | None]]:
    """Return the rate of the optimizer, or that of each group where groups have rates of their own."""
    nothing: tuple[Group, ...] = ()
    none: float | None = None
    own = []
    for group in known(lambda: optimizer.groups, nothing):
        rate = known(functools.partial(getattr, group, "lr"), none)
        if rate is not None:
            own.append((rate, group))
    distinct = {rate for rate, _ in own}
    return [*own] if len(distinct) > 1 else [(optimizer.lr, None)]


def _finding(optimizer: Optimizer, recipe: Recipe, model: Model, rate: float, group: Group | None) -> Finding | None:
    low, high = RANGES[optimizer.kind]
    if rate > high and optimizer.kind not in ADAM_FAMILY and recipe.loop.clips is not None:
        return None
    if rate < low and (not model.fresh or any(loss.reduction == "sum" for loss in recipe.losses)):
        return None
    usual = USUAL.get(optimizer.kind, 0.001)
    side, limit = ("above", high) if rate > high else ("below", low)
    times = rate / usual if rate > usual else usual / rate
    return Finding(
        at=group.span if group is not None and group.span is not None else optimizer,
        says=f"a learning rate of {rate:g} is far {side} what `{optimizer.kind}` can use",
        label=f"{times:,.0f} times the usual {usual:g}"
        if rate > usual
        else f"{times:,.0f} times less than the usual {usual:g}",
        why=f"{side} {limit:g} its steps are too {'long to settle' if rate > high else 'short to get on'}",
        explains=("learning-rate-off-range-test", "exploding-gradient"),
        help=f"start this group from {usual:g}" if group is not None else "",
        fixes=[set_argument(optimizer.span, "lr", usual, position=1, title=f"start from {usual:g}")]
        if optimizer.span and group is None
        else [],
    )


def _steps_little(optimizer: Optimizer, model: Model) -> bool:
    """Whether it steps nothing of the model (inputs, a latent code), or little beside frozen weights (a prompt)."""
    sizes = {p.name: math.prod(p.shape) for p in model.parameters}
    stepped = sum(sizes.get(name, 0) for name in optimizer.parameters)
    frozen = any(not p.trainable for p in model.parameters)
    return stepped == 0 or (frozen and stepped < PART_OF_A_TUNED_PROMPT * sum(sizes.values()))

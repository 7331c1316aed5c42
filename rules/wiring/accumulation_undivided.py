"""Gradients of several batches are accumulated, and the loss is not divided by their number.

Why is this bad?
    Each `backward()` adds the gradient of a batch's mean. After k batches the step follows the sum of k means, which is
    k times the gradient of the large batch that accumulation stands for: SGD takes steps k times as long.

When is it fine?
    Sum-reduced losses, rates that were tuned with accumulation in place, and the Adam family, whose steps hardly depend
    on the gradient's size. It is advice.

Fix safety
    Unsafe: gradients become k times smaller.

References
    PyTorch: Automatic Mixed Precision examples, Gradient accumulation.
"""

from nnlint.facts import Recipe
from nnlint.finding import Finding
from nnlint.fix import replace_expression
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def accumulation_undivided(recipe: Recipe) -> Finding | None:
    """Report k backward passes to a step whose loss is not divided by k."""
    loop = recipe.loop
    backward, times = loop.backward, loop.accumulates
    if times < 2 or loop.divides or backward is None or not all(one.reduction == "mean" for one in recipe.losses):
        return None
    calls = [call for call in loop.calls if call.kind == "backward"]
    if len(calls) != 1:
        return None  # several losses, each with its own backward pass
    plain = f"{calls[0].on}.backward()"
    fixes = []
    if backward.line == backward.end_line and (backward.end_column or 0) - (backward.column or 0) == len(plain):
        text = f"({{owner}} / {times}).backward()"
        fixes = [replace_expression(backward, text, title="divide the loss by the number of batches")]
    return Finding(
        at=backward,
        says=f"the gradients of {times} batches are added up, not averaged",
        label=f"adds a whole batch's gradient, {times} times to a step",
        also={loop.step: f"steps along the sum of {times}"} if loop.step else {},
        why=f"a step is {times} times as long as one for a batch of the same size",
        help="" if fixes else f"divide the loss by {times} before its backward pass",
        fixes=fixes,
    )

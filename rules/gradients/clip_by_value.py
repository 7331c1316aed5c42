"""Gradients are clipped by value.

Why is this bad?
    Clipping each entry by itself changes the gradient's direction: a vector of (10, 0.1) becomes (1, 0.1), which points
    elsewhere. Clipping by norm shortens the whole gradient and keeps its direction.

When is it fine?
    Where single entries explode and all others are sound, and where a published recipe does so. Clipping of *weights*
    (Wasserstein critics) is another matter. It is advice.

Fix safety
    Unsafe: training takes another course. The limit is one for the norm, 1.0, not the old one.

References
    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, 2013.
"""

from nnlint.facts import Loop
from nnlint.finding import Finding
from nnlint.fix import replace_expression
from nnlint.rule import rule

LIMIT = 1.0


@rule(level="advice", since="0.1")
def clip_by_value(loop: Loop) -> Finding | None:
    """Report `clip_grad_value_`."""
    if loop.clips != "value":
        return None
    at = next((call.span for call in loop.calls if call.kind == "clip_value" and call.span), None)
    fixes = []
    if at is not None and _is_one_call(loop):
        text = f"torch.nn.utils.clip_grad_norm_({{0}}, {LIMIT})"
        fixes = [replace_expression(at, text, title=f"clip the norm at {LIMIT:g}")]
    return Finding(
        at=at or loop.step,
        says="the gradients are clipped by value, which changes their direction",
        why="a gradient of (10, 0.1) clipped at 1 becomes (1, 0.1)",
        help="" if fixes else "clip by norm",
        fixes=fixes,
    )


def _is_one_call(loop: Loop) -> bool:
    """Whether all gradients are clipped in one call (not parameter by parameter, in a loop)."""
    return len([call for call in loop.calls if call.kind == "clip_value"]) == 1

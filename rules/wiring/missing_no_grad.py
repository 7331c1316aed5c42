"""The model is scored with the graph kept.

Why is this bad?
    Outside of `torch.no_grad()` every intermediate value of a forward pass is kept for a backward pass that never
    comes: scoring takes about as much memory as training, and more time.

When is it fine?
    Where a gradient is wanted after all (saliency, adversarial examples), and where memory does not matter. It is
    advice.

Fix safety
    Unsafe: what is computed stays the same, but its `backward()` would fail.

References
    PyTorch: `torch.no_grad`, `torch.inference_mode`.
"""

from nnlint.facts import Recipe
from nnlint.finding import Finding
from nnlint.fix import wrap_statement
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def missing_no_grad(recipe: Recipe) -> list[Finding]:
    """Report scores that keep a graph."""
    backward = recipe.loop.backward
    clear = [backward] if backward else []
    return [
        Finding(
            at=one.span,
            says=f"`{one.model}` is scored with its graph kept",
            label="every intermediate value is kept for a backward pass",
            why="scoring needs no gradient, and without `no_grad` it takes the memory of training",
            fixes=[wrap_statement(one.span, "with torch.no_grad():", clear_of=clear, title="score without the graph")],
        )
        for one in recipe.evaluations
        if one.span is not None and not one.no_grad
    ]

"""Gradients are never cleared, so they pile up over the steps.

Why is this bad?
    `backward()` adds to `.grad`. Without `zero_grad()` each step follows the sum of all gradients since the start,
    with ever longer steps in directions that were right long ago. Measured: 58 and 31 points of accuracy.

When is it fine?
    Accumulation over several batches, as long as gradients are cleared after the step; `model.zero_grad()`;
    gradients set to None by hand; and anything else that leaves them cleared when the next backward pass begins.
    What counts is what is seen between a step and the next backward pass.

Fix safety
    Unsafe: training takes another course, which is the purpose.

References
    PyTorch: `torch.optim.Optimizer.zero_grad`.
"""

from nnlint.facts import Loop
from nnlint.finding import Finding
from nnlint.fix import insert_statement
from nnlint.rule import rule


@rule(level="error", since="0.1")
def missing_zero_grad(loop: Loop) -> Finding | None:
    """Report a loop that steps and goes backward again with the old gradients."""
    if loop.clears_gradients:
        return None
    name = loop.optimizer_name
    fixes = []
    if loop.backward and name:
        fixes = [
            insert_statement(
                loop.backward, f"{name}.zero_grad()", title="clear the gradients before each backward pass"
            )
        ]
    return Finding(
        at=loop.backward or loop.step,
        says="gradients are never cleared, so every step follows the sum of all before",
        label="adds to the gradients of all earlier steps",
        also={loop.step: "steps along the sum"} if loop.step and loop.backward else {},
        why="after k steps the gradients of k batches are added up",
        help="" if fixes else "call `zero_grad()` before each backward pass",
        explains=("exploding-gradient",),
        fixes=fixes,
    )

"""No random state is set before the model is built.

Why is this bad?
    It is not: this is an experiment. Without a seed two runs of the same program differ in their first weights and in
    the order of the batches, so that the effect of a change cannot be told from chance.

When is it fine?
    Where runs are compared over many seeds anyway, or need not be repeated.

Fix safety
    Unsafe: each run gives the same numbers.

References
    PyTorch: Reproducibility.
"""

from nnlint.facts import Recipe
from nnlint.finding import Finding
from nnlint.fix import insert_statement
from nnlint.rule import rule


@rule(level="experiment", since="0.1")
def unseeded_run(recipe: Recipe) -> Finding | None:
    """Propose to seed a program that trains."""
    at = recipe.loop.backward or recipe.loop.step
    if recipe.seeded or at is None:
        return None
    return Finding(
        at=at,
        says="no random state is set before the model is built",
        why="every run starts from other weights, so that no 2 runs can be compared",
        fixes=[insert_statement(at, "torch.manual_seed(0)", where="after_imports", title="seed the program")],
    )

"""Training is planned to end after a few hundred steps.

Why is this bad?
    A network from scratch needs some hundreds of updates to get anywhere, and every default rate supposes
    thousands. With twenty the loss has barely moved.

When is it fine?
    Fine-tuning of loaded weights, and optimizers that search along lines (LBFGS).

Fix safety
    There is no automatic fix: plan more epochs and stop early on a validation set.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019 (many epochs and early stopping). Bengio, 2012.
"""

from nnlint.facts import Model, Recipe, known
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def few_epochs(recipe: Recipe, model: Model, *, updates: int = 500) -> Finding | None:
    """Report fewer than 500 planned updates of a fresh model."""
    if recipe.updates >= updates or not model.fresh or any(o.kind == "LBFGS" for o in recipe.optimizers):
        return None
    epochs = known(lambda: f" in {recipe.epochs} epochs", "")
    loop = recipe.loop
    return Finding(
        at=loop.step or loop.backward or model,
        says=f"training ends after {recipe.updates:,} updates{epochs}",
        why=f"a network from scratch needs some hundreds of updates; {recipe.updates:,} are planned",
        help="plan more epochs, or smaller batches, and stop early on a validation set",
    )

"""A validation figure is computed, and nothing is saved by it.

Why is this bad?
    Training goes past its best point: after it, the validation figure gets worse while the training loss still falls.
    What is used in the end are the last weights, not the best ones, although the program knows each epoch's figure.

When is it fine?
    Where every epoch is saved, where the figure is only watched, and in short trainings whose last epoch is the best.
    It is advice.

Fix safety
    There is no automatic fix: keep a deep copy of the weights, or save them, whenever the figure is the best so far.

References
    Prechelt: Early Stopping, but when?, 1998.
"""

from nnlint.facts import Recipe
from nnlint.finding import Finding
from nnlint.rule import rule

FEWEST = 5
"""Epochs after which the last may well not be the best."""


@rule(level="advice", since="0.1")
def best_weights_not_kept(recipe: Recipe) -> Finding | None:
    """Report programs that score between epochs and keep the last weights whatever the score."""
    if recipe.saved or (recipe.best_weights is not None and recipe.best_weights.how != "nothing"):
        return None
    if recipe.epochs < FEWEST:
        return None
    for one in recipe.evaluations:
        if one.place == "between" and one.figure in ("accuracy", "loss") and one.data == "validation":
            best = recipe.best_weights
            return Finding(
                at=one.span,
                says=f"`{one.model}` is scored between epochs, and its best weights are not kept",
                label="the figure that tells the best epoch",
                also={best.span: "remembers the figure alone"} if best is not None and best.span else {},
                why=f"after {recipe.epochs} epochs the last weights are used, whichever scored best",
                help="keep a deep copy of the weights whenever the figure is the best so far",
            )
    return None

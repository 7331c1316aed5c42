"""Large batches leave few updates.

Why is this bad?
    A rate allows so much progress in a step, however many samples it averages. Measured at equal epochs: batches of
    32 instead of 1024 gain 29 and 23 points of accuracy (at equal numbers of steps they gain nothing: it is about
    updates).

When is it fine?
    Batches under 128, 500 updates and more, and the whole data as one batch on purpose (graphs, LBFGS,
    physics-informed networks). Contrastive losses live off large batches: also those that are written as a
    cross-entropy in which every sample is a class of its own.

Fix safety
    There is no automatic fix: give the loader a batch size of 32.

References
    Masters, Luschi: Revisiting Small Batch Training, 2018. Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

from nnlint.facts import Data, Loss, Model, Recipe, Target
from nnlint.finding import Finding
from nnlint.rule import rule

CONTRASTIVE = {"cosine", "triplet", "custom"}
CLASSES = {"cross_entropy", "nll"}
COUNTED = 1000
"""Different values of a target are counted up to this number."""


@rule(level="warning", since="0.1")
def large_batch(
    recipe: Recipe, data: Data, model: Model, loss: Loss, *, batch: int = 128, updates: int = 500
) -> Finding | None:
    """Report a batch of 128 and more in a run of fewer than 500 updates."""
    if recipe.batch_size < batch or recipe.updates >= updates or not model.fresh:
        return None
    if loss.kind in CONTRASTIVE or data.samples <= recipe.batch_size:
        return None
    if loss.kind in CLASSES and _tells_samples_apart(data.target):
        return None
    loop = recipe.loop
    smaller = recipe.updates * recipe.batch_size // 32
    return Finding(
        at=loop.step or loop.backward or model,
        says=f"batches of {recipe.batch_size} leave {recipe.updates:,} updates in all",
        why=f"batches of 32 would make {smaller:,} of them from the same data in the same number of epochs",
        help="use batches of 32",
        explains=("few-epochs",),
    )


def _tells_samples_apart(target: Target) -> bool:
    """Whether the labels are the samples' own numbers, or one and the same: made in the loop (InfoNCE, MoCo)."""
    if target.made == "constant":
        return True
    return len(target.shape) == 1 and target.integral and target.distinct == min(target.rows, COUNTED)

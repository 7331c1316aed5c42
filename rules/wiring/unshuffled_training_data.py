"""The training data come in the same order in every epoch.

Why is this bad?
    A batch should be a fair sample of the data. Where the data set is sorted by class, each batch holds one class: the
    model learns to answer that one, and forgets it in the next batches. A fixed order of mixed data does less harm:
    the same batches come together again and again.

When is it fine?
    Samplers, permutations by hand in every epoch, streams, one batch that holds all the data, and sequences that
    continue from batch to batch. Data that are mixed already get advice only.

Fix safety
    Unsafe: training takes another course, which is the purpose.

References
    PyTorch: `torch.utils.data.DataLoader`, `shuffle`. Bengio: Practical Recommendations for Gradient-Based Training,
    2012.
"""

from nnlint.facts import Data, Loader, Loss, Recipe
from nnlint.finding import Finding
from nnlint.fix import set_argument
from nnlint.rule import rule

CLASSES = {"cross_entropy", "nll", "bce", "bce_with_logits", "soft_margin", "hinge", "multilabel_soft_margin"}


@rule(level="error", since="0.1")
def unshuffled_training_data(recipe: Recipe, loss: Loss, data: Data) -> Finding | None:
    """Report a training loader that never shuffles; sorted data are an error."""
    if recipe.shuffles or data.guessed or data.target.made != "data":
        return None
    if recipe.batch_size >= data.samples or any(features.kind == "sequence" for features in data.features):
        return None
    loader = next((one for one in recipe.loaders if one.role == "train"), None)
    place = loader.span if loader is not None else None
    if loader is not None and loader.sampler:
        return None
    sorting = loss.kind in CLASSES and len(data.target.shape) <= 2 and not data.target.multi_hot
    if not sorting and not all(features.kind in ("vector", "image") for features in data.features):
        return None
    if not sorting or not data.target.grouped:
        return _mixed(loader, recipe) if place is not None else None
    classes = data.target.classes
    return Finding(
        at=place or recipe.loop.backward,
        says=f"the training data are sorted by class and are never shuffled: {len(classes)} classes, one after another",
        label="one class after another",
        why=f"of {-(-data.samples // recipe.batch_size)} batches all but a few hold a single class, which the model "
        "learns and forgets in turn",
        help="" if place else "draw the rows in a new order in each epoch",
        fixes=[set_argument(place, "shuffle", True, position=2, title="shuffle the training data")] if place else [],
    )


def _mixed(loader: Loader | None, recipe: Recipe) -> Finding | None:
    if loader is None or loader.span is None:
        return None
    return Finding(
        at=loader.span,
        level="advice",
        says="the training data come in the same order in every epoch",
        why=f"the same {recipe.batch_size} samples meet in a batch again and again",
        fixes=[set_argument(loader.span, "shuffle", True, position=2, title="shuffle the training data")],
    )

"""A batch norm gets batches with a single value for each of its channels.

Why is this bad?
    A batch norm divides by the standard deviation over the batch. One value has none: PyTorch stops the program, most
    often in the last, incomplete batch of an epoch. With two to four values mean and deviation are so rough that the
    norm mostly adds noise.

When is it fine?
    Feature maps (every pixel is a value), frozen norms in evaluation mode, and loaders that drop the last batch.

Fix safety
    Unsafe: an epoch leaves out the samples of the incomplete batch.

References
    PyTorch: `torch.utils.data.DataLoader`, `drop_last`. Wu, He: Group Normalization, 2018, on small batches.
"""

import math

from nnlint.facts import Data, Loader, Model, Node, Recipe, known
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule

FEW = 4


@rule(level="error", since="0.1")
def batchnorm_batch_of_one(model: Model, recipe: Recipe, data: Data) -> Finding | None:
    """Report a batch, or the rest of an epoch, with one value for each channel of a batch norm."""
    failure = model.failure
    if failure is not None and failure.node.op == "batch_norm" and _alone(failure.node):
        loader = known(lambda: _training(recipe), None)
        return _finding(failure.node, loader, "a batch holds one value for each channel of", _drop(loader))
    node = next((n for n in model.graph if n.op == "batch_norm" and _by_sample(n)), None)
    if node is None or data.guessed:
        return None
    if 1 < recipe.batch_size <= FEW:
        few = f"batches of {recipe.batch_size} give"
        return Finding(
            at=node,
            level="warning",
            says=f"{few} `{node.name}` {recipe.batch_size} values for each channel",
            why=f"mean and standard deviation of {recipe.batch_size} values are mostly noise",
            help="take larger batches, or a norm that does not look at the batch (LayerNorm, GroupNorm)",
        )
    loader = _training(recipe)
    if loader is None or loader.drop_last or data.samples % recipe.batch_size != 1:
        return None
    says = f"the last of {math.ceil(data.samples / recipe.batch_size)} batches holds one value for each channel of"
    return _finding(node, loader, says, _drop(loader))


def _alone(node: Node) -> bool:
    shape = node.reads[0].shape if node.reads else ()
    return len(shape) > 1 and shape[0] * math.prod(shape[2:]) == 1


def _by_sample(node: Node) -> bool:
    """Whether a norm in training mode has one value for each channel in a sample."""
    shape = node.reads[0].shape if node.reads else ()
    return bool(node.arguments.get("training")) and len(shape) > 1 and math.prod(shape[2:]) == 1


def _training(recipe: Recipe) -> Loader | None:
    return next((loader for loader in recipe.loaders if known(lambda loader=loader: loader.role, "") == "train"), None)  # type: ignore[misc]


def _drop(loader: Loader | None) -> list[Fix]:
    if loader is None or loader.span is None or known(lambda: loader.drop_last, False):
        return []
    return [
        set_argument(
            loader.span,
            "drop_last",
            True,
            title="leave out the incomplete batch",
            changes="each epoch skips the samples of the last batch",
        )
    ]


def _finding(node: Node, loader: Loader | None, says: str, fixes: list[Fix]) -> Finding:
    place = loader.span if loader is not None and loader.span is not None else None
    return Finding(
        at=place or node,
        says=f"{says} `{node.name}`",
        also={node: "has no deviation over one value"} if place is not None else {},
        why="the program stops with `Expected more than 1 value per channel when training`",
        help="" if fixes else "leave out batches of one sample, or score in evaluation mode",
        fixes=fixes,
    )

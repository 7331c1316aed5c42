"""Averaged weights are used with the batch norm statistics of other weights.

Why is this bad?
    `AveragedModel` averages weights, not the running statistics of its batch norms: they stay those of the first model
    that was copied. Scored so, every norm divides by the wrong spread. `update_bn` passes the data through once more
    and collects the right statistics.

When is it fine?
    Models without batch norm, averages with `use_buffers=True` (usual for exponential ones), and averages that are
    never used in evaluation mode.

Fix safety
    Unsafe: the averaged model's outputs change, which is the purpose. One pass over the training data is added.

References
    Izmailov et al.: Averaging Weights Leads to Wider Optima, 2018. PyTorch: `torch.optim.swa_utils.update_bn`.
"""

from nnlint.facts import Loader, Model, Recipe, known
from nnlint.finding import Finding
from nnlint.fix import Fix, insert_statement
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def swa_without_bn_update(model: Model, recipe: Recipe) -> Finding | None:
    """Report an averaged model with batch norm whose statistics nothing brings up to date."""
    averaging = recipe.averaging
    norms = [node for node in model.graph if node.op == "batch_norm"]
    if averaging is None or averaging.updates_norms or not norms:
        return None
    if averaging.model is not None and recipe.loop.models and averaging.model not in recipe.loop.models:
        return None
    fixes = _fixes(recipe)
    return Finding(
        at=averaging.span,
        says="the averaged model keeps the batch norm statistics of other weights",
        label="averages weights alone",
        also={norms[0]: "its running statistics belong to the weights of the step they were seen at"},
        why=f"the running statistics of {len(norms)} batch norm{'s' * (len(norms) > 1)} belong to other weights",
        help="" if fixes else "call `torch.optim.swa_utils.update_bn(loader, averaged)` after training",
        fixes=fixes,
    )


def _fixes(recipe: Recipe) -> list[Fix]:
    averaging, step = recipe.averaging, recipe.loop.step
    nothing: tuple[Loader, ...] = ()
    loaders = [loader for loader in known(lambda: recipe.loaders, nothing) if _trains(loader)]
    if averaging is None or averaging.span is None or step is None or len(loaders) != 1 or loaders[0].span is None:
        return []
    text = "torch.optim.swa_utils.update_bn({0}, {1})"
    title = "collect the statistics of the averaged weights after training"
    return [insert_statement(step, text, where="after_loops", names=[loaders[0].span, averaging.span], title=title)]


def _trains(loader: Loader) -> bool:
    return known(lambda: str(loader.role), "") == "train"

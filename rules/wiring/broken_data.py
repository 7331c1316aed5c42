"""The data hold values that are no numbers, or rows that validation shares with training.

Why is this bad?
    One NaN in a batch makes the loss NaN, its gradient NaN, and after one step every weight NaN: the model is lost for
    good. Rows that stand in the training data as well tell how much the model remembers, not what it has learned.

When is it fine?
    Gaps that the program fills or masks (`nan_to_num`, `isnan`, `where`), and rows of so few different values that
    equal ones meet by chance.

Fix safety
    There is no automatic fix: what stands for a missing value, and which rows to leave out, only the user knows.

References
    PyTorch: `torch.nan_to_num`, `torch.isfinite`. Kaufman et al.: Leakage in Data Mining, 2012.
"""

from collections.abc import Iterator

from nnlint.facts import Data, Features, Graph, Loss, Model, Node, Recipe, Target, known
from nnlint.facts.graph import WEIGHTED
from nnlint.finding import Finding
from nnlint.rule import rule

HANDLED = {"nan_to_num", "isnan", "isfinite", "isinf", "where", "masked_fill", "nanmean", "nansum", "masked_select"}
SHARED = 0.05
ENOUGH = 20


@rule(level="error", since="0.1")
def broken_data(data: Data, model: Model, recipe: Recipe) -> Iterator[Finding]:
    """Report values that are not finite where they reach the model or the loss, and validation on training rows."""
    graph = model.graph
    if not any(node.op in HANDLED for node in graph):
        for features, entrance in _entrances(data, graph):
            if not features.finite:
                yield _finding(entrance, "features", features, data)
        for loss in recipe.losses:
            if known(lambda loss=loss: _broken(loss.compares), False):  # type: ignore[misc]
                yield _finding(loss, "targets", loss.compares, data)
    overlap = data.overlap
    if overlap.rows >= ENOUGH and overlap.share >= SHARED and overlap.share > 3 * overlap.repeated:
        name = f"`{overlap.name}`" if overlap.name else "the validation data"
        yield Finding(
            at=model,
            level="warning",
            says=f"{overlap.share:.0%} of the rows of {name} stand in the training data as well",
            why=f"{round(overlap.share * overlap.rows)} of {overlap.rows} rows that were looked at are equal in every "
            "value, and the model has seen their answers",
            help="split the data before anything is repeated, and keep what belongs together on one side",
        )


def _entrances(data: Data, graph: Graph) -> Iterator[tuple[Features, Node]]:
    inputs = [node for node in graph if node.kind == "input"]
    layer = next((node for node in graph if node.op in WEIGHTED), None)
    for i, features in enumerate(data.features):
        if features.kind != "ids" and layer is not None:
            reached = graph.downstream(inputs[i]) if len(inputs) == len(data.features) else set()
            yield features, next((n for n in graph if n.id in reached and n.op in WEIGHTED), layer)


def _broken(target: Target) -> bool:
    return target.missing_share > 0 or target.infinite_share > 0


def _finding(at: Node | Loss, what: str, values: Features | Target, data: Data) -> Finding:
    missing, infinite = known(lambda: values.missing_share, 0.0), known(lambda: values.infinite_share, 0.0)
    kinds = [word for word, share in (("NaN", missing), ("infinite values", infinite)) if share > 0] or ["NaN"]
    share = f"{missing + infinite:.2g} of all values" if missing + infinite else "some values"
    return Finding(
        at=at,
        says=f"the {what} hold {' and '.join(kinds)}",
        label="makes the loss NaN",
        why=f"{share} are no numbers, and one of them in a batch turns every weight into NaN",
        help="leave these rows out, or fill them from the training part of the data",
        explains=("unscaled-features", "exploding-gradient", "unscaled-target"),
    )

"""Something is fitted on data that are split into training and held-back data afterwards.

Why is this bad?
    A scaler, a projection or a choice of features that has seen the held-back rows carries something of them into
    training; an oversampler puts copies of the same row on both sides. What is measured then is better than what will
    be seen on new data. Random changes of validation data make every figure another one.

When is it fine?
    Fitting on the training part and applying to both, pipelines inside a cross-validation, and fixed constants.

Fix safety
    There is no automatic fix: split first, fit on the training part, and transform both with it.

References
    scikit-learn: Common pitfalls, data leakage during pre-processing. Kaufman et al.: Leakage in Data Mining, 2012.
"""

from collections.abc import Iterator

from nnlint.facts import Preparation, Recipe
from nnlint.finding import Finding
from nnlint.rule import rule

WHAT = {
    "scaler": "its mean and deviation come from the held-back rows as well",
    "projection": "its directions come from the held-back rows as well",
    "selection": "it has seen the targets of the held-back rows",
    "oversampler": "rows made from one sample stand on both sides of the split",
}
HELD_BACK = {"validation", "test"}


@rule(level="warning", since="0.1")
def fitted_before_split(recipe: Recipe) -> Iterator[Finding]:
    """Report what is fitted before the split, and augmentations that change the held-back data."""
    for preparation in recipe.preparations:
        if preparation.kind == "random_transform":
            held = [role for role in preparation.reaches if role in HELD_BACK]
            if held:
                yield _random(preparation, held[0])
        elif preparation.before_split:
            yield Finding(
                at=preparation.span,
                says=f"`{preparation.name}` is fitted on data that are split afterwards",
                label="sees all rows",
                also={preparation.split: "splits them"} if preparation.split else {},
                why=WHAT[preparation.kind],
                help="split first, fit on the training part, and transform both parts with it",
            )


def _random(preparation: Preparation, role: str) -> Finding:
    return Finding(
        at=preparation.span,
        says=f"`{preparation.name}` changes the {role} data at random",
        why="every figure on them is another one, and lower than on the data as they are",
        help=f"give the {role} data transforms of their own, without the random ones",
    )

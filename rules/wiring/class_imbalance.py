"""One class is far rarer than another, and nothing makes up for it.

Why is this bad?
    The loss is an average over samples. Where one class has four times as many of them, mistakes on the other count a
    quarter, and the model may leave it out altogether while the accuracy still looks good.

When is it fine?
    Where the share of the classes is what the model should learn and the threshold is chosen afterwards; and wherever
    class weights or a weighted sampler are there already.

Fix safety
    Unsafe: the probabilities no longer follow the share of the classes in the data.

References
    PyTorch: `torch.nn.CrossEntropyLoss`, `weight`; `torch.nn.BCEWithLogitsLoss`, `pos_weight`. He, Garcia: Learning
    from Imbalanced Data, 2009.
"""

from nnlint.facts import Data, Output, Recipe
from nnlint.finding import Finding
from nnlint.fix import Code, Fix, set_argument
from nnlint.rule import rule

ENOUGH = 100
MOST = 20
"""Classes up to which a long tail is no surprise."""
CLASSES = {"cross_entropy", "nll"}
BINARY = {"bce", "bce_with_logits"}


@rule(level="advice", since="0.1")
def class_imbalance(output: Output, data: Data, recipe: Recipe, *, ratio: float = 0.2) -> Finding | None:
    """Report classes of very unequal size (rarest to commonest) under a loss without weights."""
    loss, call, target = output.loss, output.call, data.target
    if loss.kind not in CLASSES | BINARY or call is None or len(call.inputs) > 2 or target.made == "constant":
        return None
    if call.arguments.get("weight") or call.arguments.get("pos_weight") or target.one_hot:
        return None
    if len(target.shape) > 2 or data.features[0].shape[:1] != target.shape[:1]:
        return None  # positions of sequences and pixels are no samples
    if any(loader.sampler for loader in recipe.loaders if loader.role == "train"):
        return None
    counts = dict(target.classes)
    if not 2 <= len(counts) <= MOST or sum(counts.values()) < ENOUGH:
        return None
    rare, common = min(counts, key=lambda c: counts[c]), max(counts, key=lambda c: counts[c])
    if counts[rare] > ratio * counts[common]:
        return None
    return Finding(
        at=loss,
        says=f"class {rare} has {counts[rare]} samples, class {common} has {counts[common]}, and both weigh the same",
        why=f"a model that never answers {rare} is right in {1 - counts[rare] / sum(counts.values()):.1%} of all cases",
        help="" if _fixes(output, counts) else "weigh the classes in the loss, or draw the rare one more often",
        fixes=_fixes(output, counts),
    )


def _fixes(output: Output, counts: dict[int, int]) -> list[Fix]:
    loss = output.loss
    place = loss.span or loss.call
    if place is None or " " in loss.name:
        return []
    if loss.kind == "bce_with_logits" and set(counts) == {0, 1}:
        weight = f"torch.tensor({counts[0] / counts[1]:.3g})"
        return [set_argument(place, "pos_weight", Code(weight), title="weigh the rare class by how rare it is")]
    if loss.kind in CLASSES and list(counts) == list(range(output.node.shape[1])):
        total = sum(counts.values()) / len(counts)
        weights = ", ".join(f"{total / n:.3g}" for n in counts.values())
        return [
            set_argument(
                place, "weight", Code(f"torch.tensor([{weights}])"), title="weigh the classes by how rare they are"
            )
        ]
    return []

"""The loss counts positions that only fill sequences up.

Why is this bad?
    Padding is easy to predict and there is a lot of it: the loss looks good and its gradient is spent on positions
    that mean nothing. Predicting more padding is then what pays.

When is it fine?
    `ignore_index` with that id, a mask over the loss, a weight of zero for it, and an end mark that has to be learned
    and stands once in each row.

Fix safety
    Unsafe: the loss takes another scale, which is the purpose.

References
    PyTorch: `torch.nn.CrossEntropyLoss`, `ignore_index`.
"""

from nnlint.facts import Data, Output, Target
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule

NEAR = 0.05
"""How far apart the shares of padding in ids and targets may be."""
CLASSES = {"cross_entropy", "nll"}


@rule(level="warning", since="0.1")
def padding_counted_in_loss(output: Output, data: Data, *, share: float = 0.1) -> Finding | None:
    """Report targets that are padding in 10 % of positions and more, under a loss that averages over all of them."""
    loss, call = output.loss, output.call
    if loss.kind not in CLASSES or loss.reduction == "none" or call is None or len(call.inputs) > 2:
        return None
    if call.arguments.get("weight"):
        return None
    value, found = _padding(data, data.target)
    if value is None or found < share or call.arguments.get("ignore_index") == value:
        return None
    return Finding(
        at=loss,
        says=f"{found:.0%} of the positions that {loss.shown} counts are padding ({value})",
        label="averages over padding as well",
        why=f"{found:.0%} of what it averages over means nothing and is easy to predict",
        help="" if _fixes(output, value) else "leave the padding out of the loss",
        fixes=_fixes(output, value),
    )


def _padding(data: Data, target: Target) -> tuple[int | None, float]:
    """Return the padding's id and its share of the targets; of flat targets, that of the ids that the model reads."""
    if len(target.shape) > 1:
        padding = target.padding
        return (None, 0.0) if padding is None else (padding.value, padding.share)
    for features in data.features:
        if features.kind != "ids" or len(features.shape) != 2:
            continue
        padding = features.padding
        if padding is not None and features.shape[0] * features.shape[1] == target.shape[0]:
            counts = dict(target.classes)
            share = counts.get(padding.value, 0) / max(1, sum(counts.values()))
            if abs(share - padding.share) < NEAR:
                return padding.value, share
    return None, 0.0


def _fixes(output: Output, value: int) -> list[Fix]:
    place = output.loss.span or output.loss.call
    if place is None or " " in output.loss.name:
        return []
    return [set_argument(place, "ignore_index", value, title="leave the padding out of the loss")]

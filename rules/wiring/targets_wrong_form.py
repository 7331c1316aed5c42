"""Targets do not have the form that the loss takes.

Why is this bad?
    Every loss has its own idea of a label: cross-entropy wants class numbers from 0, or rows that sum to 1; binary
    losses want 0 and 1 in the shape of the predictions; margin losses want -1 and 1. Several labels in one row make
    cross-entropy share its only answer between them; 0 instead of -1 leaves one class without any loss. Most other
    mistakes stop the program.

When is it fine?
    Soft labels that sum to 1, label smoothing, the label that `ignore_index` names, and targets made in the loop.

Fix safety
    Unsafe: another loss or other targets, which is the purpose.

References
    PyTorch: `torch.nn.CrossEntropyLoss`, `torch.nn.BCEWithLogitsLoss`, `torch.nn.SoftMarginLoss`.
"""

from collections.abc import Iterator

from nnlint.facts import Data, Model, Output, Target
from nnlint.finding import Finding
from nnlint.fix import Fix, change_argument, replace_loss
from nnlint.rule import rule

CLASSES = {"cross_entropy", "nll"}
BINARY = {"bce", "bce_with_logits", "multilabel_soft_margin"}
SIGNED = {"soft_margin"}
BYTES = (128.0, 255.0)
"""Largest value of targets that look like pixels."""

Fault = tuple[str, str, str, str]
"""What is said of the targets, what stands under the loss, why it matters, how to write the argument (or nothing)."""


@rule(level="error", since="0.1")
def targets_wrong_form(output: Output, data: Data, model: Model) -> Iterator[Finding]:
    """Report targets that the loss misreads or refuses."""
    loss, target = output.loss, data.target
    fault: Fault | None = None
    stopped = model.failure is not None and model.failure.node.call == loss.call
    if loss.kind in CLASSES:
        fault = _classes(output, target, stopped)
    elif loss.kind in BINARY:
        fault = _binary(output, target, stopped)
    elif loss.kind in SIGNED and target.integral and (target.low, target.high) == (0, 1):
        fault = ("targets are 0 and 1", "takes -1 and 1", "where the target is 0 the loss is log 2 whatever the output",
                 "{} * 2 - 1")  # fmt: skip
    if fault is None:
        return
    says, takes, why, text = fault
    fixes = _fixes(output, says, text)
    yield Finding(
        at=loss.call or loss,
        says=f"{says}, {loss.shown} {takes}",
        label=takes,
        also={loss: "built here"} if loss.span is not None and loss.span != loss.call else {},
        why=why,
        help="" if fixes else HELP.get(takes, "bring the targets into the form that the loss takes"),
        fixes=fixes,
    )


NUMBERS = "takes class numbers"
HELP = {"takes 0 to 1": "scale the targets to 0 to 1"}


def _classes(output: Output, target: Target, stopped: bool) -> Fault | None:
    seen, shape = output.node.shape, target.shape
    if len(seen) < 2 or seen[1] < 2:
        return None
    if shape == seen:
        return _rows(target, seen[1], stopped)
    if not stopped or not target.integral:
        return None
    numbers = (seen[0], *seen[2:])
    dtype = "" if target.dtype in ("int64", "uint8") else ".long()"
    why = "PyTorch stops with an error"
    if shape == (*numbers, 1) or shape == (numbers[0], 1, *numbers[1:]):
        place = 1 if shape == (numbers[0], 1, *numbers[1:]) else len(shape) - 1
        return f"targets have the shape {_shown(shape)}", f"{NUMBERS} of shape {_shown(numbers)}", why, (
            f"{{}}.squeeze({place}){dtype}"
        )  # fmt: skip
    if shape != numbers:
        return None
    if dtype:
        return f"targets are {target.dtype}", f"{NUMBERS} of type int64", why, "{}.long()"
    ignored = output.call.arguments.get("ignore_index") if output.call is not None else None
    units = seen[1]
    if target.low >= 1 and target.high >= units > target.high - target.low and target.high != ignored:
        low = int(target.low)
        return f"labels go from {low} to {int(target.high)}", "counts classes from 0", (
            f"there is no unit for the label {units}, and none is ever right for 0"
        ), f"{{}} - {low}"  # fmt: skip
    if target.low < 0 and target.low != ignored:
        return f"labels go from {int(target.low)} to {int(target.high)}", "counts classes from 0", why, ""
    return None


def _rows(target: Target, width: int, stopped: bool) -> Fault | None:
    """Judge targets in the shape of the predictions."""
    if stopped and not target.dtype.startswith(("float", "bfloat")) and target.one_hot:
        return f"one-hot targets are {target.dtype}", f"{NUMBERS} or floating point rows", (
            "PyTorch stops with an error"
        ), "{}.argmax(1)" if len(target.shape) == 2 else ""  # fmt: skip
    if len(target.shape) == 2 and target.multi_hot and target.mean * width > 1:
        return f"rows of the targets hold {target.mean * width:.2g} ones on average", "takes one class for each row", (
            "the best answer to a row with two labels is one half for each, and never more"
        ), "bce_with_logits"  # fmt: skip
    return None


def _binary(output: Output, target: Target, stopped: bool) -> Fault | None:
    seen, shape = output.node.shape, target.shape
    if target.integral and (target.low < 0 or target.high > 1) and target.made != "constant":
        says, why = (
            f"targets go from {target.low:g} to {target.high:g}",
            "below 0 and above 1 the loss has no lowest value",
        )
        pixels = target.low >= 0 and BYTES[0] <= target.high <= BYTES[1] and len(shape) > 1
        text = (
            "{} / 255" if pixels else "({} + 1) / 2" if (target.low, target.high, target.distinct) == (-1, 1, 2) else ""
        )
        return says, "takes 0 to 1", why, text
    if not stopped:
        return None
    text = "{}" if target.dtype.startswith(("float", "bfloat")) else "{}.float()"
    if seen == (*shape, 1):
        text += f".unsqueeze({len(shape)})"
    elif shape == (*seen, 1):
        text += f".squeeze({len(seen)})"
    elif seen != shape or text == "{}":
        return None
    if seen == shape:
        return f"targets are {target.dtype}", "takes floating point numbers", "PyTorch stops with an error", text
    return f"targets have the shape {_shown(shape)}", f"takes {_shown(seen)}", "PyTorch stops with an error", text


def _shown(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def _fixes(output: Output, says: str, text: str) -> list[Fix]:
    if text == "bce_with_logits":
        logits = output.activation is None and output.loss.kind == "cross_entropy"
        return [replace_loss(output.loss, text, title="use one binary decision for each class")] if logits else []
    place = output.target_place
    if not text or place is None or output.loss.call is None:
        return []
    return [
        change_argument(
            output.loss.call,
            ("input", "target")[place],
            text,
            position=place,
            title=f"hand the targets over as `{text.replace('{}', 'targets')}`",
        )
    ]

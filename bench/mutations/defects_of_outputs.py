"""Defects of what reaches the loss."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program
from .registry import (
    CLASS_LOSS,
    LOGIT_LOSS,
    LOSS_LINES,
    SQUARED,
    around_output,
    data_of,
    defect,
    line_matching,
    output_of,
    swapped,
)

NO_LOGITS = r"normalize\(|KLDivLoss|temperature"
"""Programs whose cross-entropy is not of what the model gives."""
DENSE = r"masks|transpose\(1, 2\)|ignore_index|flatten\(0, 1\)"
"""Programs with a class for each of many places."""


def _classifies(program: Program) -> bool:
    return program.uses(CLASS_LOSS) and not program.uses(NO_LOGITS)


def _regresses(program: Program) -> bool:
    return program.uses(SQUARED + "|HuberLoss") and not program.uses(r"decoder|[Aa]uto[Ee]ncoder|noise\b|SmoothL1")


@defect
def softmax_before_cross_entropy(program: Program) -> Iterator[Mutant]:
    """Probabilities into cross-entropy."""
    if _classifies(program):
        axis = "1" if program.uses("masks") else "-1"
        forms = (f"torch.softmax({{}}, dim={axis})", f"({{}}).softmax({axis})", f"nn.functional.softmax({{}}, {axis})")
        yield from around_output(
            program, "softmax-before-cross-entropy", ("nn.Softmax(dim=1)", "nn.Softmax(-1)", "nn.Sigmoid()"), forms
        )


@defect
def relu_before_loss(program: Program) -> Iterator[Mutant]:
    """Logits cut off at zero."""
    if _classifies(program):
        forms = ("torch.relu({})", "({}).relu()", "nn.functional.relu({})")
        layers = ("nn.ReLU()", "nn.ReLU(inplace=True)", "nn.ReLU6()")
        yield from around_output(program, "relu-before-loss", layers, forms)


@defect
def sigmoid_loss_mismatch(program: Program) -> Iterator[Mutant]:
    """A sigmoid in front of a loss that has one; a logit into one that has none."""
    if not program.uses(LOGIT_LOSS) or program.uses("latent"):
        return
    forms = ("torch.sigmoid({})", "({}).sigmoid()")
    yield from around_output(program, "sigmoid-loss-mismatch", ("nn.Sigmoid()",), forms)
    for call in program.calls("BCEWithLogitsLoss", "binary_cross_entropy_with_logits"):
        if not call.keywords:
            new = program.source(call.func).replace("BCEWithLogitsLoss", "BCELoss").replace("_with_logits", "")
            yield from swapped(program, "sigmoid-loss-mismatch", call.func, (new,), LOSS_LINES)


@defect
def softmax_loss_mismatch(program: Program) -> Iterator[Mutant]:
    """A softmax for labels that are not exclusive, or with squared error."""
    if program.uses(LOGIT_LOSS) and program.uses("multilabel"):
        forms = ("torch.softmax({}, dim=1)", "({}).softmax(-1)", "nn.functional.softmax({}, dim=-1)")
        yield from around_output(program, "softmax-loss-mismatch", ("nn.Softmax(dim=1)",), forms, LOSS_LINES)


@defect
def softmax_on_one_unit(program: Program) -> Iterator[Mutant]:
    """A softmax over the only output."""
    found = output_of(program)
    one = any(program.source(c).endswith((", 1)",)) for c in program.calls("Linear"))
    if found is None or not one or program.uses(CLASS_LOSS):
        return
    node, item = found
    source = program.source(node)
    squeezed = re.search(r"\.squeeze\((-?1)?\)$", source)
    core = source[: squeezed.start()] if squeezed else source
    tail = squeezed[0] if squeezed else ""
    forms = [f"torch.softmax({core}, dim=1){tail}", f"{core}.softmax(-1){tail}"]
    forms += [f"nn.functional.softmax({core}, dim=-1){tail}"]
    yield from swapped(program, "softmax-on-one-unit", node, ["{}, nn.Softmax(dim=1)"] if item else forms)


@defect
def bounded_regression_output(program: Program) -> Iterator[Mutant]:
    """A regression output that cannot reach the targets."""
    if _regresses(program):
        forms = ("torch.sigmoid({})", "({}).tanh()", "nn.functional.softplus({})")
        yield from around_output(program, "bounded-regression-output", ("nn.Sigmoid()", "nn.Tanh()"), forms)


@defect
def dropout_on_output(program: Program) -> Iterator[Mutant]:
    """Dropout behind the last layer."""
    if not program.uses(r"normalize\("):
        forms = (
            "nn.functional.dropout({}, 0.3, self.training)", "nn.functional.dropout({}, p=0.5, training=self.training)",
            "torch.dropout({}, 0.2, self.training)",
        )  # fmt: skip
        layers = ("nn.Dropout(0.3)", "nn.Dropout(p=0.5)", "nn.Dropout()")
        yield from around_output(program, "dropout-on-output", layers, forms)


@defect
def nll_without_log_softmax(program: Program) -> Iterator[Mutant]:
    """Logits into NLLLoss."""
    if program.uses(NO_LOGITS):
        return
    for call in program.calls("CrossEntropyLoss"):
        if not any(k.arg == "label_smoothing" for k in call.keywords):
            ways = ("nn.NLLLoss", "torch.nn.NLLLoss")
            yield from swapped(program, "nll-without-log-softmax", call.func, ways, LOSS_LINES)
    for call in [c for c in program.calls("cross_entropy") if _trains(program, c)]:
        ways = ("nn.functional.nll_loss", "F.nll_loss") if program.uses("as F") else ("nn.functional.nll_loss",)
        yield from swapped(program, "nll-without-log-softmax", call.func, ways)
        return


@defect
def kl_div_on_probabilities(program: Program) -> Iterator[Mutant]:
    """Probabilities where KLDivLoss takes their logarithm."""
    for call in program.calls("kl_loss", "kl_div"):
        inner = call.args[0]
        source = program.source(inner)
        if "log_softmax" in source:
            logits = re.sub(r"^F\.log_softmax\((.*), dim=1\)$", r"\1", source)
            ways = (source.replace("log_softmax", "softmax"), f"({logits}).softmax(1)", f"torch.softmax({logits}, -1)")
            yield from swapped(program, "kl-div-on-probabilities", inner, ways, r"kl_loss|softmax")


@defect
def norm_after_output(program: Program) -> Iterator[Mutant]:
    """A batch norm directly behind the last layer."""
    found = output_of(program)
    if found is None or program.uses(NO_LOGITS + "|" + DENSE + r"|update_bn"):
        return
    widths = [c for c in program.calls("Linear") if len(c.args) == 2]
    node, item = found
    if item and widths:
        width = program.source(widths[-1].args[1])
        ways = (f"{{}}, nn.BatchNorm1d({width})", f"{{}}, nn.BatchNorm1d({width}, affine=False)")
        yield from swapped(program, "norm-after-output", node, ways)
    elif program.uses(CLASS_LOSS):
        ways = ("nn.functional.batch_norm({}, None, None, training=True)",)
        yield from swapped(program, "norm-after-output", node, ways)


@defect
def output_width_mismatch(program: Program) -> Iterator[Mutant]:
    """Too few outputs."""
    if not _classifies(program) or program.uses(DENSE):
        return
    linears = [c for c in program.calls("Linear") if len(c.args) >= 2]
    if linears:
        last = linears[-1].args[1]
        ways = ["1"]
        if isinstance(last, ast.Constant) and int(last.value) > 2:
            ways.append(str(int(last.value) - 1))
        elif isinstance(last, ast.Name | ast.Attribute):
            ways.append(f"{program.source(last)} - 1")
        pattern = LOSS_LINES + r"|Linear\("
        yield from swapped(program, "output-width-mismatch", last, ways, pattern)


@defect
def regression_loss_on_classes(program: Program) -> Iterator[Mutant]:
    """Squared error on class labels."""
    if not _classifies(program) or program.uses(DENSE + "|label_smoothing|weight="):
        return
    calls = [
        c for c in program.calls("criterion", "loss_fn", "cross_entropy") if len(c.args) == 2 and _trains(program, c)
    ]
    losses = list(program.calls("CrossEntropyLoss"))
    if len(calls) != 1:
        return
    logits, target = (program.source(a) for a in calls[0].args)
    hot = f"nn.functional.one_hot({target}, {logits}.shape[-1]).float()"
    if losses:
        for name in ("MSELoss", "L1Loss", "SmoothL1Loss"):
            text, _ = program.replaced(calls[0].args[1], hot)
            text = text.replace("nn.CrossEntropyLoss()", f"nn.{name}()")
            yield Mutant("regression-loss-on-classes", name, text, line_matching(text, LOSS_LINES))
    else:
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss"):
            new = f"nn.functional.{name}({logits}, {hot})"
            yield from swapped(program, "regression-loss-on-classes", calls[0], (new,), LOSS_LINES)


@defect
def classification_loss_on_values(program: Program) -> Iterator[Mutant]:
    """Cross-entropy on real values."""
    if not _regresses(program):
        return
    for call in program.calls("MSELoss", "HuberLoss"):
        ways = ("nn.BCEWithLogitsLoss()", "nn.CrossEntropyLoss()")
        yield from swapped(program, "classification-loss-on-values", call, ways, LOSS_LINES)
        return
    for call in program.calls("mse_loss"):
        if _trains(program, call):
            ways = ("F.binary_cross_entropy_with_logits", "F.cross_entropy")
            yield from swapped(program, "classification-loss-on-values", call.func, ways, LOSS_LINES)
            return


@defect
def loss_broadcast(program: Program) -> Iterator[Mutant]:
    """(N, 1) against (N,)."""
    if not _regresses(program):
        return
    for call in program.calls("squeeze"):
        if isinstance(call.func, ast.Attribute) and not program.uses("unsqueeze"):
            value = program.source(call.func.value)
            ways = (value, f"{value}.reshape(-1, 1)", f"{value}.squeeze(0)")
            yield from swapped(program, "loss-broadcast", call, ways, LOSS_LINES)
            return


@defect
def logits_thresholded_at_half(program: Program) -> Iterator[Mutant]:
    """Logits compared with .5."""
    if not program.uses(LOGIT_LOSS):
        return
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Gt):
            side, left = node.comparators[0], program.source(node.left)
            if isinstance(side, ast.Constant) and side.value == 0 and re.search(r"(model|net|logits?)\b", left):
                ways = (f"{left} > 0.5", f"{left} >= 0.5", f"{left}.round() == 1")
                yield from swapped(program, "logits-thresholded-at-half", node, ways)
                return


@defect
def vae_loss_scales_mixed(program: Program) -> Iterator[Mutant]:
    """A mean beside a sum."""
    for call in program.calls("binary_cross_entropy_with_logits"):
        if program.uses("log_variance") and any(k.arg == "reduction" for k in call.keywords):
            inner = ", ".join(program.source(a) for a in call.args)
            ways = (f"{program.source(call.func)}({inner})", f'{program.source(call.func)}({inner}, reduction="mean")')
            yield from swapped(program, "vae-loss-scales-mixed", call, ways, r"loss = |return -0\.5|torch\.sum|error")


@defect
def class_axis_scrambled(program: Program) -> Iterator[Mutant]:
    """(N, C, ...) viewed as (-1, C)."""
    for call in program.calls("criterion"):
        if program.uses("masks") and len(call.args) == 2:
            target = program.source(call.args[1])
            loss = program.source(call.func)
            width = "len(CLASSES)" if program.uses("CLASSES") else "2"
            ways = (
                f"{loss}(logits.view(-1, {width}), {target}.view(-1))",
                f"{loss}(logits.reshape(-1, {width}), {target}.flatten())",
                f"{loss}(logits.flatten().view(-1, {width}), {target}.reshape(-1))",
            )
            if program.uses("logits = "):
                yield from swapped(program, "class-axis-scrambled", call, ways)
            return


@defect
def targets_wrong_form(program: Program) -> Iterator[Mutant]:
    """Labels that the loss does not take."""
    found = data_of(program)
    if found is not None and _classifies(program) and not program.uses(DENSE):
        ways = ("{} + 1", "{} - 1", *(("nn.functional.one_hot({})",) if data_of(program, whole=True) else ()))
        yield from swapped(program, "targets-wrong-form", found[1], ways, LOSS_LINES)


def _trains(program: Program, node: ast.AST) -> bool:
    scope = program.scope(node)
    return (
        scope is not None and ".backward()" in program.source(scope) and not program.inside(node, "no_grad|inference")
    )

"""Defects of what the model computes: its layers, its initialization, what reaches the loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .program import Mutant, Program, keyword, last_name
from .registry import (
    CLASS_LOSS,
    LOGIT_LOSS,
    SQUARED,
    around_output,
    defect,
    inside_forward,
    line_matching,
    output_of,
)

# -- what reaches the loss


@defect
def softmax_before_cross_entropy(program: Program) -> Iterator[Mutant]:
    """Probabilities into cross-entropy."""
    if program.uses(CLASS_LOSS) and not program.uses(r"ignore_index|permute|reshape\(-1"):
        forms = ("torch.softmax({}, dim=1)", "({}).softmax(-1)", "nn.functional.softmax({}, 1)")
        yield from around_output(program, "softmax-before-cross-entropy", "nn.Softmax(dim=1)", *forms)


@defect
def relu_before_loss(program: Program) -> Iterator[Mutant]:
    """Logits cut off at zero."""
    if program.uses(CLASS_LOSS):
        forms = ("torch.relu({})", "({}).relu()", "nn.functional.relu({})")
        yield from around_output(program, "relu-before-loss", "nn.ReLU()", *forms)


@defect
def sigmoid_loss_mismatch(program: Program) -> Iterator[Mutant]:
    """A sigmoid in front of a loss that has one; a logit into one that has none."""
    if program.uses(LOGIT_LOSS):
        forms = ("torch.sigmoid({})", "({}).sigmoid()", "nn.functional.sigmoid({})")
        yield from around_output(program, "sigmoid-loss-mismatch", "nn.Sigmoid()", *forms)
        for call in program.calls("BCEWithLogitsLoss"):
            text, line = program.replaced(call.func, program.source(call.func).replace("BCEWithLogitsLoss", "BCELoss"))
            if not call.args and not call.keywords:
                yield Mutant(
                    "sigmoid-loss-mismatch", "BCELoss", text, (line, *line_matching(text, r"criterion\(|loss_fn\("))
                )


@defect
def bounded_regression_output(program: Program) -> Iterator[Mutant]:
    """A regression output that cannot reach the targets."""
    if program.uses(SQUARED) and not program.uses(r"decoder|Autoencoder|AutoEncoder|noise"):
        forms = ("torch.sigmoid({})", "({}).tanh()", "nn.functional.relu(-({}))")
        yield from around_output(program, "bounded-regression-output", "nn.Sigmoid()", *forms[:2])


@defect
def dropout_on_output(program: Program) -> Iterator[Mutant]:
    """Dropout behind the last layer."""
    forms = (
        "nn.functional.dropout({}, 0.3, self.training)",
        "nn.functional.dropout({}, p=0.5, training=self.training)",
    )
    yield from around_output(program, "dropout-on-output", "nn.Dropout(0.3)", *forms)


@defect
def nll_without_log_softmax(program: Program) -> Iterator[Mutant]:
    """Logits into NLLLoss."""
    for call in program.calls("CrossEntropyLoss"):
        if not call.args and not call.keywords:
            text, line = program.replaced(call.func, "nn.NLLLoss")
            yield Mutant(
                "nll-without-log-softmax", "NLLLoss", text, (line, *line_matching(text, r"criterion\(|loss_fn\("))
            )
    for call in program.calls("cross_entropy"):
        if not call.keywords:
            text, line = program.replaced(call.func, "nn.functional.nll_loss")
            yield Mutant("nll-without-log-softmax", "nll_loss", text, (line,))


# -- layers


@defect
def linear_after_linear(program: Program) -> Iterator[Mutant]:
    """An activation between two linear layers is left out."""
    for call in program.sequentials():
        kinds = [last_name(a.func) if isinstance(a, ast.Call) else "" for a in call.args]
        for i in range(1, len(kinds) - 1):
            if kinds[i - 1] == kinds[i + 1] == "Linear" and kinds[i] in (
                "ReLU",
                "Tanh",
                "GELU",
                "ELU",
                "SiLU",
                "LeakyReLU",
            ):
                first, second = (call.args[i - 1], call.args[i + 1])
                text, _ = program.replaced(call.args[i], "nn.Identity()")
                yield Mutant("linear-after-linear", "item", text, (first.lineno, call.args[i].lineno, second.lineno))
                return


@defect
def repeated_activation(program: Program) -> Iterator[Mutant]:
    """A squashing activation twice."""
    for call in program.sequentials():
        for item in call.args:
            if isinstance(item, ast.Call) and last_name(item.func) in ("Tanh", "Sigmoid"):
                source = program.source(item)
                text, line = program.replaced(item, f"{source}, {source}")
                yield Mutant("repeated-activation", "item", text, (line,))
                return
    for call in program.calls("tanh", "sigmoid"):
        source = program.source(call)
        if source.startswith(("torch.", "F.")) and inside_forward(program, call):
            text, line = program.replaced(call, f"torch.{last_name(call.func)}({source})")
            yield Mutant("repeated-activation", "function", text, (line,))
            return


@defect
def dropout_rate_out_of_range(program: Program) -> Iterator[Mutant]:
    """Nearly everything is dropped."""
    for call in program.calls("Dropout", "Dropout2d"):
        for spelling, new in (("position", "0.95"), ("keyword", "p=0.9"), ("all", "1.0")):
            text, line = program.replaced(call, f"{program.source(call.func)}({new})")
            yield Mutant("dropout-rate-out-of-range", spelling, text, (line,))
        return


@defect
def batchnorm_momentum_inverted(program: Program) -> Iterator[Mutant]:
    """Keras's meaning of the momentum."""
    for call in program.calls("BatchNorm1d", "BatchNorm2d"):
        if len(call.args) == 1 and not call.keywords:
            width = program.source(call.args[0])
            for spelling, new in (("keyword", f"{width}, momentum=0.99"), ("position", f"{width}, 1e-5, 0.9")):
                text, line = program.replaced(call, f"{program.source(call.func)}({new})")
                yield Mutant("batchnorm-momentum-inverted", spelling, text, (line,))
            return


@defect
def single_layer_rnn_dropout(program: Program) -> Iterator[Mutant]:
    """Dropout of a recurrent net with one layer."""
    for call in program.calls("LSTM", "GRU", "RNN"):
        if keyword(call, "num_layers") is None and keyword(call, "dropout") is None and len(call.args) == 2:
            text, line = program.replaced(call, program.source(call)[:-1] + ", dropout=0.3)")
            yield Mutant("single-layer-rnn-dropout", "keyword", text, (line,))
            return


@defect
def dropout_at_inference(program: Program) -> Iterator[Mutant]:
    """Functional dropout that never ends."""
    forwards = list(program.forwards())
    found = output_of(program)
    if not forwards or found is None or found[1]:
        return
    for call in ast.walk(forwards[-1]):
        if isinstance(call, ast.Call) and last_name(call.func) in ("relu", "gelu", "tanh"):
            source = program.source(call)
            for spelling in ("nn.functional.dropout({}, 0.3)", "nn.functional.dropout({}, p=0.2)"):
                text, line = program.replaced(call, spelling.format(source))
                yield Mutant("dropout-at-inference", spelling.format("x"), text, (line,))
            return


@defect
def symmetric_init(program: Program) -> Iterator[Mutant]:
    """All weights alike."""
    for node in program.tree.body:
        if isinstance(node, ast.Assign) and program.source(node.targets[0]) in ("model", "net"):
            name = program.source(node.targets[0])
            ways = (
                (f"for p in {name}.parameters():", "    nn.init.constant_(p, 0.1)"),
                (f"for p in {name}.parameters():", "    p.data.fill_(0.05)"),
                (f"for p in {name}.parameters():", "    nn.init.zeros_(p)"),
            )
            for way in ways:
                text, line = program.inserted(node, *way, after=True)
                lines = (
                    *range(line, line + 2),
                    node.lineno,
                    *line_matching(text, r"nn\.(Linear|Conv|LSTM|GRU|Embedding)|^class "),
                )
                yield Mutant("symmetric-init", way[1].strip(), text, lines)
            return


@defect
def oversized_activations(program: Program) -> Iterator[Mutant]:
    """Weights from a standard normal distribution."""
    for node in program.tree.body:
        if (
            isinstance(node, ast.Assign)
            and program.source(node.targets[0]) in ("model", "net")
            and program.uses(CLASS_LOSS)
        ):
            name = program.source(node.targets[0])
            text, line = program.inserted(
                node, f"for p in {name}.parameters():", "    if p.dim() > 1:", "        nn.init.normal_(p)", after=True
            )
            lines = (
                *range(line, line + 3),
                node.lineno,
                *line_matching(text, r"nn\.(Linear|Conv|LSTM|GRU|Embedding)|^class "),
            )
            yield Mutant("oversized-activations", "normal_", text, lines)
            return

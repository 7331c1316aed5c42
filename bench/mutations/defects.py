"""Defects of the ledger as edits of a sound program, in up to three spellings each.

Every function is one rule's defect: it yields what the program lets it do, and nothing where the defect has no place.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Callable, Iterator

from .program import Mutant, Program, keyword, last_name

Defect = Callable[[Program], Iterator[Mutant]]
DEFECTS: dict[str, Defect] = {}

CLASS_LOSS = r"CrossEntropyLoss\(|F\.cross_entropy\(|functional\.cross_entropy\("
LOGIT_LOSS = r"BCEWithLogitsLoss\(|binary_cross_entropy_with_logits\("
SQUARED = r"MSELoss\(|mse_loss\("


INVERSE = {
    "softmax-before-cross-entropy", "relu-before-loss", "dropout-on-output", "repeated-activation",
    "missing-eval-mode", "missing-no-grad", "loss-tensor-kept", "forward-called-directly", "missing-zero-grad",
    "step-order", "scheduler-before-optimizer", "unshuffled-training-data", "optimizer-recreated-each-step",
    "plateau-without-metric", "dropout-at-inference", "single-layer-rnn-dropout",
}  # fmt: skip
"""Rules whose first fix takes the defect back."""


def defect(function: Defect) -> Defect:
    """Register a defect under the name of its rule."""
    name = function.__name__.replace("_", "-")

    @functools.wraps(function)
    def made(program: Program) -> Iterator[Mutant]:
        for one in function(program):
            yield dataclasses.replace(one, inverse=name in INVERSE)

    DEFECTS[name] = made
    return function


def line_matching(text: str, pattern: str) -> tuple[int, ...]:
    """Return the lines (from 1) that match."""
    return tuple(i for i, row in enumerate(text.splitlines(), 1) if re.search(pattern, row))


def output_of(program: Program) -> tuple[ast.expr, bool] | None:
    """Return what the trained model gives, and whether it is the last item of a Sequential."""
    for call in program.sequentials():
        parent = program.parents[call]
        if isinstance(parent, ast.Assign) and program.source(parent.targets[0]) in ("model", "net"):
            return call.args[-1], True
    forwards = list(program.forwards())
    if not forwards:
        return None
    returns = [n for n in ast.walk(forwards[-1]) if isinstance(n, ast.Return) and n.value is not None]
    value = returns[-1].value if returns else None
    return None if value is None or isinstance(value, ast.Tuple) else (value, False)


def around_output(program: Program, rule: str, layer: str, *functions: str) -> Iterator[Mutant]:
    """Yield the program with something behind its output: `layer` as an item, `functions` with {} for the value."""
    found = output_of(program)
    if found is None:
        return
    node, item = found
    source = program.source(node)
    if item:
        text, line = program.replaced(node, f"{source}, {layer}")
        yield Mutant(rule, "layer", text, (line,))
        return
    for spelling in functions:
        text, line = program.replaced(node, spelling.format(source))
        yield Mutant(rule, spelling.format("x"), text, (line,))


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


def inside_forward(program: Program, node: ast.AST) -> bool:
    """Whether a node stands in a module's forward."""
    here: ast.AST | None = node
    while here is not None:
        if isinstance(here, ast.FunctionDef):
            return here.name == "forward"
        here = program.parents.get(here)
    return False


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


# -- the loop


@defect
def missing_zero_grad(program: Program) -> Iterator[Mutant]:
    """Gradients are never cleared."""
    cleared = list(program.statements(r"zero_grad\("))
    if len(cleared) == 1:
        text, _ = program.without(cleared[0])
        yield Mutant("missing-zero-grad", "left out", text, line_matching(text, r"backward\(|\.step\("))
        rows = program.text.splitlines(keepends=True)
        row = rows[cleared[0].lineno - 1]
        rows[cleared[0].lineno - 1] = row[: cleared[0].col_offset] + "pass  # " + row[cleared[0].col_offset :]
        text = "".join(rows)
        yield Mutant("missing-zero-grad", "a comment", text, line_matching(text, r"backward\(|\.step\("))


@defect
def step_order(program: Program) -> Iterator[Mutant]:
    """Gradients are cleared between backward and step."""
    cleared, back = list(program.statements(r"zero_grad\(")), list(program.statements(r"\.backward\(\)"))
    if len(cleared) == len(back) == 1 and cleared[0].lineno < back[0].lineno:
        source = program.source(cleared[0])
        text, line = program.inserted(back[0], source, after=True)
        rows = text.splitlines(keepends=True)
        del rows[cleared[0].lineno - 1]
        yield Mutant("step-order", "zero behind backward", "".join(rows), (line - 1, line - 2, line))
    clips = list(program.statements(r"clip_grad_norm_\("))
    steps = list(program.statements(r"^\w*opt\w*\.step\(\)"))
    if len(clips) == len(steps) == 1 and clips[0].lineno < steps[0].lineno:
        text, line = program.inserted(steps[0], program.source(clips[0]), after=True)
        rows = text.splitlines(keepends=True)
        del rows[clips[0].lineno - 1 : clips[0].end_lineno]
        yield Mutant("step-order", "clip behind step", "".join(rows), (line - 1, line - 2, line))


@defect
def missing_eval_mode(program: Program) -> Iterator[Mutant]:
    """Scored in training mode."""
    if not program.uses(r"Dropout|BatchNorm|dropout="):
        return
    modes = list(program.statements(r"\.eval\(\)$"))
    if len(modes) == 1:
        text, line = program.without(modes[0])
        scoring = line_matching(text, r"no_grad|inference_mode|model\(|net\(|def ")
        yield Mutant("missing-eval-mode", "left out", text, scoring)
        text, line = program.replaced(modes[0], program.source(modes[0]).replace(".eval()", ".train()"))
        yield Mutant(
            "missing-eval-mode",
            "train()",
            text,
            (line, *line_matching(text, r"no_grad|inference_mode|model\(|net\(|def ")),
        )


@defect
def missing_no_grad(program: Program) -> Iterator[Mutant]:
    """Scored with the graph kept."""
    for node in ast.walk(program.tree):
        if isinstance(node, ast.With) and re.search(
            r"no_grad|inference_mode", program.source(node.items[0].context_expr)
        ):
            text, line = program.replaced(node.items[0].context_expr, "torch.enable_grad()")
            yield Mutant("missing-no-grad", "enable_grad", text, tuple(range(line, (node.end_lineno or line) + 1)))
            return


@defect
def loss_tensor_kept(program: Program) -> Iterator[Mutant]:
    """The loss is summed with its graph."""
    for node in ast.walk(program.tree):
        if isinstance(node, ast.AugAssign) and re.search(r"loss\.item\(\)", program.source(node)):
            text, line = program.replaced(node, program.source(node).replace(".item()", ""))
            yield Mutant("loss-tensor-kept", "+=", text, (line,))
            return
    for node in program.statements(r"append\(loss\.item\(\)\)"):
        text, line = program.replaced(node, program.source(node).replace(".item()", ""))
        yield Mutant("loss-tensor-kept", "append", text, (line,))
        return


@defect
def optimizer_recreated_each_step(program: Program) -> Iterator[Mutant]:
    """The optimizer is built in the loop."""
    built = [
        s for s in program.tree.body if isinstance(s, ast.Assign) and re.search(r"optim\.\w+\(", program.source(s))
    ]
    cleared = list(program.statements(r"zero_grad\("))
    if len(built) == len(cleared) == 1 and not program.uses(r"lr_scheduler"):
        text, line = program.inserted(cleared[0], program.source(built[0]))
        yield Mutant("optimizer-recreated-each-step", "in the loop", text, (line,))


@defect
def forward_called_directly(program: Program) -> Iterator[Mutant]:
    """`model.forward(x)`."""
    for call in program.calls("model", "net"):
        if isinstance(call.func, ast.Name) and not inside_forward(program, call):
            text, line = program.replaced(call.func, f"{call.func.id}.forward")
            yield Mutant("forward-called-directly", "forward", text, (line,))
            return


# -- optimizer and schedule


@defect
def learning_rate_out_of_range(program: Program) -> Iterator[Mutant]:
    """A rate that no optimizer can use."""
    for call in program.calls("SGD", "Adam", "AdamW", "RMSprop"):
        rate = keyword(call, "lr")
        if rate is not None and isinstance(rate.value, ast.Constant):
            for new in ("30.0", "1e-9") if last_name(call.func) == "SGD" else ("1.0", "1e-9"):
                text, line = program.replaced(rate.value, new)
                yield Mutant("learning-rate-out-of-range", new, text, (line,))
            text, line = program.replaced(rate.value, "RATE")
            rows = text.splitlines(keepends=True)
            at = next(
                i for i, row in enumerate(rows) if row.startswith(("import ", "from ")) and i >= first_code(program)
            )
            rows.insert(last_import(program), "\nRATE = 50.0\n")
            text = "".join(rows)
            assert at >= 0
            yield Mutant("learning-rate-out-of-range", "constant", text, line_matching(text, r"lr=RATE|^RATE"))
            return


def first_code(program: Program) -> int:
    """Return the index of the first line behind the docstring."""
    body = program.tree.body
    return (body[0].end_lineno or 0) if isinstance(body[0], ast.Expr) else 0


def last_import(program: Program) -> int:
    """Return the number of the last line of the imports at the top."""
    return max(node.end_lineno or 0 for node in program.tree.body if isinstance(node, ast.Import | ast.ImportFrom))


@defect
def momentum_out_of_range(program: Program) -> Iterator[Mutant]:
    """A momentum of one and more."""
    for call in program.calls("SGD"):
        given = keyword(call, "momentum")
        if given is not None:
            for new in ("1.0", "1.5", "9"):
                text, line = program.replaced(given.value, new)
                yield Mutant("momentum-out-of-range", new, text, (line,))
            return


@defect
def sgd_without_momentum(program: Program) -> Iterator[Mutant]:
    """SGD's momentum is left out."""
    for call in program.calls("SGD"):
        given = keyword(call, "momentum")
        if given is not None:
            kept = [program.source(a) for a in call.args]
            kept += [program.source(k) for k in call.keywords if k.arg not in ("momentum", "nesterov")]
            text, line = program.replaced(call, f"{program.source(call.func)}({', '.join(kept)})")
            yield Mutant("sgd-without-momentum", "left out", text, (line,))
            text, line = program.replaced(given.value, "0")
            if keyword(call, "nesterov") is None:
                yield Mutant("sgd-without-momentum", "0", text, (line,))
            return


@defect
def coupled_weight_decay(program: Program) -> Iterator[Mutant]:
    """Weight decay inside Adam."""
    for call in program.calls("AdamW", "Adam"):
        decay = keyword(call, "weight_decay")
        if last_name(call.func) == "AdamW" and decay is not None:
            text, line = program.replaced(call.func, program.source(call.func).replace("AdamW", "Adam"))
            yield Mutant("coupled-weight-decay", "Adam for AdamW", text, (line,))
            return
        if last_name(call.func) == "Adam" and decay is None:
            text, line = program.replaced(call, program.source(call)[:-1] + ", weight_decay=0.01)")
            yield Mutant("coupled-weight-decay", "weight_decay", text, (line,))
            return


@defect
def unoptimized_parameters(program: Program) -> Iterator[Mutant]:
    """A part of the model is in no optimizer."""
    for call in program.calls("SGD", "Adam", "AdamW", "RMSprop"):
        if call.args and re.fullmatch(r"(model|net)\.parameters\(\)", program.source(call.args[0])):
            name = program.source(call.args[0]).partition(".")[0]
            for spelling in (
                f"list({name}.parameters())[2:]",
                f"[p for n, p in {name}.named_parameters() if 'bias' in n]",
            ):
                text, line = program.replaced(call.args[0], spelling)
                yield Mutant("unoptimized-parameters", spelling, text, (line,))
            return


@defect
def scheduler_never_stepped(program: Program) -> Iterator[Mutant]:
    """A scheduler that nobody steps."""
    steps = list(program.statements(r"^(lr_)?sched\w*\.step\("))
    if len(steps) == 1:
        text, _ = program.without(steps[0])
        yield Mutant(
            "scheduler-never-stepped", "left out", text, line_matching(text, r"lr_scheduler\.\w+\(|sched\w* = ")
        )


@defect
def scheduler_before_optimizer(program: Program) -> Iterator[Mutant]:
    """The scheduler steps first."""
    steps = list(program.statements(r"^(lr_)?sched\w*\.step\(\)"))
    cleared = list(program.statements(r"zero_grad\("))
    if len(steps) == len(cleared) == 1 and program.uses(r"OneCycleLR|CosineAnnealing|StepLR|ExponentialLR|LambdaLR"):
        text, line = program.inserted(cleared[0], program.source(steps[0]))
        rows = text.splitlines(keepends=True)
        row = next(i for i in range(len(rows) - 1, -1, -1) if rows[i].strip() == program.source(steps[0]))
        if (
            row > line
            and program.source(program.parents[steps[0]]).count("backward")
            and steps[0].col_offset == cleared[0].col_offset
        ):
            del rows[row]
            yield Mutant("scheduler-before-optimizer", "in front", "".join(rows), (line,))


@defect
def plateau_without_metric(program: Program) -> Iterator[Mutant]:
    """ReduceLROnPlateau is stepped without the metric."""
    if program.uses("ReduceLROnPlateau"):
        for node in program.statements(r"^(lr_)?sched\w*\.step\(\w"):
            text, line = program.replaced(node, re.sub(r"\.step\(.*\)", ".step()", program.source(node)))
            yield Mutant("plateau-without-metric", "left out", text, (line,))
            return


# -- data


@defect
def unscaled_features(program: Program) -> Iterator[Mutant]:
    """Features as they were measured."""
    for call in program.calls("fit_transform"):
        text, line = program.replaced(call, program.source(call.args[0]))
        rest = re.sub(r"\b\w*scaler\w*\.transform\(([^()]*)\)", r"\1", text)
        yield Mutant(
            "unscaled-features",
            "no scaler",
            rest,
            (line, *line_matching(rest, r"nn\.Linear|model\(|net\(|from_numpy|tensor\(")),
        )
        return
    for node in program.statements(r"mean.*std|std.*mean"):
        if isinstance(node, ast.Assign) and re.search(r" = \(\w+ - .*\) / ", program.source(node)):
            name = program.source(node.targets[0])
            inner = re.search(r"= \((\w+) - ", program.source(node))
            if inner is not None:
                text, line = program.replaced(node, f"{name} = {inner[1]}")
                yield Mutant(
                    "unscaled-features",
                    "no arithmetic",
                    text,
                    (line, *line_matching(text, r"nn\.Linear|model\(|net\(")),
                )
                return


@defect
def unshuffled_training_data(program: Program) -> Iterator[Mutant]:
    """The training loader keeps the order."""
    for call in program.calls("DataLoader"):
        given = keyword(call, "shuffle")
        if given is not None and program.source(given.value) == "True":
            text, line = program.replaced(given.value, "False")
            yield Mutant("unshuffled-training-data", "shuffle=False", text, (line,))
            return


@defect
def loss_broadcast(program: Program) -> Iterator[Mutant]:
    """(N, 1) against (N,)."""
    if not program.uses(SQUARED):
        return
    for call in program.calls("squeeze"):
        if isinstance(call.func, ast.Attribute):
            text, line = program.replaced(call, program.source(call.func.value))
            yield Mutant(
                "loss-broadcast",
                "no squeeze",
                text,
                (line, *line_matching(text, r"criterion\(|loss_fn\(|mse_loss\(|MSELoss\(")),
            )
            return


@defect
def output_width_mismatch(program: Program) -> Iterator[Mutant]:
    """Too few outputs."""
    found = output_of(program)
    if not program.uses(CLASS_LOSS) or found is None:
        return
    linears = [c for c in program.calls("Linear") if len(c.args) >= 2 and isinstance(c.args[1], ast.Constant)]
    if linears and isinstance(linears[-1].args[1], ast.Constant) and 2 < int(linears[-1].args[1].value) <= 20:
        text, line = program.replaced(linears[-1].args[1], "1")
        yield Mutant(
            "output-width-mismatch",
            "one unit",
            text,
            (line, *line_matching(text, r"criterion\(|loss_fn\(|cross_entropy\(")),
        )

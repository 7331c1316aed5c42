"""Defects of the recipe: the loop, optimizer and schedule, the data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program, keyword, last_name
from .registry import (
    CLASS_LOSS,
    SQUARED,
    defect,
    inside_forward,
    line_matching,
    output_of,
)

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

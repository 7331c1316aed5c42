"""Defects of optimizer and schedule."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program, keyword, last_name
from .registry import defect, line_matching, swapped

OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop")


def _optimizers(program: Program) -> Iterator[ast.Call]:
    """Yield the optimizer of the model that is trained last in the text, where there are several."""
    found = [c for c in program.calls(*OPTIMIZERS) if "head.parameters" not in program.source(c)]
    yield from found[-1:]


@defect
def optimizer_recreated_each_step(program: Program) -> Iterator[Mutant]:
    """The optimizer is built in the loop."""
    built = [c for c in _optimizers(program) if isinstance(program.parents[c], ast.Assign)]
    cleared = list(program.statements(r"zero_grad\("))
    if len(built) == len(cleared) == 1 and not program.uses(r"scheduler|accumulate"):
        statement = program.parents[built[0]]
        if program.scope(cleared[0]) is program.scope(statement) or (
            isinstance(statement, ast.Assign)
            and (statement in program.tree.body and isinstance(program.scope(cleared[0]), ast.For))
        ):
            name = program.source(built[0])
            target = program.source(cleared[0]).partition(".zero_grad")[0]
            for new in (name, re.sub(r"lr=[^,)]*", "lr=0.001", name), re.sub(r"lr=[^,)]*", "lr=0.002", name)):
                text, line = program.inserted(cleared[0], f"{target} = {new}")
                # Another rate in the loop is the rate that trains: the fix keeps it, and is not the first program then.
                yield Mutant("optimizer-recreated-each-step", new[-30:], text, (line,), inverse=new == name)


@defect
def learning_rate_out_of_range(program: Program) -> Iterator[Mutant]:
    """A rate that no optimizer can use."""
    if program.uses("OneCycleLR|SWALR|LambdaLR"):  # sets the rate itself, or may scale it
        return
    for call in _optimizers(program):
        rate = keyword(call, "lr")
        if rate is not None:
            ways = ("30.0", "1e-9") if last_name(call.func) == "SGD" else ("1.0", "1e-9")
            yield from swapped(program, "learning-rate-out-of-range", rate.value, ways, r"optim\.\w+\(")
            text, _ = program.replaced(rate.value, "RATE")
            rows = text.splitlines(keepends=True)
            rows.insert(_last_import(program), "\nRATE = 50.0\n")
            text = "".join(rows)
            yield Mutant(
                "learning-rate-out-of-range", "constant", text, line_matching(text, r"lr=RATE|^RATE|optim\.\w+\(")
            )


def _last_import(program: Program) -> int:
    return max(node.end_lineno or 0 for node in program.tree.body if isinstance(node, ast.Import | ast.ImportFrom))


@defect
def momentum_out_of_range(program: Program) -> Iterator[Mutant]:
    """A momentum of one and more."""
    for call in _optimizers(program):
        given = keyword(call, "momentum")
        if given is not None:
            yield from swapped(program, "momentum-out-of-range", given.value, ("1.0", "1.5", "9"))


@defect
def sgd_without_momentum(program: Program) -> Iterator[Mutant]:
    """SGD's momentum is left out."""
    for call in _optimizers(program):
        given = keyword(call, "momentum")
        if given is not None:
            rest = [program.source(k) for k in call.keywords if k.arg not in ("momentum", "nesterov")]
            kept = [program.source(a) for a in call.args] + rest
            ways = [
                f"{program.source(call.func)}({', '.join([*kept, *new])})"
                for new in ((), ("momentum=0",), ("momentum=0.0",))
            ]
            yield from swapped(program, "sgd-without-momentum", call, ways)


@defect
def coupled_weight_decay(program: Program) -> Iterator[Mutant]:
    """Weight decay inside Adam."""
    for call in _optimizers(program):
        decay = keyword(call, "weight_decay")
        if last_name(call.func) == "AdamW" and (decay is not None or "weight_decay" in program.source(call)):
            new = program.source(call.func).replace("AdamW", "Adam")
            yield from swapped(program, "coupled-weight-decay", call.func, (new,))
        elif last_name(call.func) == "Adam" and decay is None:
            base = program.source(call)[:-1]
            ways = [f"{base}, weight_decay={value})" for value in ("0.01", "1e-3", "0.1")]
            yield from swapped(program, "coupled-weight-decay", call, ways)


@defect
def decayed_norms_and_biases(program: Program) -> Iterator[Mutant]:
    """Weight decay on everything."""
    for call in _optimizers(program):
        if keyword(call, "weight_decay") is None and last_name(call.func) in ("SGD", "AdamW") and program.uses("Norm"):
            if not program.source(call.args[0]).endswith(".parameters()"):
                return
            base = program.source(call)[:-1]
            ways = [f"{base}, weight_decay={value})" for value in ("0.1", "0.05", "0.2")]
            yield from swapped(program, "decayed-norms-and-biases", call, ways)


@defect
def unoptimized_parameters(program: Program) -> Iterator[Mutant]:
    """A part of the model is in no optimizer."""
    for call in _optimizers(program):
        if call.args and re.fullmatch(r"(model|net|student)\.parameters\(\)", program.source(call.args[0])):
            name = program.source(call.args[0]).partition(".")[0]
            ways = (
                f"list({name}.parameters())[2:]", f"[p for n, p in {name}.named_parameters() if 'bias' in n]",
                f"list({name}.parameters())[:-2]",
            )  # fmt: skip
            yield from swapped(program, "unoptimized-parameters", call.args[0], ways, r"optim\.\w+\(")


def _steps(program: Program) -> list[ast.stmt]:
    return list(program.statements(r"^(self\.)?\w*sched\w*\.step\("))


@defect
def scheduler_never_stepped(program: Program) -> Iterator[Mutant]:
    """A scheduler that nobody steps."""
    steps = _steps(program)
    pattern = r"LR\(|Plateau\(|sched\w* = "
    if len(steps) == 1:
        text, _ = program.without(steps[0])
        yield Mutant("scheduler-never-stepped", "left out", text, line_matching(text, pattern))
        text, _ = program.replaced(steps[0], "pass")
        yield Mutant("scheduler-never-stepped", "pass", text, line_matching(text, pattern))
        text, _ = program.replaced(steps[0], "optimizer.state" if program.uses(r"\boptimizer = ") else "None")
        yield Mutant("scheduler-never-stepped", "another statement", text, line_matching(text, pattern))


@defect
def scheduler_before_optimizer(program: Program) -> Iterator[Mutant]:
    """The scheduler steps first."""
    steps = list(program.statements(r"^(self\.)?\w*sched\w*\.step\(\)"))
    others = list(program.statements(r"^(self\.)?\w*opt\w*\.step\(\)"))
    if len(steps) == len(others) == 1 and program.parents[steps[0]] is program.parents[others[0]]:
        for pattern in (r"zero_grad\(", r"backward\(", r"^(self\.)?\w*opt\w*\.step\(\)"):
            places = list(program.statements(pattern))
            if len(places) == 1 and places[0].lineno < steps[0].lineno:
                text, line = program.inserted(places[0], program.source(steps[0]))
                rows = text.splitlines(keepends=True)
                del rows[steps[0].lineno]
                near = (line, *line_matching("".join(rows), r"\.step\("))
                yield Mutant("scheduler-before-optimizer", f"before {pattern}", "".join(rows), near)


@defect
def scheduler_unit_mismatch(program: Program) -> Iterator[Mutant]:
    """Steps of an epoch for every batch, or the reverse."""
    steps = list(program.statements(r"^(self\.)?\w*sched\w*\.step\(\)"))
    others = list(program.statements(r"^(self\.)?\w*opt\w*\.step\(\)"))
    if len(steps) != 1 or len(others) != 1 or not program.uses("OneCycleLR|StepLR"):
        return
    if program.parents[steps[0]] is program.parents[others[0]] and isinstance(program.parents[others[0]], ast.For):
        loop = program.parents[others[0]]
        rows = program.text.splitlines(keepends=True)
        source = program.source(steps[0])
        assert isinstance(loop, ast.For)
        rows.insert(loop.end_lineno or 0, " " * loop.col_offset + source + "\n")
        del rows[steps[0].lineno - 1]
        text = "".join(rows)
    elif program.scope(steps[0]) is program.scope(others[0]):
        text, _ = program.inserted(others[0], program.source(steps[0]), after=True)
        rows = text.splitlines(keepends=True)
        del rows[steps[0].lineno]
        text = "".join(rows)
    else:
        return
    lines = line_matching(text, r"sched\w*\.step\(|LR\(")
    yield Mutant("scheduler-unit-mismatch", "moved", text, lines, inverse=True)


@defect
def plateau_without_metric(program: Program) -> Iterator[Mutant]:
    """ReduceLROnPlateau is stepped without the metric."""
    if program.uses("ReduceLROnPlateau"):
        for node in program.statements(r"^(lr_)?sched\w*\.step\(\w"):
            new = re.sub(r"\.step\(.*\)", ".step()", program.source(node))
            yield from swapped(program, "plateau-without-metric", node, (new,))


@defect
def clip_by_value(program: Program) -> Iterator[Mutant]:
    """Gradients are clipped by value."""
    for call in program.calls("clip_grad_norm_"):
        first = program.source(call.args[0])
        ways = [f"torch.nn.utils.clip_grad_value_({first}, {value})" for value in ("1.0", "clip_value=0.5", "0.1")]
        yield from swapped(program, "clip-by-value", call, ways)


@defect
def rnn_without_clipping(program: Program) -> Iterator[Mutant]:
    """A recurrent network without clipping."""
    if program.uses(r"nn\.(LSTM|GRU|RNN)\("):
        for node in program.statements(r"clip_grad_norm_\("):
            text, _ = program.without(node)
            yield Mutant("rnn-without-clipping", "left out", text, line_matching(text, r"backward\(|\.step\(|LSTM|GRU"))
            yield from swapped(program, "rnn-without-clipping", node, ("pass",), r"backward\(|\.step\(|LSTM|GRU")

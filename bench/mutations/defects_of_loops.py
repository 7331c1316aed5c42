"""Defects of the training and the scoring loop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program
from .registry import defect, inside_forward, line_matching, swapped

SCORING = r"no_grad|inference_mode|(model|net|averaged|student)\(|def |\.(eval|train)\(|\w+\((self\.)?(model|net)[,.)]"


@defect
def missing_zero_grad(program: Program) -> Iterator[Mutant]:
    """Gradients are never cleared."""
    cleared = list(program.statements(r"zero_grad\("))
    pattern = r"backward\(|\.step\("
    if len(cleared) == 1:
        text, _ = program.without(cleared[0])
        yield Mutant("missing-zero-grad", "left out", text, line_matching(text, pattern))
        rows = program.text.splitlines(keepends=True)
        row = rows[cleared[0].lineno - 1]
        rows[cleared[0].lineno - 1] = row[: cleared[0].col_offset] + "pass  # " + row[cleared[0].col_offset :]
        text = "".join(rows)
        yield Mutant("missing-zero-grad", "a comment", text, line_matching(text, pattern))
        loop = program.parents[cleared[0]]
        if isinstance(loop, ast.For):
            text = _moved(program, cleared[0], loop, after=False)
            yield Mutant("missing-zero-grad", "once, before the loop", text, line_matching(text, pattern))


@defect
def step_order(program: Program) -> Iterator[Mutant]:
    """Gradients are cleared between backward and step, or clipped after it."""
    cleared, back = list(program.statements(r"zero_grad\(")), list(program.statements(r"\.backward\(\)"))
    steps = list(program.statements(r"^(self\.)?\w*opt\w*\.step\(\)"))
    if not len(cleared) == len(back) == len(steps) == 1 or program.uses("accumulate"):
        return
    pattern = r"zero_grad\(|backward\(|\.step\(|clip_grad"
    name = program.source(cleared[0])
    for new in (name, name.replace("()", "(set_to_none=True)")):
        text, _ = program.inserted(back[0], new, after=True)
        rows = text.splitlines(keepends=True)
        del rows[cleared[0].lineno - 1 + (cleared[0].lineno > back[0].lineno)]
        text = "".join(rows)
        yield Mutant("step-order", f"behind backward: {new}", text, line_matching(text, pattern))
    clips = list(program.statements(r"clip_grad_norm_\("))
    if len(clips) == 1 and clips[0].lineno < steps[0].lineno:
        text = _moved(program, clips[0], steps[0], after=True)
        yield Mutant("step-order", "clip behind step", text, line_matching(text, pattern))


@defect
def missing_eval_mode(program: Program) -> Iterator[Mutant]:
    """Scored in training mode."""
    if not program.uses(r"Dropout|BatchNorm|dropout"):
        return
    modes = list(program.statements(r"\b(?!self\.eval)[\w.]+\.eval\(\)$"))
    if len(modes) == 1:
        text, _ = program.without(modes[0])
        yield Mutant("missing-eval-mode", "left out", text, line_matching(text, SCORING))
        ways = [program.source(modes[0]).replace(".eval()", new) for new in (".train()", ".train(True)")]
        yield from swapped(program, "missing-eval-mode", modes[0], ways, SCORING)


@defect
def missing_no_grad(program: Program) -> Iterator[Mutant]:
    """Scored with the graph kept."""
    for node in ast.walk(program.tree):
        if isinstance(node, ast.With) and re.search(r"no_grad|inference_m", program.source(node.items[0].context_expr)):
            if not re.search(r"(model|net|student)\(", program.source(node)) or program.uses("def features_of"):
                continue
            text, line = program.replaced(node.items[0].context_expr, "torch.enable_grad()")
            lines = tuple(range(line, (node.end_lineno or line) + 1))
            yield Mutant("missing-no-grad", "enable_grad", text, lines)
            rows = program.text.splitlines(keepends=True)
            rows[node.lineno - 1] = " " * node.col_offset + "if True:\n"
            yield Mutant("missing-no-grad", "if True", "".join(rows), lines)
            text, line = program.replaced(node.items[0].context_expr, "torch.set_grad_enabled(True)")
            yield Mutant("missing-no-grad", "set_grad_enabled", text, lines)
            return
    for node in ast.walk(program.tree):
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            plain = "self." not in program.source(node) and node.name != "features_of"
            if program.source(mark) == "torch.no_grad()" and plain:
                rows = program.text.splitlines(keepends=True)
                del rows[mark.lineno - 1]
                lines = tuple(range(mark.lineno, (node.end_lineno or 0)))
                yield Mutant("missing-no-grad", "no decorator", "".join(rows), lines)
                text, _ = program.replaced(mark, "torch.enable_grad()")
                yield Mutant("missing-no-grad", "enable_grad as decorator", text, (*lines, (node.end_lineno or 0)))
                return


@defect
def loss_tensor_kept(program: Program) -> Iterator[Mutant]:
    """The loss is kept with its graph."""
    for node in program.statements(r"(\+=|append\().*\bloss\.item\(\)"):
        source = program.source(node)
        ways = [source.replace("loss.item()", new) for new in ("loss", "loss.clone()", "loss.float()")]
        yield from swapped(program, "loss-tensor-kept", node, ways)
        return


@defect
def forward_called_directly(program: Program) -> Iterator[Mutant]:
    """`model.forward(x)`."""
    for call in program.calls("model", "net", "student"):
        if not inside_forward(program, call):
            yield from swapped(program, "forward-called-directly", call.func, ("{}.forward",))


@defect
def accumulation_undivided(program: Program) -> Iterator[Mutant]:
    """Losses of several batches are added up, not averaged."""
    for node in program.statements(r"\(loss / .*\)\.backward\(\)"):
        yield from swapped(
            program, "accumulation-undivided", node, ("loss.backward()", "(loss).backward()"), r"step\(\)"
        )


@defect
def state_dict_by_reference(program: Program) -> Iterator[Mutant]:
    """The best weights are kept as a reference."""
    for call in program.calls("deepcopy"):
        inner = program.source(call.args[0])
        ways = (inner, f"dict({inner})", f"{{k: v.cpu() for k, v in {inner}.items()}}")
        yield from swapped(program, "state-dict-by-reference", call, ways, r"load_state_dict")
        return


@defect
def best_weights_not_kept(program: Program) -> Iterator[Mutant]:
    """A best figure is noted, its weights are not."""
    for node in program.statements(r"deepcopy\(.*state_dict\(\)\)"):
        name = program.source(node).partition(" = ")[0]
        used = [n for n in program.statements(r"load_state_dict\(") if re.search(r"best|weights", program.source(n))]
        if len(used) == 1 and name.rpartition(".")[2] in program.source(used[0]):
            rows = program.text.splitlines(keepends=True)
            for one in sorted((node, used[0]), key=lambda n: n.lineno, reverse=True):
                del rows[one.lineno - 1 : one.end_lineno]
            text = "".join(rows)
            lines = line_matching(text, r"best|score|valid|stopp|update")
            yield Mutant("best-weights-not-kept", "left out", text, lines)


@defect
def checkpoint_without_optimizer(program: Program) -> Iterator[Mutant]:
    """A checkpoint to go on from holds the model alone."""
    if program.uses(r'"optimizer": optimizer\.state_dict\(\)'):
        rows = program.text.splitlines(keepends=True)
        kept = [
            row for row in rows if not re.search(r'"(optimizer|scheduler)": |load_state_dict\(state\["(opt|sch)', row)
        ]
        text = "".join(kept)
        yield Mutant(
            "checkpoint-without-optimizer", "left out", text, line_matching(text, r"torch\.(save|load)|state = ")
        )
        kept = [row for row in rows if not re.search(r'"optimizer": |load_state_dict\(state\["opt', row)]
        text = "".join(kept)
        lines = line_matching(text, r"torch\.(save|load)|state = ")
        yield Mutant("checkpoint-without-optimizer", "scheduler alone", text, lines)


@defect
def swa_without_bn_update(program: Program) -> Iterator[Mutant]:
    """The averaged model keeps the statistics that it was built with."""
    for node in program.statements(r"^update_bn\("):
        text, _ = program.without(node)
        yield Mutant("swa-without-bn-update", "left out", text, line_matching(text, r"AveragedModel\(|averaged"))
        text, _ = program.replaced(node, "averaged.eval()")
        yield Mutant("swa-without-bn-update", "eval instead", text, line_matching(text, r"AveragedModel\(|averaged"))


def _moved(program: Program, node: ast.stmt, place: ast.stmt, *, after: bool) -> str:
    """Return the text with a statement before or behind another."""
    rows = program.text.splitlines(keepends=True)
    taken = rows[node.lineno - 1 : node.end_lineno]
    at = (place.end_lineno or place.lineno) if after else place.lineno - 1
    indent = " " * place.col_offset
    moved = [indent + row.strip() + "\n" for row in taken]
    keep = [(i, row) for i, row in enumerate(rows) if not node.lineno - 1 <= i < (node.end_lineno or 0)]
    before = [row for i, row in keep if i < at]
    return "".join(before + moved + [row for i, row in keep if i >= at])

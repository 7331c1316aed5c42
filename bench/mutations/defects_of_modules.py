"""Defects of widths, of what a module holds and of what its forward does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .defects_of_layers import ACTIVATIONS, items_of
from .program import Mutant, Program, keyword, last_name
from .registry import BUILT, added, defect, inside_forward, line_matching, output_of, swapped


@defect
def narrow_hidden_layer(program: Program) -> Iterator[Mutant]:
    """One or two units between wide layers."""
    for call in program.sequentials():
        kinds = items_of(call)
        linears = [a for a, kind in zip(call.args, kinds, strict=True) if kind == "Linear"]
        plain = all(k in ("Linear", "Dropout", *ACTIVATIONS) for k in kinds)
        if plain and len(linears) == 3 and not program.uses("decoder|features"):
            first, second, third = (a for a in linears if isinstance(a, ast.Call))
            for width in ("1", "2"):
                edits = [(second.args[1], width), (third.args[0], width)]
                text = _several(program, edits)
                yield Mutant("narrow-hidden-layer", width, text, (first.lineno, second.lineno, third.lineno))
            return


@defect
def input_width_mismatch(program: Program) -> Iterator[Mutant]:
    """One input too few or too many."""
    built = program.model()
    if built is None or not isinstance(built.value, ast.Call):
        return
    call = built.value
    if call in program.sequentials():
        first = next(
            (a for a in call.args if isinstance(a, ast.Call) and last_name(a.func) in ("Linear", "Conv1d")), None
        )
    else:
        first = call if len(call.args) >= 2 and isinstance(call.args[0], ast.Constant) else None
    if first is None or not first.args or program.uses("nn.Embedding"):
        return
    old = program.source(first.args[0])
    pattern = BUILT + r"|(model|net|student)\(|self\.\w+\("
    yield from swapped(
        program, "input-width-mismatch", first.args[0], (f"{old} + 1", f"2 * {old}", f"{old} + 3"), pattern
    )


@defect
def unregistered_submodule(program: Program) -> Iterator[Mutant]:
    """Layers in a plain list."""
    for call in program.calls("ModuleList"):
        pattern = r"^class |ModuleList|append\(|for \w+ in self\."
        if not call.args:
            yield from swapped(program, "unregistered-submodule", call, ("[]", "list()"), pattern)
        else:
            inner = program.source(call.args[0])
            listed = inner if isinstance(call.args[0], ast.List | ast.ListComp) else f"[{inner}]"
            yield from swapped(
                program, "unregistered-submodule", call, (listed, f"tuple({listed})", f"list({listed})"), pattern
            )
        return


@defect
def unused_parameters(program: Program) -> Iterator[Mutant]:
    """A layer that no forward reads."""
    owner = program.model_class()
    for node in ast.walk(owner) if owner is not None else ():
        if isinstance(node, ast.Expr) and program.source(node) == "super().__init__()":
            ways = (
                ("self.extra = nn.Linear(16, 16)",),
                ("self.spare = nn.Sequential(nn.Linear(8, 8), nn.ReLU())",),
                ("self.shift = nn.Parameter(torch.zeros(4))",),
            )
            yield from added(program, "unused-parameters", node, ways, r"optim\.\w+\(|" + BUILT)
            return


@defect
def overridden_module_method(program: Program) -> Iterator[Mutant]:
    """A name of nn.Module for something else."""
    owner = program.model_class()
    for node in ast.walk(owner) if owner is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == "forward":
            ways = (
                ("", "def eval(self):", "    return 0.0"),
                ("", "def zero_grad(self, loss):", "    return loss"),
                ("", "def train(self, loader, epochs):", "    return loader, epochs"),
            )
            for way in ways:
                text, line = program.inserted(node, *way, after=True)
                text = "\n".join(row.rstrip() for row in text.split("\n"))
                lines = (*range(line, line + 3), *line_matching(text, r"^class |\.eval\(|parameters\("))
                yield Mutant("overridden-module-method", way[1], text, lines)


@defect
def no_gradient(program: Program) -> Iterator[Mutant]:
    """The graph is cut before the loss."""
    found = output_of(program)
    if found is None or found[1]:
        return
    for call in ast.walk(found[0]):
        plain = isinstance(call, ast.Call) and re.fullmatch(r"self\.\w+", program.source(call.func))
        if plain and isinstance(call, ast.Call) and len(call.args) == 1:
            ways = (
                "torch.round({})",
                "torch.tensor(({}).tolist())",
                "({}).sign()",
            )  # a plain detach is a stop by design
            yield from swapped(program, "no-gradient", call.args[0], ways, r"backward\(|loss = |self\.\w+\(|" + BUILT)
            return


@defect
def shrunk_to_nothing(program: Program) -> Iterator[Mutant]:
    """Pools down to one pixel well before the head."""
    for call in program.sequentials():
        kinds = items_of(call)
        if "AdaptiveAvgPool2d" in kinds and "MaxPool2d" in kinds:
            item = call.args[kinds.index("MaxPool2d")]
            ways = ("nn.MaxPool2d(8)", "nn.AvgPool2d(8)", "nn.MaxPool2d(4), nn.MaxPool2d(2)")
            yield from swapped(program, "shrunk-to-nothing", item, ways, r"Pool|Conv2d|^class ")
            return


@defect
def ignored_input(program: Program) -> Iterator[Mutant]:
    """One of several inputs is not read."""
    owner = program.model_class()
    forward = next((f for f in program.forwards() if owner is not None and program.parents[f] is owner), None)
    if forward is None or owner is None or len(forward.args.args) != 3 or program.uses("lengths|pictures"):
        return
    name = forward.args.args[2].arg
    for way in (f"{name} = torch.zeros_like({name})", f"{name} = {name} * 0", f"{name} = torch.ones_like({name})"):
        text, line = program.inserted(forward.body[0], way)
        yield Mutant("ignored-input", way, text, (line, forward.lineno, owner.lineno, *line_matching(text, BUILT)))


@defect
def batch_mixed_by_reshape(program: Program) -> Iterator[Mutant]:
    """A reshape that merges the batch with another axis."""
    for call in program.calls("flatten"):
        if (
            inside_forward(program, call)
            and program.source(call).endswith(".flatten(1)")
            and not program.uses("adaptive")
        ):
            assert isinstance(call.func, ast.Attribute)
            value = program.source(call.func.value)
            ways = (f"{value}.transpose(0, 1).reshape({value}.shape[0], -1)",)
            yield from swapped(program, "batch-mixed-by-reshape", call, ways, r"^class |\.reshape\(")
            return
    for call in program.calls("reshape"):
        source = program.source(call)
        if inside_forward(program, call) and ".transpose(1, 2).reshape(" in source:
            ways = (source.replace(".transpose(1, 2)", ""), source.replace(".transpose(1, 2)", ".transpose(0, 2)"))
            yield from swapped(program, "batch-mixed-by-reshape", call, ways[1:], r"^class |\.reshape\(|\.view\(")
            return


@defect
def batchnorm_batch_of_one(program: Program) -> Iterator[Mutant]:
    """Batches of a single sample."""
    if not program.uses("BatchNorm1d") or program.uses("Conv"):
        return
    for call in program.calls("DataLoader"):
        size = keyword(call, "batch_size")
        if size is not None and keyword(call, "shuffle") is not None:
            pattern = r"BatchNorm|DataLoader"
            yield from swapped(program, "batchnorm-batch-of-one", size.value, ("1", "2", "3"), pattern)
            return


@defect
def softmax_over_wrong_dim(program: Program) -> Iterator[Mutant]:
    """A softmax over the batch."""
    for call in program.calls("softmax"):
        source = program.source(call)
        if inside_forward(program, call) and re.search(r"dim=-?1", source):
            ways = [re.sub(r"dim=-?1", "dim=0", source)]
            if source.startswith("F."):
                ways += [re.sub(r",\s*dim=-?1", "", source), re.sub(r",\s*dim=-?1", ", 0", source)]
            else:
                ways += [re.sub(r"dim=-?1", "0", source)]
            yield from swapped(program, "softmax-over-wrong-dim", call, ways, inverse=True)
            return


def _several(program: Program, edits: list[tuple[ast.expr, str]]) -> str:
    text = program.text
    for node, new in sorted(edits, key=lambda one: (one[0].lineno, one[0].col_offset), reverse=True):
        text, _ = Program(program.name, text).replaced(node, new)
    return text

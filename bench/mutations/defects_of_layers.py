"""Defects of the layers between input and output."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program, keyword, last_name
from .registry import BUILT, added, defect, inside_forward, line_matching, output_of, swapped

ACTIVATIONS = ("ReLU", "Tanh", "GELU", "ELU", "SiLU", "LeakyReLU")


def _items(call: ast.Call) -> list[str]:
    return [last_name(a.func) if isinstance(a, ast.Call) else "" for a in call.args]


@defect
def linear_after_linear(program: Program) -> Iterator[Mutant]:
    """An activation between two linear layers is left out."""
    for call in program.sequentials():
        kinds = _items(call)
        for i in range(1, len(kinds) - 1):
            if kinds[i - 1] == kinds[i + 1] == "Linear" and kinds[i] in ACTIVATIONS:
                first, second = call.args[i - 1], call.args[i + 1]
                for way in ("nn.Identity()", "nn.Dropout(0.1)"):
                    text, _ = program.replaced(call.args[i], way)
                    lines = (first.lineno, call.args[i].lineno, second.lineno)
                    yield Mutant("linear-after-linear", way, text, lines)
                return
    for call in program.calls("relu"):
        inner = call.args[0] if call.args else None
        if isinstance(inner, ast.Call) and inside_forward(program, call) and not program.uses("Conv|norm"):
            pattern = r"nn\.Linear|self\.\w+\(x\)"
            yield from swapped(program, "linear-after-linear", call, (program.source(inner),), pattern)
            return


@defect
def repeated_activation(program: Program) -> Iterator[Mutant]:
    """An activation twice."""
    for call in program.sequentials():
        for item in call.args:
            if isinstance(item, ast.Call) and last_name(item.func) in (*ACTIVATIONS[:2], "Sigmoid"):
                yield from swapped(program, "repeated-activation", item, ("{}, {}",))
                ways = ("{}, nn.Identity(), {}", "nn.Sequential({}, {})")
                yield from swapped(program, "repeated-activation", item, ways, inverse=False)
                return
    for call in program.calls("tanh", "sigmoid", "relu"):
        source = program.source(call)
        if source.startswith(("torch.", "F.")) and inside_forward(program, call):
            name = last_name(call.func)
            ways = (f"torch.{name}({{}})", f"{{}}.{name}()", f"nn.functional.{name}({{}})")
            yield from swapped(program, "repeated-activation", call, ways)
            return


def _deepened(program: Program, rule: str, kinds: tuple[str, ...], times: tuple[int, ...]) -> Iterator[Mutant]:
    """Yield a plain dense chain with many more layers of one width, each with this activation."""
    if program.uses(r"Norm|Embedding|cat\(|[Aa]ttention|code"):
        return
    for call in program.sequentials():
        items = _items(call)
        if set(items) <= {"Linear", "Dropout", *ACTIVATIONS} and items[:1] == ["Linear"] and len(items) > 2:
            first = call.args[0]
            assert isinstance(first, ast.Call)
            width = program.source(first.args[1])
            for kind, count in zip(kinds, times, strict=True):
                more = f"[layer for _ in range({count}) for layer in (nn.Linear({width}, {width}), nn.{kind}())]"
                way = f"{{}}, *{more}"
                yield from swapped(program, rule, call.args[1], (way,), BUILT + r"|nn\.Sequential")
            return


@defect
def saturating_hidden_activation(program: Program) -> Iterator[Mutant]:
    """Many logistic layers in series."""
    yield from _deepened(program, "saturating-hidden-activation", ("Sigmoid",) * 3, (6, 9, 12))


@defect
def deep_net_without_normalization(program: Program) -> Iterator[Mutant]:
    """Many plain layers in series, at PyTorch's initialization."""
    yield from _deepened(program, "deep-net-without-normalization", ("ReLU", "ReLU", "LeakyReLU"), (14, 20, 16))


@defect
def dropout_rate_out_of_range(program: Program) -> Iterator[Mutant]:
    """Nearly everything is dropped."""
    for call in program.calls("Dropout", "Dropout2d"):
        name = program.source(call.func)
        ways = (f"{name}(0.95)", f"{name}(p=0.9)", f"{name}(1.0)")
        yield from swapped(program, "dropout-rate-out-of-range", call, ways)
        return


@defect
def dropout_before_batchnorm(program: Program) -> Iterator[Mutant]:
    """Dropout in front of a batch norm."""
    if program.uses(r"cat\(|shortcut|x \+ "):
        return
    for call in program.sequentials():
        for item in call.args:
            if isinstance(item, ast.Call) and last_name(item.func).startswith("BatchNorm"):
                ways = ("nn.Dropout(0.3), {}", "nn.Dropout(p=0.5), {}", "nn.Dropout(), {}")
                pattern = r"BatchNorm"
                yield from swapped(program, "dropout-before-batchnorm", item, ways, pattern)
                return


@defect
def selu_not_self_normalizing(program: Program) -> Iterator[Mutant]:
    """SELU without what it needs."""
    if program.uses(r"Norm|cat\(|shortcut|Embedding|[Aa]ttention|SqueezeExcite"):
        return
    ways = [("nn.ReLU()", "nn.SELU()"), ("nn.ReLU()", "nn.SELU(inplace=True)"), ("F.relu(", "F.selu(")]
    for old, new in [*ways, ("F.relu(", "torch.selu("), ("torch.relu(", "torch.selu("), ("torch.relu(", "F.selu(")]:
        if program.text.count(old) > 1 and ("F." not in new or program.uses(" as F")):
            text = program.text.replace(old, new)
            lines = line_matching(text, r"SELU|selu|" + BUILT)
            yield Mutant("selu-not-self-normalizing", new, text, lines)


@defect
def batchnorm_momentum_inverted(program: Program) -> Iterator[Mutant]:
    """Keras's meaning of the momentum."""
    for call in program.calls("BatchNorm1d", "BatchNorm2d"):
        if len(call.args) == 1 and not call.keywords:
            width, name = program.source(call.args[0]), program.source(call.func)
            ways = [f"{name}({width}, {rest})" for rest in ("momentum=0.99", "1e-5, 0.9", "eps=1e-3, momentum=0.95")]
            yield from swapped(program, "batchnorm-momentum-inverted", call, ways)
            return


@defect
def bias_before_norm(program: Program) -> Iterator[Mutant]:
    """A bias that batch norm takes away."""
    for call in program.calls("Conv2d", "Conv1d"):
        given = keyword(call, "bias")
        if given is not None and program.uses("BatchNorm"):
            source = program.source(call)
            plain = re.sub(r",\s*bias=False", "", source)
            ways = (source.replace("bias=False", "bias=True"), plain)
            yield from swapped(program, "bias-before-norm", call, ways)
            return


@defect
def reused_batchnorm(program: Program) -> Iterator[Mutant]:
    """One norm behind two layers."""
    for first, second in (("bn1", "bn2"), ("norm1", "norm2")):
        if program.uses(rf"self\.{second} = nn\.BatchNorm") and program.uses(
            "residual|outputs, outputs|channels, channels"
        ):
            text = re.sub(rf"self\.{second}\(", f"self.{first}(", program.text)
            lines = line_matching(text, rf"self\.({first}|{second})\b")
            yield Mutant("reused-batchnorm", f"{first} for {second}", text, lines)
            text = re.sub(rf"self\.{second} = .*", f"self.{second} = self.{first}", program.text)
            yield Mutant(
                "reused-batchnorm", "one object, two names", text, line_matching(text, rf"self\.({first}|{second})\b")
            )


@defect
def dropout_at_inference(program: Program) -> Iterator[Mutant]:
    """Functional dropout that never ends."""
    for call in program.calls("dropout"):
        flag = keyword(call, "training")
        if flag is not None:
            inner = ", ".join(program.source(a) for a in call.args)
            ways = [f"{program.source(call.func)}({inner}{rest})" for rest in ("",)]
            yield from swapped(program, "dropout-at-inference", call, ways, inverse=True)
            return
    found = output_of(program)
    if found is None or found[1] or program.uses(r"links|class Encoder"):
        return
    for call in program.calls("relu", "gelu", "tanh", "leaky_relu"):
        if inside_forward(program, call) and program.source(call).startswith(("F.", "torch.")):
            ways = [f"nn.functional.dropout({{}}, {rest})" for rest in ("0.3", "p=0.2", "0.5, inplace=False")]
            yield from swapped(program, "dropout-at-inference", call, ways)
            return


@defect
def narrow_hidden_layer(program: Program) -> Iterator[Mutant]:
    """One or two units between wide layers."""
    for call in program.sequentials():
        kinds = _items(call)
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
        kinds = _items(call)
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

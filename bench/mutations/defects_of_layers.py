"""Defects of the layers between input and output."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program, keyword, last_name
from .registry import BUILT, defect, inside_forward, line_matching, output_of, swapped

ACTIVATIONS = ("ReLU", "Tanh", "GELU", "ELU", "SiLU", "LeakyReLU")


def items_of(call: ast.Call) -> list[str]:
    """Return the names of the layers of a Sequential."""
    return [last_name(a.func) if isinstance(a, ast.Call) else "" for a in call.args]


@defect
def linear_after_linear(program: Program) -> Iterator[Mutant]:
    """An activation between two linear layers is left out."""
    for call in program.sequentials():
        kinds = items_of(call)
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
        items = items_of(call)
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

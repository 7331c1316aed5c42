"""Defects of the initialization."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .program import Mutant, Program
from .registry import BUILT, added, defect


def _built(program: Program) -> tuple[ast.Assign, str] | None:
    node = program.model()
    return None if node is None else (node, program.source(node.targets[0]))


@defect
def symmetric_init(program: Program) -> Iterator[Mutant]:
    """All weights alike; where dropout, whose draws differ, does not part the units."""
    found = _built(program)
    if found is not None and program.uses(r"nn\.(LSTM|GRU)\("):
        loop = f"for p in {program.source(found[0].targets[0])}.parameters():"
        constant = ("    nn.init.constant_(p, 0.1)", "    p.data.fill_(0.05)", "    nn.init.zeros_(p)")
        yield from added(program, "symmetric-init", found[0], [(loop, one) for one in constant], BUILT)
    elif found is not None and not program.uses(r"[Dd]ropout|Norm|nn\.(Transformer|Multihead|Embedding)"):
        node, name = found
        ways = [
            (
                f"for m in {name}.modules():",
                '    if getattr(m, "bias", None) is not None:',
                *(f"        {w}" for w in way),
            )
            for way in (
                ("nn.init.constant_(m.weight, 0.1)", "nn.init.zeros_(m.bias)"),
                ("m.weight.data.fill_(0.05)", "m.bias.data.zero_()"),
                ("nn.init.zeros_(m.weight)", "nn.init.zeros_(m.bias)"),
            )
        ]
        yield from added(program, "symmetric-init", node, ways, BUILT)


@defect
def oversized_activations(program: Program) -> Iterator[Mutant]:
    """Weights from a standard normal distribution, or far larger."""
    found = _built(program)
    if found is not None and not program.uses(r"normalize\(|Norm|Embedding"):
        node, name = found
        ways = [
            (f"for p in {name}.parameters():", "    if p.dim() > 1:", f"        {way}")
            for way in ("nn.init.normal_(p, std=3.0)", "p.data.mul_(40.0)", "p.data.uniform_(-5.0, 5.0)")
        ]
        yield from added(program, "oversized-activations", node, ways, BUILT)


@defect
def dead_relu(program: Program) -> Iterator[Mutant]:
    """Biases that no input overcomes."""
    found = _built(program)
    if found is None or not program.uses(r"ReLU\(|relu\("):
        return
    node, name = found
    ways = [
        (f"for m in {name}.modules():", '    if getattr(m, "bias", None) is not None:', f"        {way}")
        for way in ("nn.init.constant_(m.bias, -10.0)", "m.bias.data.fill_(-20.0)", "m.bias.data.sub_(30.0)")
    ]
    yield from added(program, "dead-relu", node, ways, BUILT + r"|relu\(|ReLU\(")


@defect
def half_precision_weights(program: Program) -> Iterator[Mutant]:
    """Weights in sixteen bits, stepped directly."""
    found = _built(program)
    calls = program.training_calls()
    if found is None or len(calls) != 1 or len(calls[0].args) != 1 or program.uses("Embedding|Dataset\\)|update_bn"):
        return
    name = found[1]
    inner = program.source(calls[0].args[0])
    for way in (f"{name} = {name}.to(torch.bfloat16)", f"{name}.bfloat16()", f"{name}.to(dtype=torch.bfloat16)"):
        text, line = program.replaced(calls[0], f"{program.source(calls[0].func)}({inner}.to(torch.bfloat16)).float()")
        changed = Program(program.name, text)
        built = changed.model()
        assert built is not None
        text, at = changed.inserted(built, way, after=True)
        lines = [at, built.lineno, line, line + 1]
        lines += [i for i, row in enumerate(text.splitlines(), 1) if "optim." in row or row.startswith("class ")]
        yield Mutant("half-precision-weights", way, text, tuple(lines))

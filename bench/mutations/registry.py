"""Defects of the ledger as edits of a sound program, in up to three spellings each.

Every function is one rule's defect: it yields what the program lets it do, and nothing where the defect has no place.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Callable, Iterator

from .program import Mutant, Program

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


def inside_forward(program: Program, node: ast.AST) -> bool:
    """Whether a node stands in a module's forward."""
    here: ast.AST | None = node
    while here is not None:
        if isinstance(here, ast.FunctionDef):
            return here.name == "forward"
        here = program.parents.get(here)
    return False

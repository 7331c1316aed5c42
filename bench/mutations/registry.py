"""Defects of the ledger as edits of a sound program, in up to three spellings each.

Every function is one rule's defect: it yields what the program lets it do, and nothing where the defect has no place.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator

from .program import Mutant, Program

Defect = Callable[[Program], Iterator[Mutant]]
DEFECTS: dict[str, Defect] = {}
SPELLINGS = 3
"""The most of one defect in one program."""

CLASS_LOSS = r"CrossEntropyLoss\(|F\.cross_entropy\(|functional\.cross_entropy\("
LOGIT_LOSS = r"BCEWithLogitsLoss\(|binary_cross_entropy_with_logits\("
SQUARED = r"MSELoss\(|mse_loss\("
LOSS_LINES = r"criterion\(|loss_fn\(|cross_entropy\(|mse_loss\(|with_logits\(|loss = |Loss\("
BUILT = r"nn\.(Linear|Conv|LSTM|GRU|Embedding|Multihead|Transformer)|^class |^\s+class "


INVERSE = {
    "softmax-before-cross-entropy", "relu-before-loss", "dropout-on-output", "repeated-activation",
    "missing-eval-mode", "missing-no-grad", "loss-tensor-kept", "forward-called-directly", "missing-zero-grad",
    "step-order", "scheduler-before-optimizer", "unshuffled-training-data", "optimizer-recreated-each-step",
    "plateau-without-metric", "single-layer-rnn-dropout", "bounded-regression-output", "nll-without-log-softmax",
    "norm-after-output", "bias-before-norm", "clip-by-value", "unregistered-submodule", "padding-counted-in-loss",
    "state-dict-by-reference", "logits-thresholded-at-half", "vae-loss-scales-mixed", "accumulation-undivided",
    "swa-without-bn-update", "attention-dropout-at-inference", "batch-axis-taken-as-time", "scheduler-never-stepped",
    "kl-div-on-probabilities", "sigmoid-loss-mismatch", "loss-broadcast", "future-token-leak",
}  # fmt: skip
"""Rules whose first fix, as the ledger names it, takes the defect back."""

NOT_INJECTED = {
    "capacity-mismatch": "a judgement on the whole size against the samples, with nothing against overfitting",
    "checkpoint-not-loaded": "no program loads a checkpoint from elsewhere, and `--run` lets none be written beside it",
    "dense-only-image-model": "replaces the whole model",
    "few-epochs": "small programs are short: nearly all of them have the advice before any edit",
    "initial-loss-off": "an effect of oversized activations, which is injected",
    "constant-output": "an effect: its causes are injected",
    "vanishing-gradient": "an effect: its causes are injected",
    "exploding-gradient": "an effect: its causes are injected",
    "init-mismatched-to-activation": "its warning needs a deep plain net, which is another program; its advice stands "
    "on PyTorch's default already",
    "layernorm-under-sigmoid": "needs sigmoid layers with layer norms: two edits in several places",
    "kernel-beyond-map": "a kernel larger than these small maps raises in the programs' next layer",
    "unusual-hidden-depth": "another model",
}
"""Rules that are defects and have no injection here, with the reason."""


def defect(function: Defect) -> Defect:
    """Register a defect under the name of its rule."""
    name = function.__name__.replace("_", "-")

    @functools.wraps(function)
    def made(program: Program) -> Iterator[Mutant]:
        seen = {program.text}
        for one in function(program):
            if one.text not in seen and len(seen) <= SPELLINGS:
                seen.add(one.text)
                yield dataclasses.replace(one, inverse=name in INVERSE if one.inverse is None else one.inverse)

    DEFECTS[name] = made
    return function


def line_matching(text: str, pattern: str) -> tuple[int, ...]:
    """Return the lines (from 1) that match."""
    return tuple(i for i, row in enumerate(text.splitlines(), 1) if re.search(pattern, row))


def swapped(
    program: Program, rule: str, node: ast.AST, ways: Iterable[str], pattern: str = "", *, inverse: bool | None = None
) -> Iterator[Mutant]:
    """Yield the program with each of these texts ({} stands for what was there) in the place of a node.

    The defect may be reported at any line of the node, and at any line that matches the pattern.
    """
    source = program.source(node)
    for way in ways:
        new = way.replace("{}", source)
        text, line = program.replaced(node, new)
        near = range(line, line + new.count("\n") + 1)
        lines = (*near, *(line_matching(text, pattern) if pattern else ()))
        yield Mutant(rule, way.replace("{}", "x")[:60], text, lines, inverse)


def added(
    program: Program, rule: str, node: ast.stmt, ways: Iterable[tuple[str, ...]], pattern: str = ""
) -> Iterator[Mutant]:
    """Yield the program with each of these groups of lines behind a statement."""
    for way in ways:
        text, line = program.inserted(node, *way, after=True)
        lines = (node.lineno, *range(line, line + len(way)), *(line_matching(text, pattern) if pattern else ()))
        yield Mutant(rule, " ".join(row.strip() for row in way)[:60], text, lines)


def output_of(program: Program) -> tuple[ast.expr, bool] | None:
    """Return what the trained model gives, and whether it is the last item of a Sequential."""
    built = program.model()
    if built is None:
        return None
    if built.value in program.sequentials():
        assert isinstance(built.value, ast.Call)
        return built.value.args[-1], True
    owner = program.model_class()
    forward = next((f for f in program.forwards() if owner is not None and program.parents[f] is owner), None)
    returns = [n for n in ast.walk(forward) if isinstance(n, ast.Return)] if forward is not None else []
    value = returns[-1].value if returns else None
    return None if value is None or isinstance(value, ast.Tuple) else (value, False)


def around_output(
    program: Program, rule: str, layers: Iterable[str], functions: Iterable[str], pattern: str = ""
) -> Iterator[Mutant]:
    """Yield the program with something behind its output: layers as items, else functions of what is returned."""
    found = output_of(program)
    if found is not None:
        node, item = found
        yield from swapped(program, rule, node, [f"{{}}, {layer}" for layer in layers] if item else functions, pattern)


def data_of(program: Program, *, whole: bool = False) -> tuple[ast.expr, ast.expr] | None:
    """Return inputs and targets of the training data: arguments of a dataset, or (not `whole`) of its items."""
    if program.uses("def features_of"):
        return None
    for call in program.calls("TensorDataset"):
        if len(call.args) == 2:
            return call.args[0], call.args[1]
    for node in ast.walk(program.tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__getitem__" and not whole:
            value = node.body[-1].value if isinstance(node.body[-1], ast.Return) else None
            if isinstance(value, ast.Tuple) and len(value.elts) == 2:
                return value.elts[0], value.elts[1]
    return None


def inside_forward(program: Program, node: ast.AST) -> bool:
    """Whether a node stands in a module's forward."""
    here: ast.AST | None = node
    while here is not None:
        if isinstance(here, ast.FunctionDef):
            return here.name == "forward"
        here = program.parents.get(here)
    return False

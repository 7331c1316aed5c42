"""Defects of the data and how it is handed over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .program import Mutant, Program, keyword
from .registry import BUILT, LOSS_LINES, SQUARED, data_of, defect, line_matching, swapped

READ = BUILT + r"|self\.\w+\(|layer\(|(model|net|student)\(|from_numpy|tensor\(|DataLoader|TensorDataset"


def _numbers(program: Program) -> ast.expr | None:
    """Return the inputs of the training data where they are numbers."""
    found = data_of(program, whole=True)
    return None if found is None or program.uses("nn.Embedding") else found[0]


@defect
def unscaled_features(program: Program) -> Iterator[Mutant]:
    """Features as they were measured."""
    for call in program.calls("fit_transform"):
        if program.uses("Norm|friedman"):  # those of Friedman have one scale as they are
            return
        scaler = re.escape(program.source(call.func).rpartition(".")[0])
        text, line = program.replaced(call, program.source(call.args[0]))
        rest = re.sub(rf"\b{scaler}\.transform\(([^()]*)\)", r"\1", text)
        yield Mutant("unscaled-features", "no scaler", rest, (line, *line_matching(rest, READ)))
    for node in program.statements(r" = \(\w+ - .*\) / "):
        name = program.source(node).partition(" = ")[0]
        inner = re.search(r"= \((\w+) - ", program.source(node))
        if (
            inner is not None
            and inner[1] != "y"
            and not program.uses("Norm|digits")
            and isinstance(program.parents[node], ast.FunctionDef | ast.Module)
        ):
            text, line = program.replaced(node, f"{name} = 1000.0 * {inner[1]}")
            yield Mutant("unscaled-features", "no arithmetic", text, (line, *line_matching(text, READ)))
            break
    numbers = _numbers(program)
    if numbers is not None and not program.uses("Norm"):
        yield from swapped(program, "unscaled-features", numbers, ("{} * 1000", "{} + 500"), READ)


@defect
def unscaled_target(program: Program) -> Iterator[Mutant]:
    """Targets of a huge scale."""
    found = data_of(program)
    if found is not None and program.uses(SQUARED) and not program.uses("[Aa]uto[Ee]ncoder|noise"):
        yield from swapped(
            program, "unscaled-target", found[1], ("{} * 1e5", "{} * 30000 + 1e5", "1e6 * {}"), LOSS_LINES + READ
        )


@defect
def outlier_sensitive_loss(program: Program) -> Iterator[Mutant]:
    """Targets with outliers under squared error."""
    found = data_of(program)
    if found is not None and program.uses(SQUARED) and not program.uses("[Aa]uto[Ee]ncoder|noise"):
        name = program.source(found[1])
        chosen = f"torch.arange(len({name})) % 97 == 5"
        if program.uses(r"squeeze\(-?1?\)"):
            ways = (f"torch.where({chosen}, {name} + 60, {name})", f"torch.where({chosen}, {name} - 90, {name})")
            yield from swapped(program, "outlier-sensitive-loss", found[1], ways, LOSS_LINES + READ)


@defect
def broken_data(program: Program) -> Iterator[Mutant]:
    """NaN or infinity among the inputs."""
    numbers = _numbers(program)
    if numbers is not None:
        ways = [f'{{}}.clone().index_fill_(0, torch.tensor([3]), float("{value}"))' for value in ("nan", "inf", "-inf")]
        if numbers is not None:
            yield from swapped(program, "broken-data", numbers, ways, READ + "|" + LOSS_LINES)


@defect
def unshuffled_training_data(program: Program) -> Iterator[Mutant]:
    """The training loader keeps the order; sequences and ids, which may continue, are left out."""
    if program.uses("Embedding|LSTM|Conv1d|nt_xent|[Tt]riplet"):
        return
    for call in program.calls("DataLoader"):
        given = keyword(call, "shuffle")
        if given is not None and program.source(given.value) == "True":
            yield from swapped(program, "unshuffled-training-data", given.value, ("False", "bool(0)", "not True"))
            return


@defect
def large_batch(program: Program) -> Iterator[Mutant]:
    """All samples in a few batches."""
    if program.uses(r"drop_last|[Tt]riplet|nt_xent"):
        return
    for call in program.calls("DataLoader"):
        size, pattern = keyword(call, "batch_size"), r"DataLoader|batch|\.step\(|backward\("
        if size is not None and keyword(call, "shuffle") is not None:
            yield from swapped(program, "large-batch", size.value, ("128", "200", "256"), pattern)
            return


@defect
def fitted_before_split(program: Program) -> Iterator[Mutant]:
    """The scaler sees the test rows."""
    for call in program.calls("train_test_split"):
        fits = list(program.calls("fit_transform"))
        if len(fits) == 1 and fits[0].lineno > call.lineno and len(call.args) == 2:
            scaler = program.source(fits[0].func).rpartition(".")[0]
            data = program.source(call.args[0])
            made = "StandardScaler()"
            text = program.text.replace(program.source(fits[0]), program.source(fits[0].args[0]))
            text = re.sub(rf"\b{re.escape(scaler)}\.transform\(([^()]*)\)", r"\1", text)
            text = text.replace(f"train_test_split({data}", f"train_test_split({made}.fit_transform({data})", 1)
            yield Mutant(
                "fitted-before-split", "fit_transform", text, line_matching(text, r"fit_transform|train_test_split")
            )


@defect
def class_imbalance(program: Program) -> Iterator[Mutant]:
    """A rare class without weights."""
    for name, given in (("CrossEntropyLoss", "weight"), ("BCEWithLogitsLoss", "pos_weight")):
        for call in program.calls(name):
            if keyword(call, given) is not None:
                ways = (f"nn.{name}()", f"torch.nn.{name}()", f'nn.{name}(reduction="mean")')
                yield from swapped(program, "class-imbalance", call, ways, LOSS_LINES + "|" + READ)
                return


@defect
def id_out_of_range(program: Program) -> Iterator[Mutant]:
    """A table smaller than the ids, or negative ids."""
    for call in program.calls("Embedding"):
        first = call.args[0]
        if isinstance(first, ast.Name | ast.BinOp) and not program.uses("positions = nn.Embedding"):
            pattern = BUILT + r"|embed\w*\(|(model|net)\("
            old = program.source(first)
            yield from swapped(
                program, "id-out-of-range", first, (f"({old}) - 1", f"({old}) - 2", f"({old}) // 2"), pattern
            )
            return

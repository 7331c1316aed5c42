"""A configuration as a plain PyTorch script: what `nnlint train` runs, and what the rules look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .lines import Lines
from .network import write_model
from .reading import Key, Mistakes, Written, mistake
from .recipe import units_of, write_loop, write_recipe, write_targets
from .source import Source, source_of, write_source


@dataclass(frozen=True)
class Script:
    """A script with the key that each of its lines comes from."""

    text: str
    keys: tuple[Key, ...]
    source: Source

    def key(self, line: int) -> Key:
        """Return the key that a line (from 1) comes from; empty where it comes from none."""
        return self.keys[line - 1] if 0 < line <= len(self.keys) else ()


def script_of(written: Written, place: Path, source: Source | None = None) -> Script:
    """Write the script of a configuration, to stand at `place`. Raises Mistakes where the parts do not fit.

    `source` is what `source_of` found before, so that a file need not be read again.
    """
    blueprint = written.blueprint
    source = source_of(written) if source is None else source
    _check(written, source)
    lines = Lines()
    _beginning(lines, written, source)
    write_source(lines, source, place)
    _split(lines, written)
    write_targets(lines, blueprint, source)
    write_model(lines, written, source, units_of(blueprint, source))
    write_recipe(lines, blueprint, better="max" if source.classes else "min")
    write_loop(lines, blueprint, source)
    return Script(lines.text, tuple(lines.keys), source)


def _beginning(lines: Lines, written: Written, source: Source) -> None:
    blueprint = written.blueprint
    lines.add(f'"""{source.name[0].upper()}{source.name[1:]}: written by nnlint from {written.path.name}."""\n')
    modules = ["copy"] if blueprint.early_stopping is not None else []
    modules += ["csv"] if source.file is not None else []
    lines.add("\n".join(f"import {name}" for name in (*modules, "math", "os", "sys")))
    if source.file is not None:
        lines.add("from pathlib import Path")
    lines.add("\nimport torch\nfrom torch import nn\nfrom torch.utils.data import DataLoader, TensorDataset\n")
    lines.add('seed = int(os.environ.get("SEED", "0"))\ntorch.manual_seed(seed)')
    lines.add("\n" if source.reference is not None else "")


def _split(lines: Lines, written: Written) -> None:
    data = written.blueprint.data
    held = ("data", "validation")
    lines.add("order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))", held)
    lines.add(
        f"ends = round({data.test} * len(order)), round({round(data.test + data.validation, 9)} * len(order))", held
    )
    lines.add("test, validation, train = order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] :]", held)
    if data.standardize:
        key = ("data", "standardize")
        lines.add("mean, spread = inputs[train].mean(0), inputs[train].std(0)", key)
        lines.add("inputs = (inputs - mean) / torch.where(spread > 0, spread, torch.ones_like(spread))", key)


def _check(written: Written, source: Source) -> None:
    """Raise Mistakes where loss and target do not belong together."""
    blueprint, name = written.blueprint, written.blueprint.data.task or written.blueprint.data.csv
    line = written.place(("loss",))[0]
    if not source.classes and blueprint.loss in ("cross_entropy", "nll", "bce", "bce_with_logits"):
        help = "mse, l1, smooth_l1 and huber learn numbers"
        raise Mistakes([mistake(written.path, f"{blueprint.loss} learns classes, and {name} has numbers", line, help)])
    if source.classes and blueprint.data.standardize_target:
        line = written.place(("data", "standardize_target"))[0]
        raise Mistakes([mistake(written.path, f"`standardize_target` is for numbers, and {name} has classes", line)])
    if source.vocabulary and blueprint.data.standardize:
        line = written.place(("data", "standardize"))[0]
        raise Mistakes([mistake(written.path, f"`standardize` is for numbers, and {name} holds letters", line)])

"""Train a model that stands in memory, with and without fixes: it is handed to the trainer as a script with its data.

Model, loss and rows are written into a folder of their own and read by a few lines, which the study then sees as any
other script. Weights begin as they stand in the objects; splits, batches and dropout masks differ from seed to seed.
"""

from __future__ import annotations

import importlib
import io
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .report import ReportedFinding
from .trainer import Confirmation, LearningRate, Options, Verdict, confirm_script, range_test

_SCRIPT = """\
import pickle

import torch

def _read(path):
    with open(path, "rb") as file:
        return pickle.load(file)

model, loss_fn, kind, options = _read({model!r})
inputs, targets = _read({rows!r})
optimizer = kind(model.parameters(), **options)
for epoch in range({epochs}):
    model.train()
    order = torch.randperm(len(targets))
    for start in range(0, len(order), {batch}):
        rows = order[start : start + {batch}]
        optimizer.zero_grad()
        loss = loss_fn(model(inputs[rows]), targets[rows])
        loss.backward()
        optimizer.step()
model.eval()
"""


class Confirmed(Confirmation):
    """What was found; printing it reads like `nnlint confirm`, a notebook shows the learning curves below."""

    def __str__(self) -> str:
        from .render.style import Style
        from .render.verdicts import as_text

        return as_text(self, {}, Style(False)).rstrip("\n") if self.verdicts else "no finding has a fix to confirm"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .render import charts

        chart = {"image/svg+xml": charts.learning_curves(self, "svg").decode()} if self.curves else {}
        return {"text/plain": str(self), **chart}


class SuggestedRate(LearningRate):
    """What the range test says; a notebook shows its picture."""

    def __str__(self) -> str:
        from .render.rates import as_text

        return as_text(self, "the model").rstrip("\n")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .render import charts

        chart = {"image/svg+xml": charts.range_test(self, "svg").decode()} if self.sweeps else {}
        return {"text/plain": str(self), **chart}


class Objects:
    """A model with what it is trained by. `optimizer` may be None (Adam at 1e-3 then); `data` as for `advise`."""

    def __init__(self, model: Any, data: Any, loss: Any, optimizer: Any, epochs: int, batch: int) -> None:
        from .worker.handed_in import CannotTrainObjects, described, rows_of

        if data is None:
            raise CannotTrainObjects(
                "no data is known: confirm(data=...) takes a loader, a dataset or (inputs, targets)"
            )
        if loss is None:
            raise CannotTrainObjects("no loss is known: advise(model, loss=...)")
        self.model, self.loss, self.epochs = model, loss, epochs
        self.rows = rows_of(data)
        self.batch = getattr(data, "batch_size", None) or batch
        self.kind, self.options = described(optimizer)
        self.drawn = optimizer is None

    def told(self, data: str) -> str:
        """Return on what a study rests, with what was taken for granted."""
        own = data.replace("its own data", "the data handed in")
        return f"{own}; no optimizer was given, so Adam at 0.001" if self.drawn and own else own

    @contextmanager
    def written(self, variants: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, dict[str, str]]]]:
        """Give the script of the model, and its text for each of the other models, while their files are there."""
        with tempfile.TemporaryDirectory(prefix="nnlint-") as place:
            folder = Path(place)
            rows = self._keep(folder / "rows.bin", self.rows)
            texts = {}
            for number, (name, model) in enumerate({"": self.model, **variants}.items()):
                whole = (model, self.loss, self.kind, self.options)
                kept = self._keep(folder / f"model{number}.bin", whole)
                texts[name] = _SCRIPT.format(model=kept, rows=rows, epochs=self.epochs, batch=self.batch)
            path = folder / "model_in_memory.py"
            path.write_text(texts.pop(""), encoding="utf-8")
            yield path, {name: {str(path): text} for name, text in texts.items()}

    def _keep(self, path: Path, value: Any) -> str:
        from .worker.handed_in import CannotTrainObjects

        cloudpickle = _pickler()
        written = io.BytesIO()
        try:
            cloudpickle.dump(value, written)
        except Exception as error:
            raise CannotTrainObjects(f"it cannot be copied into another process: {error}") from error
        path.write_bytes(written.getvalue())
        return str(path)


def confirm(
    objects: Objects,
    findings: Sequence[ReportedFinding],
    *,
    seeds: int,
    budget: float,
    best_rate: bool,
) -> Confirmed:
    """Return the verdict on each finding's first fix that has a form in memory; the others say why they have none."""
    variants, left = {}, []
    often = Counter(finding.rule for finding in findings)
    for finding in findings:
        name = finding.rule if often[finding.rule] == 1 else f"{finding.rule} at {finding.module or finding.line}"
        changed = _changed(objects.model, finding)
        if isinstance(changed, str):
            left.append(Verdict(name=name, word="not confirmed", reason=changed))
        else:
            variants[name] = changed
    if not variants:
        return Confirmed(verdicts=tuple(left))
    with objects.written(variants) as (path, texts):
        options = Options(
            python=Path(sys.executable), seeds=seeds, budget=budget, epochs=objects.epochs, best_rate=best_rate
        )
        found = confirm_script(path, texts, options)
    return Confirmed(**{**dict(found), "verdicts": (*found.verdicts, *left), "data": objects.told(found.data)})


def learning_rate(objects: Objects, seeds: int) -> SuggestedRate:
    """Return what the range test suggests for the model."""
    with objects.written({}) as (path, _):
        found = range_test(path, Options(python=Path(sys.executable)), lambda text: None, seeds=seeds)
    return SuggestedRate(**{**dict(found), "data": objects.told(found.data)})


def _changed(model: Any, finding: ReportedFinding) -> Any:
    """Return a copy of the model with the first fix that has a form in memory, else the reason as a string."""
    from .worker.live import CannotApplyLive, apply_live

    reason = "nothing repairs it by itself"
    for fix in (fix.origin for fix in finding.fixes if fix.origin is not None and fix.origin.safety != "display"):
        try:
            return apply_live(model, [verb.as_data() for verb in fix.verbs])
        except CannotApplyLive as error:
            reason = f"{fix.title}: {error.reason}"
    return reason


def _pickler() -> Any:
    """Return what writes classes of a notebook as well; joblib brings it along, under one of two names."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return importlib.import_module("joblib.externals.cloudpickle")

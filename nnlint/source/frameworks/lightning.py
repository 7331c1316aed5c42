"""Lightning: the loop is the framework's, the loss is in `training_step`, the rest in methods and `Trainer(...)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ...facts import BestWeights, EarlyStop, Loop, Missing, Scheduler
from ..arguments import Arguments
from ..flow import Lost
from ..program import last_name
from ..reading import Handed, Reading
from ..schedules import written
from ..terms import Term

PACKAGES = frozenset({"lightning", "pytorch_lightning"})


def read(reading: Reading) -> Handed | None:
    """Return what the file's LightningModule does; None where it has none, or one that steps by itself."""
    module = _Module(reading)
    if module.cls is None or (reading.sites and module.is_manual):
        return None
    return Handed(module.fields(), module.terms())


class _Module:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.objects, self.values = reading.objects, reading.objects.values
        self.program = reading.objects.program
        self.cls = next((c for c in self.objects.modules.classes if self._is_lightning(c)), None)
        calls = self.program.calls_by_name.get("Trainer", [])
        self.trainers = [Arguments(self.values, c, ()) for c in calls if last_name(c.func) == "Trainer"]

    def _is_lightning(self, cls: ast.ClassDef) -> bool:
        bases = [b for c in self.objects.flow.lineage(cls) for b in c.bases]
        named = any((self.program.qualified(b) or "").endswith(".LightningModule") for b in bases)
        return named and self.objects.modules.method_of(cls, "training_step") is not None

    @property
    def is_manual(self) -> bool:
        """Whether the module steps by itself (`automatic_optimization = False`)."""
        return any(
            isinstance(self.program.parent[w], ast.Assign)
            and self.values.maybe(self.program.parent[w].value, None) is False  # type: ignore[attr-defined]
            for w in self.program.attribute_writes.get("automatic_optimization", ())
        )

    def terms(self) -> list[Term] | Missing:
        """Return what `training_step` returns as its loss."""
        assert self.cls is not None
        step = self.objects.modules.method_of(self.cls, "training_step")
        try:
            returned = self.objects.flow.returned(step) if step is not None else []
            found = [t for r in returned for t in self.reading.losses.terms(r)]
        except Lost as lost:
            return Missing(lost.why)
        return found or Missing("`training_step` returns no loss that can be followed")

    def fields(self) -> dict[str, Any]:
        """Return what Lightning's own loop makes of the file: it clears gradients before each step."""
        size, shuffles, count = self._batches()
        epochs = self._trainer("max_epochs", "no `max_epochs` is to be seen")
        whole = isinstance(epochs, int) and not isinstance(epochs, bool) and epochs > 0
        if not whole and not isinstance(epochs, Missing):
            epochs = Missing("`max_epochs` is set when the program runs")
        steps = self._trainer("max_steps", "no `max_steps` is to be seen")
        accumulates = self._accumulates()
        known = whole and isinstance(count, int) and isinstance(accumulates, int)
        limited = isinstance(steps, int) and not isinstance(steps, bool) and steps > 0
        return {
            "schedulers": self._schedulers(),
            "batch_size": size,
            "shuffles": shuffles,
            "epochs": epochs,
            "updates": steps if limited and not whole else epochs * -(-count // accumulates)
            if known and not limited else count if isinstance(count, Missing) else Missing("it is not to be seen"),
            "best_weights": self._best(),
            "early_stopping": self._early(),
            "loop": Loop(
                clears_gradients=True,
                clips=self._clips(),
                accumulates=accumulates,
                divides=True if isinstance(accumulates, int) and accumulates > 1 else Missing("the framework does it"),
                optimizer_built=None,
                sums=(),
            ),
        }  # fmt: skip

    def _trainer(self, name: str, why: str) -> Any:
        for given in self.trainers:
            if name in given.written:
                return self.reading.value(given, name, None)
        return Missing(why)

    def _accumulates(self) -> Any:
        if not self.trainers:
            return Missing("the trainer is built elsewhere")
        return self.reading.count(self.trainers[0], "accumulate_grad_batches", 1)

    def _clips(self) -> Any:
        for given in self.trainers:
            amount = self.reading.value(given, "gradient_clip_val", None)
            if isinstance(amount, Missing):
                return (
                    "norm" if "gradient_clip_val" in given.written else Missing("the trainer's arguments are unpacked")
                )
            how = self.reading.value(given, "gradient_clip_algorithm", "norm") or "norm"
            return (how if how in ("norm", "value") else Missing("not known")) if amount else None
        return Missing("the trainer is built elsewhere")

    def _loaders(self) -> Iterator[ast.expr]:
        """Yield the training loaders: from `train_dataloader`, else from `trainer.fit(model, loader)`."""
        for method in self.program.methods.get("train_dataloader", ()):
            try:
                yield from self.objects.flow.returned(method)
            except Lost:
                continue
        for call in self.program.calls_by_name.get("fit", ()):
            named = [k.value for k in call.keywords if k.arg in ("train_dataloaders", "train_dataloader")]
            yield from named or call.args[1:2]

    def _batches(self) -> tuple[Any, Any, Any]:
        for node in self._loaders():
            found = self.reading.loader(node)
            if not all(isinstance(f, Missing) for f in found):
                return found
        return self.reading.loader(None)

    def _schedulers(self) -> Any:
        """Return the schedulers that `configure_optimizers` returns; by default each steps once an epoch."""
        assert self.cls is not None
        method = self.objects.modules.method_of(self.cls, "configure_optimizers")
        if method is None:
            return Missing("there is no `configure_optimizers`")
        calls = [n for n in self.program.below(method) if isinstance(n, ast.Call)]
        if any(self.objects.flow.callee(c) is not None for c in calls):
            return Missing("`configure_optimizers` calls other functions")
        keys = {k.value: v for n in self.program.below(method) if isinstance(n, ast.Dict)
                for k, v in zip(n.keys, n.values) if isinstance(k, ast.Constant)}  # fmt: skip
        interval = self.values.maybe(keys.get("interval"), "epoch" if "interval" not in keys else None)
        stepped = {"epoch": "epoch", "step": "batch"}.get(str(interval))
        found = [w for c in calls if (w := written(self.objects, c)) is not None]
        return tuple(
            Scheduler(
                **one,
                stepped=stepped or Missing("its interval is set when the program runs"),
                metric=one["kind"] == "ReduceLROnPlateau",
                before_optimizer=False,
            )
            for one in found[:1]
        ) if len(found) <= 1 else Missing("there are several schedulers")  # fmt: skip

    def _callback(self, name: str) -> ast.Call | None:
        for given in self.trainers:
            found = self.reading.callbacks(given).get(name)
            if found is not None:
                return found
        return None

    def _best(self) -> Any:
        callback = self._callback("ModelCheckpoint")
        if callback is not None:
            return BestWeights(how="disk", span=self.program.span(callback), restored=False)
        return Missing("the trainer keeps checkpoints by itself")

    def _early(self) -> Any:
        callback = self._callback("EarlyStopping")
        if callback is not None:
            given = Arguments(self.values, callback, ("monitor", "min_delta", "patience"))
            return EarlyStop(span=self.program.span(callback), patience=self.reading.count(given, "patience", 3))
        hidden = not self.trainers or any(g.open or "callbacks" in g.written for g in self.trainers)
        return Missing("the trainer's callbacks are not to be seen") if hidden else None

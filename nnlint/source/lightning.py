"""LightningModule: the loop is the framework's, the loss is in `training_step`, the rest in a few methods."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ..facts import Loop, Missing
from .flow import Lost
from .losses import Losses
from .objects import Objects
from .program import last_name
from .terms import Term


class Lightning:
    """Reads what a file hands to Lightning. `module` is the class, None where the file has none."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.program, self.values = objects.program, objects.values
        self.module = next((c for c in objects.modules.classes if self._is_lightning(c)), None)

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

    def terms(self, losses: Losses) -> list[Term]:
        """Return what `training_step` returns as its loss. Raises Lost."""
        assert self.module is not None
        step = self.objects.modules.method_of(self.module, "training_step")
        found = [t for r in self.objects.flow.returned(step) for t in losses.terms(r)] if step is not None else []
        if not found:
            raise Lost("`training_step` returns no loss that can be followed")
        return found

    def loop(self) -> Loop:
        """Return the facts of Lightning's own loop: it clears gradients before each step."""
        return Loop(clears_gradients=True, clips=self._clips())

    def _clips(self) -> Any:
        for call in self._trainers():
            given = {k.arg: k.value for k in call.keywords}
            if None in given:
                return Missing("the trainer's arguments are unpacked")
            if "gradient_clip_val" in given:
                how = self.values.maybe(given.get("gradient_clip_algorithm"), "norm")
                amount = self.values.maybe(given["gradient_clip_val"], 1)
                return (how if how in ("norm", "value") else Missing("not known")) if amount else None
            return None
        return Missing("the trainer is built elsewhere")

    def epochs(self) -> Any:
        """Return `Trainer(max_epochs=...)`."""
        for call in self._trainers():
            for keyword in call.keywords:
                if keyword.arg == "max_epochs":
                    value = self.values.maybe(keyword.value, None)
                    good = isinstance(value, int) and not isinstance(value, bool) and value > 0
                    return value if good else Missing("`max_epochs` is set when the program runs")
        return Missing("no `max_epochs` is to be seen")

    def loaders(self) -> Iterator[ast.expr]:
        """Yield the training loaders: from `train_dataloader`, else from `trainer.fit(model, loader)`."""
        for method in self.program.methods.get("train_dataloader", ()):
            try:
                yield from self.objects.flow.returned(method)
            except Lost:
                continue
        for call in self.program.calls_by_name.get("fit", ()):
            named = [k.value for k in call.keywords if k.arg in ("train_dataloaders", "train_dataloader")]
            yield from named or call.args[1:2]

    def _trainers(self) -> list[ast.Call]:
        calls = self.program.calls_by_name.get("Trainer", [])
        return [
            c for c in calls if "lightning" in (self.program.qualified(c.func) or "") or last_name(c.func) == "Trainer"
        ]

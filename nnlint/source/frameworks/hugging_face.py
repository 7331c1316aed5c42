"""Hugging Face `Trainer`: what `TrainingArguments` says, and its documented defaults where it says nothing.

AdamW at 5e-5 without weight decay, three epochs of shuffled batches of 8, a linear schedule that steps with each
update, gradients clipped to a norm of 1. The model computes its own loss, unless `compute_loss` is overridden.
"""

from __future__ import annotations

import ast
from typing import Any

from ...facts import BestWeights, EarlyStop, Loop, Missing, Optimizer, Scheduler
from ..arguments import Arguments
from ..flow import Lost
from ..reading import Handed, Reading
from ..terms import Term

PACKAGES = frozenset({"transformers"})
_TRAINERS = ("transformers.Trainer", "transformers.Seq2SeqTrainer")
_ARGUMENTS = ("transformers.TrainingArguments", "transformers.Seq2SeqTrainingArguments")
_CLASSES = {"sgd": "SGD", "adafactor": "Adafactor", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
_PLATEAU = "reduce_lr_on_plateau"


def read(reading: Reading) -> Handed | None:
    """Return what the file's `Trainer` does; None where it builds none."""
    derived = reading.derived(*_TRAINERS)
    names = {c.name for c in derived}
    program = reading.objects.program
    trainers = reading.calls_of(*_TRAINERS) or [c for n in names for c in program.calls_by_name.get(n, ())]
    if not trainers:
        return None
    handed = Arguments(reading.objects.values, trainers[0], ("model", "args", "data_collator", "train_dataset"))
    made = [p.node for p in reading.built(handed.written.get("args")) if isinstance(p.node, ast.Call)]
    calls = made or reading.calls_of(*_ARGUMENTS)
    if len(calls) > 1 or (not calls and "args" in handed.written):
        return Handed({}, Missing("the trainer's arguments are built elsewhere"))
    given = Arguments(reading.objects.values, calls[0] if calls else trainers[0], ("output_dir",))
    reader = _Trainer(reading, given, handed, calls[0] if calls else trainers[0])
    return Handed(reader.fields(), _terms(reading, derived))


def _terms(reading: Reading, derived: list[ast.ClassDef]) -> list[Term] | Missing:
    for cls in derived:
        method = reading.objects.modules.method_of(cls, "compute_loss")
        if method is not None:
            try:
                return [t for r in reading.objects.flow.returned(method) for t in reading.losses.terms(_loss(r))]
            except Lost as lost:
                return Missing(lost.why)
    return Missing("the model computes its loss itself")


def _loss(returned: ast.expr) -> ast.expr:
    """Return the loss of `return (loss, outputs) if return_outputs else loss`."""
    return returned.orelse if isinstance(returned, ast.IfExp) else returned


class _Trainer:
    def __init__(self, reading: Reading, given: Arguments, handed: Arguments, call: ast.Call) -> None:
        self.reading, self.given, self.handed, self.call = reading, given, handed, call
        self.span = reading.objects.program.span(call)

    def fields(self) -> dict[str, Any]:
        reading, given = self.reading, self.given
        steps = reading.value(given, "max_steps", -1)
        by_steps = not isinstance(steps, Missing) and isinstance(steps, int) and steps > 0
        epochs = reading.count(given, "num_train_epochs", 3)
        clip = reading.number(given, "max_grad_norm", 1.0)
        own = "optimizers" in self.handed.written
        elsewhere: Any = Missing("the trainer is handed its own optimizer and scheduler")
        scheduler = self._scheduler()
        return {
            "optimizers": self._handed_optimizers() if own else self._optimizers(),
            "scheduler": elsewhere if own else self._kind(),
            "schedulers": elsewhere if own else (scheduler if isinstance(scheduler, Missing) else (scheduler,)),
            "batch_size": reading.count(given, "per_device_train_batch_size", 8),
            "shuffles": True,
            "epochs": Missing("`max_steps` counts") if by_steps else epochs,
            "updates": steps if by_steps else Missing("the size of the data is not known"),
            "seeded": True,
            "best_weights": self._best(),
            "early_stopping": self._early(),
            "loop": Loop(
                clears_gradients=True,
                clips=clip if isinstance(clip, Missing) else "norm" if clip > 0 else None,
                accumulates=reading.count(given, "gradient_accumulation_steps", 1),
                divides=True,
                optimizer_built=None,
                sums=(),
            ),
        }

    def _optimizers(self) -> Any:
        name = self.reading.value(self.given, "optim", "adamw_torch_fused")
        if isinstance(name, Missing):
            return name
        kind = "AdamW" if str(name).startswith("adamw") else _CLASSES.get(str(name))
        if kind is None:
            return Missing(f"`{name}` is an optimizer that is not known")
        written = {"learning_rate": "lr", "weight_decay": "weight_decay"}
        return (
            Optimizer(
                kind=kind,
                span=self.span,
                lr=self.reading.number(self.given, "learning_rate", 5e-5),
                weight_decay=self.reading.number(self.given, "weight_decay", 0.0),
                given=Missing(self.given.open)
                if self.given.open
                else tuple(short for name, short in written.items() if name in self.given.written),
            ),
        )

    def _handed_optimizers(self) -> Any:
        place = self.handed.written["optimizers"]
        first = place.node.elts[0] if isinstance(place.node, ast.Tuple) and place.node.elts else None
        if first is not None:
            built = self.reading.objects.only(first, place.frame)
            if built is not None and self.reading.optimizers.kind(built.node, built.frame):
                return (self.reading.optimizers.read(built),)
        return Missing("the trainer is handed an optimizer that cannot be followed")

    def _kind(self) -> Any:
        name = self.reading.value(self.given, "lr_scheduler_type", "linear")
        if isinstance(name, Missing):
            return name
        return "ReduceLROnPlateau" if name == _PLATEAU else "LambdaLR"

    def _scheduler(self) -> Any:
        name = self.reading.value(self.given, "lr_scheduler_type", "linear")
        if isinstance(name, Missing):
            return name
        warmup = self.reading.value(self.given, "warmup_steps", 0)
        arguments = {"name": name} | ({} if isinstance(warmup, Missing) else {"num_warmup_steps": warmup})
        return Scheduler(
            kind="get_scheduler",
            span=self.span,
            arguments=arguments,
            given=("name", "num_warmup_steps", "num_training_steps"),
            stepped="epoch" if name == _PLATEAU else "batch",
            metric=name == _PLATEAU,
            before_optimizer=False,
        )

    def _best(self) -> Any:
        wanted = self.reading.value(self.given, "load_best_model_at_end", False)
        if wanted is True:
            return BestWeights(how="disk", span=self.span, restored=True)
        return Missing("the trainer saves checkpoints as it goes")

    def _early(self) -> Any:
        callback = self.reading.callbacks(self.handed).get("EarlyStoppingCallback")
        if callback is not None:
            given = Arguments(self.reading.objects.values, callback, ("early_stopping_patience",))
            patience = self.reading.count(given, "early_stopping_patience", 1)
            return EarlyStop(span=self.reading.objects.program.span(callback), patience=patience)
        return Missing("a callback may end it") if "callbacks" in self.handed.written or self.handed.open else None

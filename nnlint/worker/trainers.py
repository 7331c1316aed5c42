"""Trainers and modules that know their own recipe, taken apart: Lightning's and Hugging Face's.

They are known by the names of their classes: nothing of theirs is imported. Nothing of theirs is changed: what has to
be called is called on a copy.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.utils.data import DataLoader


@dataclass
class Unpacked:
    """What a trainer holds. `recipe` is a `Recipe` dict of what it says of the training as a whole.

    `twin` is the copy whose parameters `optimizer` holds; `own_loss` says that the model computes its loss itself, by
    `training_step` or from its labels.
    """

    model: Any
    data: Any = None
    optimizer: Any = None
    scheduler: Any = None
    recipe: dict[str, Any] = field(default_factory=dict)
    twin: nn.Module | None = None
    own_loss: bool = False


def unpack(given: Any) -> Unpacked:
    """Return what can be had from a model, a LightningModule or a trainer. Raises ValueError for an empty trainer."""
    kinds = [f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(given).__mro__]
    if "transformers.Trainer" in kinds:
        return _hugging_face(given)
    if "lightning.Trainer" in kinds or "pytorch_lightning.Trainer" in kinds:
        return _trainer(given)
    if "lightning.LightningModule" in kinds or "pytorch_lightning.LightningModule" in kinds:
        return _module(given)
    return Unpacked(given)


def _trainer(trainer: Any) -> Unpacked:
    module = getattr(trainer, "lightning_module", None)
    if module is None:
        raise ValueError("the Trainer holds no model before fit(): hand over the LightningModule")
    found = _module(module)
    loaders = getattr(trainer, "train_dataloader", None)
    found.data = loaders if isinstance(loaders, DataLoader) else found.data
    if isinstance(trainer.max_epochs, int) and trainer.max_epochs > 0:
        found.recipe["epochs"] = trainer.max_epochs
    clips = getattr(trainer, "gradient_clip_val", None)
    how = str(getattr(trainer, "gradient_clip_algorithm", None) or "norm").rpartition(".")[2].lower()
    found.recipe["loop"] = {"clips": how if clips else None}
    return found


def _module(module: Any) -> Unpacked:
    found = Unpacked(module)
    try:
        twin = copy.deepcopy(module)
        made = twin.configure_optimizers()
    except Exception:  # a module may need its trainer for it
        return found
    found.twin, found.own_loss = twin, callable(getattr(twin, "training_step", None))
    optimizers, schedulers = _optimizers(made)
    if len(optimizers) == 1:
        found.optimizer = optimizers[0]
    if len(schedulers) == 1:
        found.scheduler = schedulers[0]
    if not schedulers:
        found.recipe["scheduler"] = None
    return found


def _optimizers(made: Any) -> tuple[list[Any], list[Any]]:
    """Take apart what `configure_optimizers` may return."""
    if isinstance(made, dict):
        return [made["optimizer"]], _schedulers(made.get("lr_scheduler"))
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], (list, tuple)):
        return list(made[0]), [one for entry in made[1] for one in _schedulers(entry)]
    if isinstance(made, (list, tuple)):
        parts = [_optimizers(one) for one in made]
        return [o for part in parts for o in part[0]], [s for part in parts for s in part[1]]
    return ([] if made is None else [made]), []


def _schedulers(entry: Any) -> list[Any]:
    if isinstance(entry, dict):
        entry = entry.get("scheduler")
    return [] if entry is None else [entry]


_NAMES = {"adamw": "AdamW", "adafactor": "Adafactor", "sgd": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop"}


def _hugging_face(trainer: Any) -> Unpacked:
    """Read a Trainer of transformers: its arguments say what it builds when it trains."""
    args, model = trainer.args, trainer.model
    found = Unpacked(model, optimizer=trainer.optimizer, scheduler=trainer.lr_scheduler, own_loss=True)
    size = int(args.per_device_train_batch_size)
    found.recipe = {"batch_size": size, "loop": {"clips": "norm" if args.max_grad_norm else None}}
    if float(args.num_train_epochs).is_integer() and args.max_steps <= 0:
        found.recipe["epochs"] = int(args.num_train_epochs)
    if args.max_steps > 0:
        found.recipe["updates"] = int(args.max_steps)
    kind = _NAMES.get(str(getattr(args.optim, "value", args.optim)).partition("_")[0])
    if found.optimizer is None and kind is not None:
        stepped = [name for name, p in model.named_parameters() if p.requires_grad]
        entry = {"kind": kind, "lr": float(args.learning_rate), "weight_decay": float(args.weight_decay)}
        found.recipe["optimizers"] = [{**entry, "parameters": stepped}]
    if trainer.lr_scheduler is None:
        schedule = getattr(args, "lr_scheduler_type", "")
        schedule = str(getattr(schedule, "value", schedule))
        if schedule:
            found.recipe["scheduler"] = None if schedule == "constant" else schedule
    if trainer.train_dataset is not None:
        found.data = DataLoader(trainer.train_dataset, batch_size=size, shuffle=True, collate_fn=trainer.data_collator)
    return found

"""What was seen of a training script, as a `Recipe` dict. What the window cannot tell is left out."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from . import profile
from .iteration import Iteration
from .observe import Observer
from .observe_data import SeenLoader


def recipe_facts(
    observer: Observer,
    iteration: Iteration,
    model: nn.Module,
    losses: list[dict[str, Any]],
    names: dict[int, str],
) -> dict[str, Any]:
    """Return a `Recipe` dict for one model; `names` are its parameters by identity."""
    loop = observer.loop
    mine = [entry for entry in loop.optimizers if any(id(p) in names for p in entry.parameters())]
    whole = sees_all(observer, iteration, model, losses)
    facts: dict[str, Any] = {
        "losses": [found["loss"] for found in losses],
        "optimizers": [entry.facts(names) for entry in _distinct(mine)],
        "scheduler": loop.scheduler,
        "loop": loop.facts(names),
        "evaluations": observer.scores.facts(),
        "loaded": observer.loads.seen,
    }
    unheld = observer.unheld.names(model, loop)
    if unheld is not None:
        facts["loop"]["unheld"] = unheld
    if whole is not None:
        facts["schedulers"] = [entry.facts(loop.steps, whole) for entry in loop.schedules.own]
    if observer.watched:
        facts["loaders"] = [loader_facts(entry, observer) for entry in observer.loaders.seen]
    loader = observer.training_loader
    size = _batch_size(observer, iteration, model, losses)
    if size is not None:
        facts["batch_size"] = size
    shuffled = shuffles(loader) if loader is not None else None
    if shuffled is not None:
        facts["shuffles"] = shuffled
    updates = _updates(observer, iteration, size)
    if updates is not None:
        facts["updates"] = updates
    return facts


def sees_all(
    observer: Observer, iteration: Iteration, model: nn.Module, losses: list[dict[str, Any]]
) -> bool | None:  # fmt: skip
    """Whether one step sees all data, so that a step is an epoch; None where that is not known."""
    loader = observer.training_loader
    if loader is not None:
        try:
            return len(loader) == 1
        except TypeError:
            return None
    size = _batch_size(observer, iteration, model, losses)
    return None if size is None else iteration.samples is None or iteration.samples <= size


def loader_facts(entry: SeenLoader, observer: Observer) -> dict[str, Any]:
    """Return a `Loader` dict. Only that a loader trains is known for sure; what others are for, the source may tell."""
    loader = entry.loader
    found: dict[str, Any] = {"span": entry.span}
    if loader is observer.training_loader:
        found["role"] = "train"
    size = batch_size_of(loader)
    if size is not None:
        found["batch_size"] = size
    shuffled = shuffles(loader)
    if shuffled is not None:
        found["shuffle"] = shuffled
    batches = loader.batch_sampler
    if type(batches) is BatchSampler:
        found["drop_last"] = batches.drop_last
        sampler = batches.sampler
        own = type(sampler) in (RandomSampler, SequentialSampler) and "sampler" not in (entry.given or ())
        found["sampler"] = None if own else type(sampler).__name__
    samples = profile.size_of(loader)
    if samples is not None:
        found["samples"] = samples
    return found


def batch_size_of(loader: DataLoader[Any]) -> int | None:
    """Return the number of samples of a loader's batch, None where it is not one number."""
    size = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None)
    return size if isinstance(size, int) else None


def shuffles(loader: Any) -> bool | None:
    """Whether a loader's order changes from pass to pass; None where its sampler is not known."""
    batches = getattr(loader, "batch_sampler", None)
    sampler = batches.sampler if type(batches) is BatchSampler else loader.sampler if batches is None else None
    if isinstance(sampler, (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)):
        return True
    return False if isinstance(sampler, SequentialSampler) else None


def _updates(observer: Observer, iteration: Iteration, size: int | None) -> int | None:
    """Return the planned number of steps: the source's epochs times the batches of the data that were seen."""
    loop, loader = observer.loop, observer.training_loader
    if observer.epochs is None or len(loop.optimizers) != 1 or not loop.backwards:
        return None
    try:
        if loader is not None:
            batches = len(loader)
        elif size and iteration.samples:
            batches = -(-iteration.samples // size)
        else:
            return None
    except TypeError:
        return None
    return max(1, round(observer.epochs * batches * loop.steps / loop.backwards)) if loop.steps else None


def _distinct(entries: list[Any]) -> list[Any]:
    """One optimizer built anew in each step is one optimizer."""
    return list({str(entry.span or id(entry)): entry for entry in reversed(entries)}.values())[::-1]


def _batch_size(observer: Observer, iteration: Iteration, model: nn.Module, losses: list[dict[str, Any]]) -> int | None:
    loader = observer.training_loader
    if loader is not None:
        return batch_size_of(loader)
    call = next((c for c in iteration.calls if c["model"] is model), None)
    given = [iteration.nodes[i].get("gives", []) for i in call["inputs"]] if call else []
    first = [shapes[0]["shape"] for shapes in given if shapes][:1]
    target = [found["compared"] for found in losses if found.get("compared")][:1]
    if not first or not first[0]:
        return None
    if target and target[0][0] != first[0][0]:
        return None
    return int(first[0][0])

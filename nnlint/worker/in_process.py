"""Describe a model that lives in this process, with the user's own data, loss and optimizer. Nothing of it is touched.

The forward, the loss and its gradient run on a copy; data are read by index, never through the user's iterator; the
random states are given back.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

from . import profile
from .describe import describe
from .devices import Watch
from .iteration import Iteration, Sample
from .losses import KINDS
from .observe import Observer
from .operations import class_name, function_op, layer_op
from .subjects import facts_of
from .values import each_tensor

ROWS = 64
"""Samples of one forward."""
LARGEST = 100_000_000
"""Parameters up to which a copy is trained one step."""


def describe_object(
    model: nn.Module,
    *,
    inputs: Any = None,
    data: Any = None,
    loss: Any = None,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
    target: str | None = None,
    path: str | None = None,
) -> dict[str, Any]:
    """Return a `Facts` dict of `model`.

    `inputs` is a tensor, a tuple or dict of them, or specs (`"2x1x28x28"`); `data` a DataLoader, a Dataset or a pair
    of tensors or arrays; `loss` is called as `loss(output, target)`. Raises ValueError where one cannot be used.
    """
    target = target or class_name(model).removeprefix("nn.")
    with profile.same_random_state():
        given = _Given(inputs, data)
        facts = describe(
            model, target=target, path=path, inputs=given.args, kwargs=given.kwargs, specs=given.specs
        )  # fmt: skip
        around = _Around(given)
        around.know(model, optimizer, scheduler)
        if loss is not None and given.target is not None and _can_copy(model):
            seen = _one_step(model, around, loss, target, path)
            if seen is not None:
                seen["subject"].update({key: facts["subject"][key] for key in ("guessed",) if key in facts["subject"]})
                seen["model"]["modules"] = facts["model"]["modules"]
                return seen
        recipe = _recipe(around, loss, facts)
        if recipe:
            facts["recipe"] = recipe
        described = _data(given, around, facts)
        if described:
            facts["data"] = described
        return facts


class _Given:
    """What the user handed over, as one batch: arguments of forward, and the target of the loss."""

    def __init__(self, inputs: Any, data: Any) -> None:
        self.args: tuple[Any, ...] | None = None
        self.kwargs: dict[str, Any] | None = None
        self.specs: list[str] | None = None
        self.target: torch.Tensor | None = None
        self.loader: DataLoader[Any] | None = None
        self.drawn: list[torch.Tensor] = []
        if data is not None:
            self._draw(data)
        if isinstance(inputs, str) or (isinstance(inputs, (list, tuple)) and inputs and _all(inputs, str)):
            self.specs, self.args = [inputs] if isinstance(inputs, str) else list(inputs), None
            self.target = None
        elif isinstance(inputs, Mapping):
            self.args, self.kwargs = (), dict(inputs)
        elif inputs is not None:
            self.args = tuple(inputs) if isinstance(inputs, (list, tuple)) else (_tensor(inputs),)
        if self.target is not None and not self._fits():
            self.target = None

    def _fits(self) -> bool:
        first = next(each_tensor((self.args, self.kwargs)), None)
        return first is not None and self.target is not None and first.shape[:1] == self.target.shape[:1]

    def _draw(self, data: Any) -> None:
        """Take a batch out of `data` by index, so that no iterator of the user's moves."""
        if isinstance(data, (tuple, list)) and len(data) == 2:
            data = TensorDataset(*(_tensor(part) for part in data))
        if isinstance(data, Dataset):
            data = DataLoader(data, batch_size=min(ROWS, _length(data) or ROWS))
            data.__dict__["_nnlint_ours"] = True
        if not isinstance(data, DataLoader):
            raise ValueError(f"data is a DataLoader, a Dataset or a pair of arrays, not {type(data).__name__}")
        self.loader = data
        batch = _batch_of(data)
        self.drawn = list(each_tensor(batch))
        if isinstance(batch, (tuple, list)) and len(batch) >= 2 and all(isinstance(b, torch.Tensor) for b in batch):
            self.args, self.target = tuple(batch[:-1]), batch[-1]
        elif isinstance(batch, torch.Tensor):
            self.args = (batch,)
        elif isinstance(batch, (tuple, list)) and len(batch) == 1:
            self.args = tuple(batch)


def _all(values: Any, kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)


def _tensor(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value
    try:
        made = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{type(value).__name__} cannot be made a tensor: {error}") from error
    return made.float() if made.dtype == torch.float64 else made


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except (TypeError, NotImplementedError):
        return None


def _batch_of(loader: DataLoader[Any]) -> Any:
    dataset: Any = loader.dataset
    size = min(loader.batch_size or ROWS, ROWS)
    try:
        if isinstance(dataset, IterableDataset):
            items = [item for item, _ in zip(copy.deepcopy(dataset), range(size))]
        else:
            count = len(dataset)
            items = [dataset[i] for i in range(0, count, max(1, count // size))][:size]
        return (loader.collate_fn or default_collate)(items)
    except Exception as error:
        raise ValueError(f"data cannot be read: {type(error).__name__}: {error}") from error


class _Around(Observer):
    """What would have been observed, had the user's loop been watched."""

    def __init__(self, given: _Given) -> None:
        super().__init__(1, Watch())
        self.given = given
        if given.loader is not None and "_nnlint_ours" not in given.loader.__dict__:
            self.loaders.training = given.loader
        self.names: dict[int, str] = {}

    def know(self, model: nn.Module, optimizer: torch.optim.Optimizer | None, scheduler: Any) -> None:
        """Take in the optimizer and the scheduler."""
        self.names = {id(p): name for name, p in model.named_parameters()}
        if optimizer is not None:
            self.loop.built(optimizer, None, None)
        if scheduler is not None:
            self.loop.schedules.add(scheduler)

    def outermost(self, module: nn.Module) -> nn.Module:
        """Return the module itself: what the user hands over is the model."""
        return module

    def sample(self, tensor: torch.Tensor) -> Sample:
        """Return rows of the data set that the batch was drawn from."""
        if self.given.loader is not None:
            for place, drawn in enumerate(self.given.drawn):
                if drawn is tensor:
                    return profile.from_dataset(self.given.loader, place, tensor), profile.size_of(self.given.loader)
        return None, None


def _can_copy(model: nn.Module) -> bool:
    parameters = list(model.parameters())
    if any(p.device.type == "meta" or nn.parameter.is_lazy(p) for p in parameters):
        return False
    return sum(p.numel() for p in parameters) <= LARGEST


def _one_step(model: nn.Module, around: _Around, loss: Any, target: str, path: str | None) -> dict[str, Any] | None:
    """Return the facts of one forward, loss and backward on a copy; None where they cannot be had."""
    given = around.given
    try:
        twin = copy.deepcopy(model).cpu().train()
        meter = copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss
    except Exception:  # a model may hold what cannot be copied
        return None
    iteration = Iteration(around)
    with torch.enable_grad():
        iteration.enter()
        try:
            output = twin(*(given.args or ()), **(given.kwargs or {}))
            value = meter(output, given.target)
            iteration.backward(value, first=True)
            value.backward()
        except Exception:  # the forward or the loss of the user's does not take this batch
            return None
        finally:
            iteration.leave()
    if not iteration.losses or not iteration.models:
        return None
    around.iterations.append(iteration)
    around.calls.append((twin, given.args or (), given.kwargs or {}))
    _forget_our_calls(iteration, loss)
    facts = facts_of(around, iteration, twin, target, path, names=around.names, guarded=lambda act: act())
    return {**facts, "recipe": _told(facts["recipe"], around)}


def _forget_our_calls(iteration: Iteration, loss: Any) -> None:
    """Drop the place of the loss where it is this very file that calls it, not the user's code."""
    own = getattr(getattr(loss, "forward", loss), "__code__", None)
    for entry in (*iteration.recorder.nodes, *(found["loss"] for found in iteration.losses)):
        for key in ("call", "span"):
            place = entry.get(key)
            if place and entry.get("module") is None and (own is None or place["path"] != own.co_filename):
                del entry[key]


def _told(recipe: dict[str, Any], around: _Around) -> dict[str, Any]:
    """Keep what the user handed over: nobody watched a loop, and a batch of ours is none of theirs."""
    gone = {"loop", "evaluations", "loaded", "loaders"}
    if not around.loop.optimizers:
        gone.add("optimizers")
    if around.loop.scheduler is None:
        gone.update(("scheduler", "schedulers"))
    if around.training_loader is None:
        gone.update(("batch_size", "shuffles", "updates"))
    return {key: value for key, value in recipe.items() if key not in gone}


# -- without a step: what the objects themselves tell


def _recipe(around: _Around, loss: Any, facts: dict[str, Any]) -> dict[str, Any]:
    recipe: dict[str, Any] = {}
    if loss is not None:
        recipe["losses"] = [_loss(loss, facts)]
    if around.loop.optimizers:
        recipe["optimizers"] = [entry.facts(around.names) for entry in around.loop.optimizers]
    if around.loop.scheduler is not None:
        recipe["scheduler"] = around.loop.scheduler
    if around.training_loader is not None and isinstance(around.training_loader.batch_size, int):
        recipe["batch_size"] = around.training_loader.batch_size
    return recipe


def _loss(loss: Any, facts: dict[str, Any]) -> dict[str, Any]:
    op = layer_op(loss) if isinstance(loss, nn.Module) else function_op(getattr(loss, "__name__", ""))
    known = op in KINDS
    own = getattr(loss, "__name__", type(loss).__name__)
    name = class_name(loss).removeprefix("nn.") if isinstance(loss, nn.Module) else f"F.{own}" if known else own
    found: dict[str, Any] = {"name": name}
    found["kind"] = KINDS[op] if known else {"unknown": "the loss is not one of torch's"}
    if isinstance(getattr(loss, "reduction", None), str):
        found["reduction"] = loss.reduction
    graph = facts["model"]["graph"]
    if isinstance(graph.get("outputs"), list) and len(graph["outputs"]) == 1:
        found["reads"] = graph["outputs"]
    return found


def _data(given: _Given, around: _Around, facts: dict[str, Any]) -> dict[str, Any]:
    tensors = list(each_tensor((given.args, given.kwargs)))
    if not tensors:
        return {}
    described = []
    for tensor in tensors:
        sample, _ = around.sample(tensor)
        described.append(profile.describe_input(tensor, sample, None))
    found: dict[str, Any] = {"features": described}
    if given.target is not None:
        sample, _ = around.sample(given.target)
        found["target"] = profile.describe_target(given.target, sample, "data")
    if given.loader is not None and (size := profile.size_of(given.loader)) is not None:
        found["samples"] = size
    return found

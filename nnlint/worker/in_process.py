"""Describe a model that lives in this process, with the user's own data, loss and optimizer. Nothing of it is touched.

The forward, the loss and its gradient run on a copy; data are read by index, never through the user's iterator; the
random states are given back.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from . import profile
from .describe import describe
from .devices import Watch
from .handed_over import Given
from .iteration import Iteration, Sample
from .losses import KINDS
from .observe import Observer
from .operations import class_name, function_op, layer_op
from .rebuilt import Read, rebuilt
from .sites import KEY, site, told
from .subjects import facts_of
from .trainers import unpack
from .values import each_tensor

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
    read: Read | None = None,
) -> dict[str, Any]:
    """Return a `Facts` dict of `model`.

    `inputs` is a tensor, a tuple or dict of them, or specs (`"2x1x28x28"`); `data` a DataLoader, a Dataset or a pair
    of tensors or arrays; `loss` is called as `loss(output, target)`. `read` says what a source assigns: with it layers
    that nobody saw being built are looked up. Raises ValueError where an argument cannot be used.
    """
    target = target or class_name(model).removeprefix("nn.")
    held = unpack(model)
    model, data = held.model, held.data if data is None else data
    with profile.same_random_state(), told(rebuilt(model, read) if read is not None else {}):
        given = Given(inputs, data)
        own = held.own_loss and loss is None and bool(given.drawn)
        steps = (own or (loss is not None and given.target is not None)) and _can_copy(model)

        def describing(probe: bool) -> dict[str, Any]:
            return describe(
                model, target=target, path=path, inputs=given.args, kwargs=given.kwargs, specs=given.specs, probe=probe
            )

        facts = describing(probe=not steps)  # a step tells more than a probe
        around = _Around(given)
        if optimizer is not None or held.twin is None:
            around.know(model, optimizer or held.optimizer, scheduler or held.scheduler)
        else:
            around.know(held.twin, held.optimizer, scheduler or held.scheduler)
        if steps:
            seen = _one_step(model, around, None if own else loss, target, path)
            if seen is not None:
                seen["subject"].update({key: facts["subject"][key] for key in ("guessed",) if key in facts["subject"]})
                seen["model"]["modules"] = facts["model"]["modules"]
                seen["recipe"] = _with(seen["recipe"], held.recipe)
                return seen
            facts = describing(probe=True)
        recipe = _with(_recipe(around, loss, facts), held.recipe)
        if recipe:
            facts["recipe"] = recipe
        described = _data(given, around, facts)
        if described:
            facts["data"] = described
        return facts


def _with(recipe: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with what a trainer says of itself where nothing else tells."""
    return {**said, **recipe}


class _Around(Observer):
    """What would have been observed, had the user's loop been watched."""

    def __init__(self, given: Given) -> None:
        super().__init__(1, Watch())
        self.given = given
        if given.loader is not None and "_nnlint_ours" not in given.loader.__dict__:
            self.loaders.training = given.loader
        self.names: dict[int, str] = {}
        self.whole: nn.Module | None = None

    def know(self, model: nn.Module, optimizer: torch.optim.Optimizer | None, scheduler: Any) -> None:
        """Take in the optimizer and the scheduler."""
        self.names = {id(p): name for name, p in model.named_parameters()}
        if optimizer is not None:
            self.loop.built(optimizer, None, None)
        if scheduler is not None:
            self.loop.schedules.add(scheduler)

    def outermost(self, module: nn.Module) -> nn.Module:
        """Return what the user handed over where `module` is a part of it, else the module itself."""
        parts = self.whole.modules() if self.whole is not None else ()
        return self.whole if self.whole is not None and any(part is module for part in parts) else module

    def sample(self, tensor: torch.Tensor) -> Sample:
        """Return what reads rows of the data set that the batch was drawn from."""
        loader = self.given.loader
        if loader is not None:
            for place, drawn in enumerate(self.given.drawn):
                if drawn is tensor:
                    return partial(profile.from_dataset, loader, place, tensor), profile.size_of(loader)
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
        twin = _with_sites(copy.deepcopy(model), model).cpu().train()
        meter = copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss
        around.whole = twin
    except Exception:  # a model may hold what cannot be copied
        return None
    iteration = Iteration(around)
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a module may miss its trainer
        iteration.enter()
        try:
            if meter is not None:
                value = meter(twin(*(given.args or ()), **(given.kwargs or {})), given.target)
            elif callable(training_step := getattr(twin, "training_step", None)):
                value = _loss_in(training_step(given.batch, 0))
            else:
                value = _loss_in(twin(**given.batch))
            iteration.backward(value, first=True)
            value.backward()
        except Exception:  # the forward or the loss of the user's does not take this batch
            return None
        finally:
            iteration.leave()
    if not iteration.losses or not iteration.models:
        return None
    iteration.settle(reading=True)
    around.iterations.append(iteration)
    around.calls.append((twin, given.args or (), given.kwargs or {}))
    _forget_our_calls(iteration, loss)
    facts = facts_of(around, iteration, twin, target, path, names=around.names, guarded=lambda act: act())
    return {**facts, "recipe": _told(facts["recipe"], around)}


def _with_sites(twin: nn.Module, model: nn.Module) -> nn.Module:
    """Let the modules of a copy carry where those of the model were built."""
    for module, own in zip(twin.modules(), model.modules()):
        if (span := site(own)) is not None and type(module) is type(own):
            module.__dict__[KEY] = span
    return twin


def _loss_in(step: Any) -> Any:
    """Return the loss that a training step or a model with labels gives."""
    if isinstance(step, torch.Tensor):
        return step
    return step["loss"] if isinstance(step, Mapping) else step.loss


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


def _data(given: Given, around: _Around, facts: dict[str, Any]) -> dict[str, Any]:
    tensors = list(each_tensor((given.args, given.kwargs)))
    if not tensors:
        return {}
    described = []
    for tensor in tensors:
        sample, _ = around.sample(tensor)
        described.append(profile.describe_input(tensor, sample() if sample else None, None))
    found: dict[str, Any] = {"features": described}
    if given.target is not None:
        sample, _ = around.sample(given.target)
        found["target"] = profile.describe_target(given.target, sample() if sample else None, "data")
    if given.loader is not None and (size := profile.size_of(given.loader)) is not None:
        found["samples"] = size
    return found

"""Turn what was observed of a training script into facts: one subject for each model that is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from . import profile
from .ignored import ignored
from .inference import random_in_eval
from .inputs import Inputs
from .iteration import Iteration
from .naming import unique
from .observe import Observer
from .operations import class_name
from .parameters import describe_parameters
from .probe import probe_samples
from .sites import site
from .structure import describe_model
from .training_facts import recipe_facts

NodeDict = dict[str, Any]


Guard = Callable[[Callable[[], dict[str, Any]]], dict[str, Any]]
"""Runs code of the user's within its limits."""


def observed(observer: Observer, target: str, path: str, guarded: Guard | None = None) -> list[dict[str, Any]]:
    """Return a `Facts` dict for each trained model, none where no training was seen.

    `guarded` runs a copy of a model once more; without it nothing is run.
    """
    iteration = observer.first
    if iteration is None:
        return []
    kept = _connected(iteration)
    trained = [m for m in iteration.models if _has_part(iteration, m, kept) and next(m.parameters(), None) is not None]
    names = unique([iteration.names.get(id(model)) or class_name(model) for model in trained])
    return [
        facts_of(observer, iteration, model, f"{target}:{name}", path, guarded=guarded)
        for model, name in zip(trained, names)
    ]  # fmt: skip


def facts_of(
    observer: Observer,
    iteration: Iteration,
    model: nn.Module,
    target: str,
    path: str | None,
    names: dict[int, str] | None = None,
    guarded: Guard | None = None,
) -> dict[str, Any]:
    """Return a `Facts` dict. `names` are the optimized parameters by identity, where they are not the model's own."""
    iteration.settle()
    kept = _connected(iteration)
    nodes = _nodes(iteration, model, kept)
    outputs = sorted({o for call in iteration.calls if call["model"] is model for o in call["outputs"] if o in kept})
    stepped = {id(p) for entry in observer.loop.optimizers for p in entry.parameters()}
    own_calls = [node for node in iteration.recorder.nodes if iteration.model_of(node["id"]) is model]
    described = describe_model(
        model, {"nodes": nodes, "outputs": outputs}, values=False, stepped=stepped, passed=own_calls
    )
    described["parameters"] = iteration.parameters.get(id(model)) or describe_parameters(model)
    fresh = _fresh(observer, model, id(model) in iteration.parameters)
    described["fresh"] = (
        fresh if fresh is not None else {"unknown": "an optimizer had stepped before the model was first seen"}
    )
    losses = [found for found in iteration.losses if _concerns(iteration, found, model)]
    subject = {
        "id": target,
        "target": target,
        "path": path,
        "status": "traced",
        "input": _inputs(iteration, model),
        "nodes": len(nodes),
        "parameters": sum(p.numel() for p in model.parameters() if not nn.parameter.is_lazy(p)),
    }
    facts: dict[str, Any] = {"subject": subject, "model": described}
    own = {id(p): name for name, p in model.named_parameters()}
    facts["recipe"] = recipe_facts(observer, iteration, model, losses, own if names is None else names)
    facts["data"] = _data(observer, iteration, model, losses)
    facts["probe"] = _probe(iteration, losses)
    again = _again(observer, iteration, model, guarded) if guarded is not None else {}
    if "random" in again:
        described["random_in_eval"] = again.pop("random")
    described["ignored"] = _ignored(iteration, model)
    if again:
        facts["probe"] = {"seeds": 1, **(facts["probe"] or {}), **again}
    return {key: value for key, value in facts.items() if value is not None}


# -- the graph


def _connected(iteration: Iteration) -> set[int]:
    """Return the ids of the calls that values tie to a loss: a forward made for another purpose is left out."""
    nodes = iteration.nodes
    near: dict[int, list[int]] = {i: [] for i in nodes}
    for node in nodes.values():
        for source in node.get("inputs", []):
            near[node["id"]].append(source)
            if nodes[source]["kind"] != "constant":
                near[source].append(node["id"])
    seen: set[int] = set()
    todo = [found["node"] for found in iteration.losses]
    while todo:
        i = todo.pop()
        if i not in seen:
            seen.add(i)
            if nodes[i]["kind"] != "constant":
                todo.extend(near[i])
    return {i for i in seen if i <= iteration.last}


def _nodes(iteration: Iteration, model: nn.Module, kept: set[int]) -> list[NodeDict]:
    """Return the calls as this model sees them: another model's are calls outside of it."""
    found = []
    for i, node in iteration.nodes.items():
        if i not in kept:
            continue
        if iteration.model_of(i) not in (None, model):
            node = {key: value for key, value in node.items() if key not in ("module", "parameters")}
        found.append(node)
    return found


def _has_part(iteration: Iteration, model: nn.Module, kept: set[int]) -> bool:
    return any(iteration.model_of(i) is model for i in kept)


def _concerns(iteration: Iteration, found: dict[str, Any], model: nn.Module) -> bool:
    """Whether a loss reads a value that comes from `model`."""
    nodes, todo, seen = iteration.nodes, [found["node"]], set()
    while todo:
        i = todo.pop()
        if i in seen:
            continue
        seen.add(i)
        if iteration.model_of(i) is model:
            return True
        todo.extend(nodes[i].get("inputs", []))
    return False


def _inputs(iteration: Iteration, model: nn.Module) -> list[str]:
    call = next((c for c in iteration.calls if c["model"] is model), None)
    given = [g for i in (call["inputs"] if call else []) for g in iteration.nodes[i].get("gives", [])[:1]]
    return ["x".join(str(n) for n in g["shape"]) + f":{g['dtype']}" for g in given]


def _fresh(observer: Observer, model: nn.Module, before: bool) -> bool | None:
    """Whether the parameters are as initialized; None where that is not known."""
    modules = list(model.modules())
    if any(module in observer.loads.modules for module in modules):
        return False
    if getattr(getattr(model, "config", None), "_name_or_path", ""):  # transformers' from_pretrained
        return False
    if observer.watched and all(site(module) is None for module in modules):  # unpickled, not constructed
        return False
    return True if before else None


# -- data and probe


def _data(
    observer: Observer, iteration: Iteration, model: nn.Module, losses: list[dict[str, Any]]
) -> dict[str, Any] | None:
    facts: dict[str, Any] = {}
    features = iteration.features.get(id(model))
    if features:
        facts["features"] = features
    target = next((found["loss"]["compares"] for found in losses if "compares" in found["loss"]), None)
    if target is not None:
        facts["target"] = target
    samples = iteration.samples
    if observer.training_loader is not None:
        samples = profile.size_of(observer.training_loader)
    if samples is not None:
        facts["samples"] = samples
    facts.update(observer.held_back.facts)
    return facts or None


def _probe(iteration: Iteration, losses: list[dict[str, Any]]) -> dict[str, Any] | None:
    told = [found for found in losses if found["first"] and found["loss"].get("reads")]
    if len(told) != 1 or len(told[0]["loss"]["reads"]) != 1:
        return None
    return iteration.signals.probe(iteration.recorder.nodes, told[0]["loss"]["reads"][0], told[0]["value"])


def _ignored(iteration: Iteration, model: nn.Module) -> Any:
    """Return which inputs of the first call neither an output of the model nor a loss depends on."""
    call = next((c for c in iteration.calls if c["model"] is model), None)
    given = next(((args, kwargs) for kept, args, kwargs in iteration.given if kept is model), None)
    if call is None or given is None or len([c for c in iteration.calls if c["model"] is model]) > 1:
        return {"unknown": "the model was not called once, as a whole"}
    ends = [*call["outputs"], *(found["node"] for found in iteration.losses)]
    return ignored(model, *given, iteration.nodes, call["inputs"], ends)


def _again(observer: Observer, iteration: Iteration, model: nn.Module, guarded: Guard) -> dict[str, Any]:
    """Return what a copy of the trained model tells of its samples, run once more on what it was first called with."""
    called = next(((args, kwargs) for kept, args, kwargs in (*iteration.given, *observer.calls) if kept is model), None)
    if called is None or "forward" in vars(model):
        return {}
    inputs = Inputs(tuple(called[0]), dict(called[1]))
    own = [node for node in iteration.recorder.nodes if iteration.model_of(node["id"]) is model]
    try:
        found = guarded(lambda: probe_samples(model, inputs, own))
        found["random"] = guarded(lambda: {"at": random_in_eval(model, own, inputs.args, inputs.kwargs)})["at"]
    except BaseException:  # a limit of the user's code was reached: the rest stands without it
        return {}
    return {**found, "after": observer.loop.steps}

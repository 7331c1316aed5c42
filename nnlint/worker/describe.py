"""Everything that can be said of one model object, as plain data shaped like `nnlint.facts.Facts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from .holders import out_of_reach, overrides, walk
from .ignored import ignored
from .inference import random_in_eval
from .inputs import given_inputs, guessed_inputs
from .operations import class_name
from .probe import probe_model
from .sites import site
from .specs import parse_spec
from .structure import class_span, describe_model
from .tiers import Trace, trace

__all__ = ["describe", "parse_spec"]


def describe(
    model: nn.Module,
    *,
    target: str,
    path: str | None,
    inputs: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    specs: Sequence[str] | None = None,
    loss: Any = None,
    labels: Any = None,
    guess_inputs: bool = True,
    probe: bool = True,
    early: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the facts of one model. A model that cannot run is described as far as possible, with the reason.

    `inputs` and `kwargs` are what forward gets; else `specs` (`2x1x28x28`) are drawn; else an input is guessed.
    `early` gets the facts as soon as the model is traced, for those who may be out of time before it is probed.
    Raises ValueError for a spec that cannot be read.
    """
    if any(out_of_reach(module) for _, module in walk(model)):
        return _unwalkable(model, target, path)
    chosen = given_inputs(inputs, kwargs, specs)
    attempt: Trace | None = None
    why = "no input is known"
    if chosen is not None:
        attempt = trace(model, chosen.args, chosen.kwargs)
    elif guess_inputs:
        chosen, attempt = guessed_inputs(model)
    graph: Any = None
    invented = False
    if attempt is not None:
        why, invented = reason(attempt), attempt.complete and attempt.tier == "guess"
        if attempt.complete:
            graph = {"nodes": attempt.nodes, "outputs": sorted(set(attempt.outputs))}
    status = "traced" if graph else "partial" if attempt is not None and attempt.nodes else "structure"
    subject: dict[str, Any] = {
        "id": target,
        "target": target,
        "path": path,
        "status": status,
        "guessed": (chosen is not None and chosen.guessed) or invented,
        "input": chosen.shown if chosen is not None else [],
        "nodes": len(attempt.nodes) if attempt is not None else 0,
        "parameters": sum(p.numel() for p in model.parameters() if not is_lazy(p)),
    }
    if said := why if attempt is None or not attempt.complete else remark(attempt):
        subject["reason"] = said
    found = {"subject": subject, "model": describe_model(model, graph, why=why)}
    if early is not None:
        early.append(found)
    if graph is not None and chosen is not None:
        found["model"]["random_in_eval"] = random_in_eval(model, graph["nodes"], chosen.args, chosen.kwargs)
        by_id = {node["id"]: node for node in graph["nodes"]}
        found["model"]["ignored"] = ignored(
            model, chosen.args, chosen.kwargs, by_id, attempt.inputs if attempt else (), graph["outputs"]
        )
    if probe and graph is not None and chosen is not None:
        found["probe"] = probe_model(model, chosen, graph, loss, labels)
    return found


def _unwalkable(model: nn.Module, target: str, path: str | None) -> dict[str, Any]:
    """Return what there is to say of a model that torch itself cannot walk over."""
    why = "a method by which torch walks over the model's parts is replaced"
    described: dict[str, Any] = {
        "name": class_name(model), "span": class_span(type(model)) or site(model), "overrides": overrides(model),
        "graph": {"unknown": why},
    }  # fmt: skip
    subject = {"id": target, "target": target, "path": path, "status": "structure", "reason": why}
    return {"subject": subject, "model": described}


def remark(attempt: Trace) -> str:
    """Say what is special about a trace that completed; empty where nothing is."""
    if attempt.tier == "guess":
        return "the model asks for values that are not there: some were invented"
    return "traced in evaluation mode: in training mode the forward pass wants more" if attempt.evaluated else ""


def reason(attempt: Trace) -> str:
    """Say in one line why a forward did not complete."""
    errors = [t.error for t in (attempt, *attempt.earlier) if t.error is not None]
    if not errors:
        return "the forward pass was not traced"
    real = next((t.error for t in (attempt, *attempt.earlier) if t.tier == "real" and t.error is not None), errors[0])
    text = str(real).strip().partition("\n")[0]
    return f"forward raises {type(real).__name__}: {text}" if text else f"forward raises {type(real).__name__}"

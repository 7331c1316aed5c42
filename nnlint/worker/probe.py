"""One batch through a copy of the model at initialization, and a gradient back: what its activations carry.

Nothing is trained and the model itself is not touched. Normalizations see a batch (training mode), dropout is off.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .dependence import MIXING, batches, dependence, trainable_names
from .inputs import Inputs
from .operations import DROPOUTS, layer_op
from .paths import hidden_activations, logits_of
from .positions import SEEING, positions
from .recorder import NodeDict, Recorder
from .swap import undisturbed
from .values import each_tensor, map_tensors

LARGEST = 50_000_000
"""Parameters up to which a model is probed."""

SECONDS = 1.0
"""Wall time that a larger drawn batch may take."""

BATCH = 64

_MASKING = -1e4
"""Values as low as this and all alike are a mask's."""


def probe_model(
    model: nn.Module, inputs: Inputs, graph: dict[str, Any], loss: Callable[..., Any] | None = None, labels: Any = None
) -> dict[str, Any]:
    """Return a dict shaped as `nnlint.facts.Probe`, with the reason where the probe cannot be taken."""
    why = cannot(model)
    found: dict[str, Any] = {}
    twin: nn.Module | None = None
    if why is None:
        with undisturbed(), torch.enable_grad():
            try:
                twin = _copy(model)
                found = _probe(twin, inputs, graph, loss, labels)
            except _GivesUp as reason:
                why = str(reason)
            except Exception as error:
                text = str(error).partition(chr(10))[0]
                why = f"the forward pass on a drawn batch raises {type(error).__name__}: {text}"
            if twin is not None:
                found.update(dependence(twin, batches(inputs), graph["nodes"], trainable_names(model)))
    missing = {key: {"unknown": why} for key in ("signals", "prediction", "loss", *MIXING)} if why else {}
    return {**missing, **found}


def probe_samples(model: nn.Module, inputs: Inputs, nodes: Sequence[NodeDict]) -> dict[str, Any]:
    """Return only the keys that say how samples depend on each other; `nodes` are the calls of this model."""
    why = cannot(model)
    if why is None:
        try:
            with undisturbed(), torch.enable_grad():
                found = dependence(_copy(model), batches(inputs), nodes, trainable_names(model))
                return {**found, **positions(lambda: _copy(model), inputs.args, inputs.kwargs, nodes)}
        except _GivesUp as reason:
            why = str(reason)
    return {key: {"unknown": why} for key in (*MIXING, *SEEING)}


def cannot(model: nn.Module) -> str | None:
    """Say why a model cannot be probed, None where it can."""
    parameters = list(model.parameters())
    if any(is_lazy(p) for p in parameters):
        return "the model has lazy layers"
    if any(p.device.type == "meta" for p in parameters):
        return "the model is on the meta device and has no values"
    if sum(p.numel() for p in parameters) > LARGEST:
        return f"the model has more than {LARGEST // 1_000_000} million parameters"
    return None


class _GivesUp(Exception):
    """The probe cannot be taken, for a reason that is said."""


def _probe(twin: nn.Module, inputs: Inputs, graph: dict[str, Any], loss: Any, labels: Any) -> dict[str, Any]:
    nodes = graph["nodes"]
    prediction = logits_of(graph)
    if prediction is None:
        raise _GivesUp("the model gives no floating point output")
    watched = hidden_activations(graph, prediction)
    started = time.perf_counter()
    runs = [_run(twin, inputs, nodes, watched, prediction, loss, labels)]
    if inputs.drawn_from is not None and labels is None:
        spent = time.perf_counter() - started
        size = int(min(BATCH, SECONDS * (inputs.batch or 1) / max(spent, 1e-6) / 2))
        for seed in (1, 2) if size >= 4 else ():
            larger = inputs.with_batch(size, seed)
            try:
                run = _run(twin, larger, nodes, watched, prediction, loss, labels) if larger else None
            except Exception:
                break  # the first axis is not the batch's, or not of every input: the first run stands
            if run is not None:
                runs = [run] if seed == 1 else [*runs, run]
    return {**_average(runs, watched, prediction), "drawn": inputs.drawn_from is not None}


def _copy(model: nn.Module) -> nn.Module:
    try:
        twin = copy.deepcopy(model)
    except Exception as error:
        raise _GivesUp(f"the model cannot be copied ({type(error).__name__})") from error
    twin.to("cpu").train()
    for module in twin.modules():
        if layer_op(module) in DROPOUTS:
            module.eval()
    for parameter in twin.parameters():
        parameter.grad = None
        parameter.requires_grad_(parameter.is_floating_point())
    return twin


def _run(
    twin: nn.Module,
    inputs: Inputs,
    nodes: Sequence[NodeDict],
    watched: Sequence[int],
    prediction: int,
    loss: Any,
    labels: Any,
) -> dict[str, Any]:
    """Run once and return {"loss": float or None, node id: {"std", "rms", "dead", "gradient"}}."""
    torch.manual_seed(0)
    wanted = {*watched, prediction}
    found: dict[Any, Any] = {"loss": None}
    kept: dict[int, torch.Tensor] = {}

    def look(node: NodeDict, _: list[torch.Tensor], gives: list[torch.Tensor]) -> None:
        place = node["id"]
        if place >= len(nodes) or nodes[place]["op"] != node["op"]:
            raise _GivesUp("the forward pass on values takes another way than the one traced")
        if place in wanted and gives and gives[0].is_floating_point():
            kept[place] = gives[0]
            entry = found[place] = measure(gives[0].detach())
            if gives[0].requires_grad:
                _watch(gives[0], entry)

    recorder = Recorder(on_node=look)
    recorder.adopt(twin)
    args = map_tensors(list(inputs.args), _own)
    kwargs = map_tensors(dict(inputs.kwargs), _own)
    with recorder:
        out = twin(*args, **kwargs)
    recorder.release()
    if prediction not in kept:
        raise _GivesUp("the forward pass on values takes another way than the one traced")
    goal = _goal(kept[prediction], out, loss, labels, found)
    if goal.requires_grad:
        goal.backward()  # type: ignore[no-untyped-call]
    return found


def _watch(tensor: Any, entry: dict[str, float]) -> None:
    """Note the norm of the gradient when it arrives."""

    def note(gradient: torch.Tensor) -> None:
        entry["gradient"] = float(gradient.norm())

    tensor.register_hook(note)


def _own(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone()


def _goal(prediction: torch.Tensor, out: Any, loss: Any, labels: Any, found: dict[Any, Any]) -> torch.Tensor:
    """Return what the gradient is taken of: the user's loss where it is known, else a random direction."""
    if loss is not None and labels is not None:
        value = loss(out, labels)
        found["loss"] = float(value)
        return next(each_tensor(value))
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(prediction.shape, generator=generator, dtype=torch.float32)
    return (prediction.float() * direction).mean()


def measure(values: torch.Tensor) -> dict[str, float]:
    """Return std over the batch (averaged over units), rms, and the share of units that are zero for every sample.

    Values that a mask has filled with one very low number (scores before a softmax) are left out of std and rms.
    """
    values = values.float()
    dead = silent(values)
    seen = _without_mask(values)
    if seen is not values:
        spread = (seen - seen.nanmean(0)).square().nanmean(0).sqrt().nanmean().nan_to_num()
        return {"std": float(spread), "rms": float(seen.square().nanmean().sqrt()), "dead": dead}
    spread = _spread(values) if values.dim() and values.shape[0] > 1 else torch.zeros(())
    return {"std": float(spread), "rms": float(values.square().mean().sqrt()), "dead": dead}


def silent(values: torch.Tensor) -> float:
    """Return the share of units that are zero for every sample."""
    axis = 1 if values.dim() > 3 else values.dim() - 1
    others = [i for i in range(values.dim()) if i != axis]
    if values.numel() == 0:
        return 0.0
    zero = (values.amax(others) == 0) & (values.amin(others) == 0) if others else values == 0
    return float(zero.float().mean())


def _spread(values: torch.Tensor) -> torch.Tensor:
    """Return the mean of `values.std(0)`, in whole passes over memory: torch's own walks along the first axis."""
    off = values - values.mean(0)
    return off.square_().sum(0).div_(values.shape[0] - 1).sqrt_().mean()


def _without_mask(values: torch.Tensor) -> torch.Tensor:
    """Return the values with nan where a mask stands; the very same tensor where there is none."""
    low = float(values.min()) if values.numel() else 0.0
    if low > _MASKING:
        return values
    masked = values < low / 2 if math.isfinite(low) else values == low
    alike = not math.isfinite(low) or float(values[masked].max()) <= 0.99 * low
    return values.masked_fill(masked, math.nan) if alike and not masked.all() else values


def _average(runs: Sequence[dict[Any, Any]], watched: Sequence[int], prediction: int) -> dict[str, Any]:
    signals = [_signal(runs, node) for node in watched if all(node in run for run in runs)]
    losses = [run["loss"] for run in runs if run["loss"] is not None]
    found: dict[str, Any] = {"signals": signals, "prediction": _signal(runs, prediction), "seeds": len(runs)}
    found["loss"] = sum(losses) / len(losses) if losses else {"unknown": "no loss and labels are known"}
    return found


def _signal(runs: Sequence[dict[Any, Any]], node: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"node": node}
    for key in ("std", "rms", "dead", "gradient"):
        known = [run[node][key] for run in runs if key in run[node]]
        if known:
            entry[key] = sum(known) / len(known)
    return entry

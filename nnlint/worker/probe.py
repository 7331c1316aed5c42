"""One batch through a copy of the model at initialization, and a gradient back: what its activations carry.

Nothing is trained and the model itself is not touched. Normalizations see a batch (training mode), dropout is off.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import get_gradient_edge
from torch.nn.parameter import is_lazy

from .budget import Budget, Load, OutOfTime
from .dependence import MIXING, dependence, trainable_names
from .inputs import Inputs
from .operations import DROPOUTS, layer_op
from .paths import hidden_activations, logits_of
from .positions import SEEING, positions, without_ids
from .recorder import NodeDict, Recorder
from .samples import Batch, few
from .swap import undisturbed
from .values import each_tensor, map_tensors

LARGEST = 150_000_000
"""Parameters up to which a model is probed."""

BATCH = 64
"""Samples that are drawn, where that many do not cost too much."""

_LEAST = 0.4
"""Share of the time that is left for the other questions."""

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
        load = Load(model, graph["nodes"], inputs.batch)
        budget = Budget(load)
        with undisturbed(), torch.enable_grad():
            try:
                twin = _copy(model)
                found = _probe(twin, inputs, graph, loss, labels, budget, load)
            except (_GivesUp, OutOfTime) as reason:
                why = str(reason)
            except Exception as error:
                text = str(error).partition(chr(10))[0]
                why = f"the forward pass on a drawn batch raises {type(error).__name__}: {text}"
            if twin is not None:
                samples = few(inputs, load.heavy)
                found.update(dependence(twin, samples, graph["nodes"], trainable_names(model), budget))
    missing = {key: {"unknown": why} for key in ("signals", "prediction", "loss", *MIXING)} if why else {}
    return {**without_ids(inputs.args, inputs.kwargs), **missing, **found}


def probe_samples(model: nn.Module, inputs: Inputs, nodes: Sequence[NodeDict]) -> dict[str, Any]:
    """Return only the keys that say how samples depend on each other; `nodes` are the calls of this model."""
    why = cannot(model)
    if why is None:
        load = Load(model, nodes, inputs.batch)
        budget = Budget(load)
        try:
            with undisturbed(), torch.enable_grad():
                samples = few(inputs, load.heavy)
                found = dependence(_copy(model), samples, nodes, trainable_names(model), budget)
                return {**found, **positions(lambda: _copy(model), inputs.args, inputs.kwargs, nodes, budget)}
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


def _probe(
    twin: nn.Module, inputs: Inputs, graph: dict[str, Any], loss: Any, labels: Any, budget: Budget, load: Load
) -> dict[str, Any]:
    prediction = logits_of(graph)
    if prediction is None:
        raise _GivesUp("the model gives no floating point output")
    watched = hidden_activations(graph, prediction)
    asked = _Asked(graph["nodes"], watched, prediction, loss, labels, budget)
    runs: list[dict[Any, Any]] = []
    for batch in _drawn(inputs, load) if labels is None else ():
        if runs and budget.left < _LEAST * budget.seconds:
            break
        try:
            runs.append(_run(twin, batch, asked))
        except OutOfTime:
            if not runs:
                raise
            break
        except Exception:
            break  # the first axis is not the batch's, or not of every input: the inputs as they are stand
    if not runs:
        runs = [_run(twin, Batch(inputs.args, inputs.kwargs), asked)]
    return {**_average(runs, watched, prediction), "drawn": inputs.drawn_from is not None}


def _drawn(inputs: Inputs, load: Load) -> Iterator[Batch]:
    """Yield two batches with as many samples as may be run; of inputs that were not drawn those that may be run."""
    own = Batch(inputs.args, inputs.kwargs)
    if inputs.drawn_from is None:
        size = load.samples(own.samples, 2)
        if size < own.samples:
            yield own.cut(size)
        return
    size = load.samples(BATCH, inputs.batch or 1)
    for seed in (1, 2):
        drawn = inputs.with_batch(size, seed)
        if drawn is not None:
            yield Batch(drawn.args, drawn.kwargs)


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


@dataclass(frozen=True)
class _Asked:
    """What a run is asked for: figures of the nodes `watched` and `prediction`."""

    nodes: Sequence[NodeDict]
    watched: Sequence[int]
    prediction: int
    loss: Any
    labels: Any
    budget: Budget


def _run(twin: nn.Module, batch: Batch, asked: _Asked) -> dict[Any, Any]:
    """Run once and return {"loss": float or None, node id: {"std", "rms", "dead", "gradient"}}."""
    torch.manual_seed(0)
    nodes, prediction, budget = asked.nodes, asked.prediction, asked.budget
    wanted = {*asked.watched, prediction}
    found: dict[Any, Any] = {"loss": None}
    kept: dict[int, torch.Tensor] = {}
    edges: dict[int, Any] = {}

    def look(node: NodeDict, _: list[torch.Tensor], gives: list[torch.Tensor]) -> None:
        place = node["id"]
        if place >= len(nodes) or nodes[place]["op"] != node["op"]:
            raise _GivesUp("the forward pass on values takes another way than the one traced")
        budget.keep(_LEAST)
        if place in wanted and gives and gives[0].is_floating_point():
            kept[place] = gives[0]
            found[place] = measure(gives[0].detach())
            if gives[0].requires_grad:
                edges[place] = get_gradient_edge(gives[0])

    recorder = Recorder(on_node=look)
    recorder.adopt(twin)
    args = map_tensors(list(batch.args), _own)
    kwargs = map_tensors(dict(batch.kwargs), _own)
    budget.expect(batch.samples)
    left = budget.left
    with recorder:
        out = twin(*args, **kwargs)
    budget.pace = (left - budget.left) / max(1, batch.samples)
    recorder.release()
    if prediction not in kept:
        raise _GivesUp("the forward pass on values takes another way than the one traced")
    goal = _goal(kept[prediction], out, asked.loss, asked.labels, found)
    if goal.requires_grad and edges:
        # Of the activations alone: gradients of the weights take as long again, and as much memory as the model.
        arrived = torch.autograd.grad(goal, list(edges.values()), allow_unused=True)
        for place, gradient in zip(edges, arrived):
            if gradient is not None:
                found[place]["gradient"] = float(gradient.norm())
    return found


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

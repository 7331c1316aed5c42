"""Does each sample's output come from that sample alone? Asked of a copy of the model, in evaluation mode.

One sample's values are replaced by another's, and the outputs of all the others must stay what they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from .inputs import Inputs
from .recorder import NodeDict, Recorder
from .values import each_tensor, map_tensors

SIZES = (6, 7, 5, 11)
"""Numbers of samples; the first that is the length of no other axis is taken, so that axes are not confused."""

SECONDS = 3.0
"""Wall time that one forward pass may take."""

FURTHER = 1.0
"""Wall time after which no further sample is changed."""

_CALLS = ("layer", "function")

_LARGEST = 20_000_000
"""Entries of an activation up to which it is looked at."""

MIXING = ("mixes", "constant", "unreached", "unmoved")
"""The keys of a `Probe` dict that come from here."""

Call = tuple[tuple[Any, ...], dict[str, Any]]
Found = dict[str, Any]


def dependence(twin: nn.Module, calls: Sequence[Call], nodes: Sequence[NodeDict], trainable: set[str]) -> Found:
    """Return the keys `MIXING` of a `Probe` dict.

    `twin` is a copy that may be put in evaluation mode and whose parameters all require gradients; `calls` are the
    inputs to try, best first: the first that runs is used. `nodes` is the traced graph (its first calls are this
    model's forward), `trainable` the names of the parameters that the model itself trains.
    """
    twin.eval()
    why = "no input has a first axis of two samples or more"
    for args, kwargs in calls:
        samples = _samples(args, kwargs)
        if samples < 2:
            continue
        try:
            return _Question(twin, args, kwargs, samples, nodes).answer(trainable)
        except _Unanswered as reason:
            why = str(reason)
        except Exception as error:
            why = f"in evaluation mode the forward pass raises {type(error).__name__}"
    return {key: {"unknown": why} for key in MIXING}


def trainable_names(model: nn.Module) -> set[str]:
    """Return the names of the parameters that training changes."""
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def batches(inputs: Inputs) -> list[Call]:
    """Return a few samples, then the batch as it is: a model may insist on its size."""
    whole: Call = (inputs.args, inputs.kwargs)
    others = {n for t in each_tensor(whole) for n in t.shape[1:]}
    size = next((n for n in SIZES if n not in others), SIZES[0])
    drawn = inputs.with_batch(size, 3)
    if drawn is not None:
        return [(drawn.args, drawn.kwargs), whole]
    samples = _samples(*whole)

    def cut(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[:size] if tensor.dim() and tensor.shape[0] == samples else tensor

    few = [(tuple(map_tensors(list(inputs.args), cut)), map_tensors(dict(inputs.kwargs), cut))]
    return [*(few if samples > size else ()), whole]


def _samples(args: Any, kwargs: Any) -> int:
    """Return the length of the first axis of the first input that has one."""
    return next((int(t.shape[0]) for t in each_tensor((args, kwargs)) if t.dim()), 0)


class _Unanswered(Exception):
    """It cannot be told, for a reason that is said."""


class _Question:
    """One batch, run as it is and with one sample changed."""

    def __init__(self, twin: nn.Module, args: Any, kwargs: Any, samples: int, nodes: Sequence[NodeDict]) -> None:
        self.twin, self.args, self.kwargs, self.samples = twin, args, kwargs, samples
        self.nodes = [node for node in nodes if node["kind"] in _CALLS and node.get("module") is not None]
        self.batched = [t for t in each_tensor((args, kwargs)) if t.dim() and t.shape[0] == samples]

    def answer(self, trainable: set[str]) -> Found:
        """Return what was found out."""
        started = time.perf_counter()
        outs = self._run(lambda t: t)
        if time.perf_counter() - started > SECONDS:
            raise _Unanswered("the forward pass takes too long")
        found = self._gradients(outs, trainable)
        before = self._rows(outs)
        size, spread = float(before.abs().max()), float((before - before.mean(0)).abs().max())
        equal = all(torch.equal(t[:1].expand_as(t), t) for t in self.batched)
        found["constant"] = {"unknown": "all samples are equal"} if equal else spread <= 1e-6 * size
        found["mixes"] = {"unknown": "all samples are equal"} if equal else None
        limit = max(1e-4 * spread, 1e-5 * size)
        for changed in () if equal else dict.fromkeys((0, self.samples - 1, self.samples // 2)):
            with torch.no_grad():
                outs = self._run(self._with(changed))
            moved = (self._rows(outs) - before).abs().nan_to_num().amax(1)
            moved[changed] = 0
            if float(moved.max()) > limit:
                with torch.no_grad():
                    marks, again = self._marked(lambda t: t)
                    after_marks, _ = self._marked(self._with(changed))
                if not torch.equal(self._rows(again), before):
                    raise _Unanswered("two runs on the same batch differ")
                found["mixes"] = {
                    "changed": changed, "moved": int(moved.argmax()), "by": float(moved.max()), "spread": spread,
                    "share": int((moved > limit).sum()) / (self.samples - 1), "samples": self.samples,
                    "node": self._first(marks, after_marks, changed),
                }  # fmt: skip
                break
            if time.perf_counter() - started > FURTHER:
                break
        return found

    def _run(self, change: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        """Return the outputs for the batch as `change` makes it."""

        def own(tensor: torch.Tensor) -> torch.Tensor:
            return change(tensor.detach().to("cpu")).clone()

        args, kwargs = map_tensors(list(self.args), own), map_tensors(dict(self.kwargs), own)
        torch.manual_seed(0)
        return [t for t in each_tensor(self.twin(*args, **kwargs)) if t.is_floating_point()]

    def _marked(
        self, change: Callable[[torch.Tensor], torch.Tensor]
    ) -> tuple[dict[int, torch.Tensor], list[torch.Tensor]]:
        """Return a mark of each sample's values at each call, and the outputs: slower, asked where samples mix."""
        marks: dict[int, torch.Tensor] = {}
        expected = iter(self.nodes)

        def look(node: NodeDict, _: list[torch.Tensor], gives: list[torch.Tensor]) -> None:
            nonlocal expected
            traced = next(expected, None) if node["kind"] in _CALLS else None
            if traced is None:
                return
            if traced["op"] != node["op"]:
                expected = iter(())  # another way than the one traced: from here on no call is known
                return
            if gives and gives[0].dim() and gives[0].shape[0] == self.samples and 0 < gives[0].numel() <= _LARGEST:
                marks[traced["id"]] = _mark(gives[0].detach())

        recorder = Recorder(on_node=look)
        recorder.adopt(self.twin)
        with recorder:
            outs = self._run(change)
        recorder.release()
        return marks, outs

    def _rows(self, outs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the outputs as one row for each sample."""
        fitting = [t.detach().reshape(self.samples, -1) for t in outs if t.dim() and t.shape[0] == self.samples]
        rows = torch.cat([t.double() for t in fitting if t.numel()], 1) if fitting else None
        if rows is None or not rows.numel():
            raise _Unanswered("no output has the samples as its first axis")
        if not rows.isfinite().all():
            raise _Unanswered("the outputs are not finite")
        return rows

    def _with(self, changed: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return how to put another sample's values into sample `changed`, in all inputs at once."""
        others = [(changed + step) % self.samples for step in range(1, self.samples)]
        source = max(others, key=lambda i: sum(not torch.equal(t[i], t[changed]) for t in self.batched))

        def change(tensor: torch.Tensor) -> torch.Tensor:
            if not tensor.dim() or tensor.shape[0] != self.samples:
                return tensor
            tensor = tensor.clone()
            tensor[changed] = tensor[source].clone()
            return tensor

        return change

    def _first(self, before: dict[int, torch.Tensor], after: dict[int, torch.Tensor], changed: int) -> int | None:
        """Return the first call at which another sample than the changed one moves."""
        for place in sorted(before.keys() & after.keys()):
            one, other = before[place], after[place]
            moved = ((one - other).abs() > 1e-5 * (one.abs() + other.abs())).any(1)
            moved[changed] = False
            if moved.any():
                return place
        return None

    def _gradients(self, outs: Sequence[torch.Tensor], trainable: set[str]) -> Found:
        """Return which parameters no output depends on, and which get a gradient of zeros."""
        goals = [t for t in outs if t.requires_grad and t.numel()]
        names, parameters = [], []
        for name, parameter in self.twin.named_parameters():
            if name in trainable and parameter.requires_grad:
                names.append(name)
                parameters.append(parameter)
        if not goals or not parameters:
            return {key: {"unknown": "no output carries a gradient"} for key in ("unreached", "unmoved")}
        generator = torch.Generator().manual_seed(0)
        ways = [torch.randn(t.shape, generator=generator).to(t.dtype) for t in goals]
        # The gradient of a number: for that of tensors, torch imports sympy, which takes longer than most models.
        goal = torch.stack([(t * way).sum().double() for t, way in zip(goals, ways)]).sum()
        found = torch.autograd.grad(goal, parameters, allow_unused=True)
        return {
            "unreached": [n for n, g in zip(names, found) if g is None],
            "unmoved": [n for n, g in zip(names, found) if g is not None and not g.any()],
        }


def _mark(values: torch.Tensor) -> torch.Tensor:
    """Return three numbers for each sample that other values would change."""
    rows = values.reshape(values.shape[0], -1)
    rows = torch.view_as_real(rows).flatten(1).double() if rows.is_complex() else rows.double()
    weights = torch.linspace(1, 2, rows.shape[1], dtype=torch.float64)
    return torch.stack([rows.sum(1), rows.square().sum(1), rows @ weights], 1).nan_to_num()

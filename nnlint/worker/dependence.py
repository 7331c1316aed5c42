"""Does each sample's output come from that sample alone? Asked of a copy of the model, in evaluation mode.

The values of some samples are replaced by another's, and the outputs of all the others must stay what they were. Where
they do not, one sample is replaced after the other until a counterexample is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from .budget import SPENT, Budget, OutOfTime
from .recorder import NodeDict, Recorder
from .samples import Batch
from .values import each_tensor, map_tensors

_CALLS = ("layer", "function")

_LARGEST = 20_000_000
"""Entries of an activation up to which it is looked at."""

MIXING = ("mixes", "constant", "unreached", "unmoved")
"""The keys of a `Probe` dict that come from here."""

Found = dict[str, Any]


def dependence(
    twin: nn.Module, batches: Sequence[Batch], nodes: Sequence[NodeDict], trainable: set[str], budget: Budget
) -> Found:
    """Return the keys `MIXING` of a `Probe` dict.

    `twin` is a copy that may be put in evaluation mode and whose parameters all require gradients; `batches` are those
    to try, best first: the first that runs is used. `nodes` is the traced graph (its first calls are this model's
    forward), `trainable` the names of the parameters that the model itself trains.
    """
    twin.eval()
    why = "no input has a first axis of two samples or more"
    for batch in batches:
        if batch.samples < 2:
            continue
        try:
            budget.expect(2 * batch.samples * batch.area)  # as it is, and changed
            found = _Question(twin, batch, nodes, budget).answer(trainable)
        except (_Unanswered, OutOfTime) as reason:
            why = str(reason)
        except Exception as error:
            why = f"in evaluation mode the forward pass raises {type(error).__name__}"
        else:
            if batch.area == 1 or not any(found.values()):
                return found
            why = SPENT  # smaller pictures may acquit, but never accuse
    return {key: {"unknown": why} for key in MIXING}


def trainable_names(model: nn.Module) -> set[str]:
    """Return the names of the parameters that training changes."""
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


class _Unanswered(Exception):
    """It cannot be told, for a reason that is said."""


class _Question:
    """One batch, run as it is and with one sample changed."""

    def __init__(self, twin: nn.Module, batch: Batch, nodes: Sequence[NodeDict], budget: Budget) -> None:
        self.twin, self.budget = twin, budget
        self.args, self.kwargs, self.samples = batch.args, batch.kwargs, batch.samples
        self.nodes = [node for node in nodes if node["kind"] in _CALLS and node.get("module") is not None]
        self.batched = [t for t in each_tensor((self.args, self.kwargs)) if t.dim() and t.shape[0] == self.samples]

    def answer(self, trainable: set[str]) -> Found:
        """Return what was found out."""
        left = self.budget.left
        outs = self._run(lambda t: t)
        took = left - self.budget.left
        self.budget.keep(0.0)
        before = self._rows(outs)
        found = self._gradients(outs, trainable, 2 * took)
        size, spread = float(before.abs().max()), float((before - before.mean(0)).abs().max())
        if all(torch.equal(t[:1].expand_as(t), t) for t in self.batched):
            found["constant"] = found["mixes"] = {"unknown": "all samples are equal"}
            return found
        found["constant"] = spread <= 1e-6 * size
        limit = max(1e-4 * spread, 1e-5 * size)
        try:
            found["mixes"] = self._mixes(before, limit, spread) if self._moves(before, limit, took) else None
        except OutOfTime as reason:
            found["mixes"] = {"unknown": str(reason)}
        return found

    def _moves(self, before: torch.Tensor, limit: float, took: float) -> bool:
        """Whether any sample moves with some others that are changed together; True where there are too few for it."""
        together = _together(self.samples)
        if not together:
            return True
        if took > self.budget.left:
            raise OutOfTime(SPENT)
        with torch.no_grad():
            outs = self._run(self._with(together))
        moved = (self._rows(outs) - before).abs().nan_to_num().amax(1)
        moved[list(together)] = 0
        return float(moved.max()) > limit

    def _mixes(self, before: torch.Tensor, limit: float, spread: float) -> Found | None:
        """Return the first counterexample in which one sample is changed."""
        candidates = (0, self.samples - 1, self.samples // 2, *_together(self.samples))
        for changed in dict.fromkeys(candidates):
            self.budget.keep(0.0)
            with torch.no_grad():
                outs = self._run(self._with((changed,)))
            moved = (self._rows(outs) - before).abs().nan_to_num().amax(1)
            moved[changed] = 0
            if float(moved.max()) > limit:
                with torch.no_grad():
                    marks, again = self._marked(lambda t: t)
                    after_marks, _ = self._marked(self._with((changed,)))
                if not torch.equal(self._rows(again), before):
                    raise _Unanswered("two runs on the same batch differ")
                return {
                    "changed": changed, "moved": int(moved.argmax()), "by": float(moved.max()), "spread": spread,
                    "share": int((moved > limit).sum()) / (self.samples - 1), "samples": self.samples,
                    "node": self._first(marks, after_marks, changed),
                }  # fmt: skip
        if _together(self.samples):
            raise _Unanswered("no change of a single sample shows how samples mix")
        return None

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

    def _with(self, changed: Sequence[int]) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return how to put another sample's values into the samples `changed`, in all inputs at once."""
        sources = [self._other(i) for i in changed]

        def change(tensor: torch.Tensor) -> torch.Tensor:
            if not tensor.dim() or tensor.shape[0] != self.samples:
                return tensor
            other = tensor.clone()
            for place, source in zip(changed, sources):
                other[place] = tensor[source]
            return other

        return change

    def _other(self, changed: int) -> int:
        """Return the next sample that differs from one in the most inputs."""
        others = [(changed + step) % self.samples for step in range(1, self.samples)]
        return max(others, key=lambda i: sum(not torch.equal(t[i], t[changed]) for t in self.batched))

    def _first(self, before: dict[int, torch.Tensor], after: dict[int, torch.Tensor], changed: int) -> int | None:
        """Return the first call at which another sample than the changed one moves."""
        for place in sorted(before.keys() & after.keys()):
            one, other = before[place], after[place]
            moved = ((one - other).abs() > 1e-5 * (one.abs() + other.abs())).any(1)
            moved[changed] = False
            if moved.any():
                return place
        return None

    def _gradients(self, outs: Sequence[torch.Tensor], trainable: set[str], takes: float) -> Found:
        """Return which parameters no output depends on, and which get a gradient of zeros; not where time is short."""
        if takes > self.budget.left:
            return {key: {"unknown": SPENT} for key in ("unreached", "unmoved")}
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
        moved: dict[int, bool] = {}

        def arrived(parameter: torch.Tensor) -> None:
            gradient, parameter.grad = parameter.grad, None  # all at once they would take as much memory as the model
            if gradient is not None:
                moved[id(parameter)] = bool((gradient.coalesce().values() if gradient.is_sparse else gradient).any())

        hooks = [p.register_post_accumulate_grad_hook(arrived) for p in parameters]  # type: ignore[no-untyped-call]
        try:
            goal.backward(inputs=parameters)  # type: ignore[no-untyped-call]
        finally:
            for hook in hooks:
                hook.remove()
        return {
            "unreached": [name for name, p in zip(names, parameters) if id(p) not in moved],
            "unmoved": [name for name, p in zip(names, parameters) if moved.get(id(p)) is False],
        }


def _together(samples: int) -> tuple[int, ...]:
    """Return samples to change at once, so chosen that the rest tells of every usual way to mix; none of too few.

    Whether a sample follows its neighbour, the first, the last, all, those before or after it, its counterpart from the
    other end or in the other half: one of those that stay then follows one that is changed.
    """
    return {4: (0, 1, 3), 5: (0, 3, 4)}.get(samples, (0, 2, samples - 1) if samples > 5 else ())


def _mark(values: torch.Tensor) -> torch.Tensor:
    """Return three numbers for each sample that other values would change."""
    rows = values.reshape(values.shape[0], -1)
    rows = torch.view_as_real(rows).flatten(1).double() if rows.is_complex() else rows.double()
    weights = torch.linspace(1, 2, rows.shape[1], dtype=torch.float64)
    return torch.stack([rows.sum(1), rows.square().sum(1), rows @ weights], 1).nan_to_num()

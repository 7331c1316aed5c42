"""The loop: the user's model, loss and optimizer on a third of the rows, chosen on another, reported on the last.

What the user's loop does or fails to do is kept: gradients that are never cleared, a clip, a step before the backward,
a model that trains in evaluation mode or is scored in training mode.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn

from .fit_rows import Table, final_activation
from .fit_score import accuracy, error, profile
from .fit_seeds import derive
from .fit_state import tensors
from .fit_watch import Watch

_SHARES = (0.6, 0.2)
"""Shares of the rows to fit on and to choose on; the rest is reported on."""
_PATIENCE = 3
"""Updates in a row with a loss that is no number before a run counts as diverged."""


class Diverged(Exception):
    """The loss is no number any more."""


class Fit:
    """One run. `order` holds what the whole study decided: updates, metric, rates, modes."""

    def __init__(self, watch: Watch, table: Table, order: dict[str, Any], offset: int) -> None:
        self.watch, self.table, self.order, self.offset = watch, table, order, offset
        self.events = watch.cycles[0].events
        later = watch.cycles[1] if len(watch.cycles) > 1 else None
        self.clean = later.clean if later is not None else [True] * len(watch.cycles[0].programs)
        self.models = table.program.models()
        self.curve: list[tuple[int, float, float]] = []
        self._losses: list[float] = []
        shuffled = torch.randperm(table.rows, generator=self._generator("split"))
        ends = [round(table.rows * share) for share in (_SHARES[0], sum(_SHARES))]
        self.fit, self.choose, self.report = (
            part.sort().values for part in (shuffled[: ends[0]], shuffled[ends[0] : ends[1]], shuffled[ends[1] :])
        )
        every = table.targets(table.leaves(torch.arange(table.rows)), table.rows)
        self.profile = self._profile(every)

    def _profile(self, every: torch.Tensor) -> dict[str, Any]:
        """Describe predictions and targets, without leaving a trace in batch norms or random generators."""
        modes = {part: part.training for model in self.models for part in model.modules()}
        for model in self.models:
            model.eval()
        prediction = self._predict(torch.arange(min(self.table.batch, self.table.rows)), grad=True)
        for part, mode in modes.items():
            part.training = mode
        return profile(prediction, every, self.table.kind, final_activation(prediction))

    def run(self) -> dict[str, Any]:
        """Train and return the scores, or how it failed."""
        started = time.perf_counter()
        updates = int(self.order["updates"])
        marks = {max(1, round(updates * k / self.order["looks"])) for k in range(1, self.order["looks"] + 1)}
        best: float | None = None
        kept = self._state()
        batches = self._batches()
        try:
            for update in range(updates):
                self._follow(update)
                self._update(update, batches)
                if update + 1 in marks:
                    score = self._score(self.choose)
                    self.curve.append((update + 1, score, sum(self._losses) / len(self._losses)))
                    self._losses = []
                    if best is None or score * self.sign > best * self.sign:
                        best, kept = score, self._state()
            self._load(kept)
            reported = self._score(self.report)
        except Diverged:
            return {"status": "diverged", "reason": "the loss is no number any more", "curve": self.curve}
        return {
            "status": "ok", "score": reported, "chosen": best, "curve": self.curve,
            "seconds": time.perf_counter() - started, "rows": self.counts(),
        }  # fmt: skip

    def sweep(self) -> dict[str, Any]:
        """Train while the rate rises by a constant factor, from `low` to `high`; return the loss of each update.

        Rates of several groups keep their ratio to the first. Ends where the loss is no number any more.
        """
        low, high, updates = self.order["low"], self.order["high"], int(self.order["updates"])
        groups = [group for optimizer in self.watch.optimizers for group in optimizer.param_groups]
        shares = [float(group["lr"]) / (float(groups[0]["lr"]) or 1.0) for group in groups]
        rates, batches = [], self._batches()
        self._set_mode(True)
        with suppress(Diverged):
            for update in range(updates):
                rate = low * (high / low) ** (update / (updates - 1))
                for group, share in zip(groups, shares):
                    group["lr"] = rate * (share or 1.0)
                rates.append(rate)
                self._update(update, batches)
        losses = [loss if math.isfinite(loss) else None for loss in self._losses]
        return {"status": "ok", "rates": rates[: len(losses)], "losses": losses}

    def counts(self) -> dict[str, int]:
        """Return how many rows each part has."""
        return {"fit": len(self.fit), "choose": len(self.choose), "report": len(self.report)}

    @property
    def sign(self) -> int:
        """1 where higher is better."""
        return 1 if self.order["metric"] == "accuracy" else -1

    # -- one update

    def _update(self, update: int, batches: Iterator[torch.Tensor]) -> None:
        torch.default_generator.manual_seed(derive(self.offset, "update", update))
        optimizers = self.watch.optimizers
        for event in self.events:
            if event[0] == "backward":
                if self.clean[event[1] % len(self.clean)]:
                    self._clear()
                rows = next(batches)
                loss = self.table.program.run(self.table.leaves(rows), len(rows))
                self._note(float(loss.detach()))
                loss.backward()  # type: ignore[no-untyped-call]
            elif event[0] == "clip":
                clip = nn.utils.clip_grad_norm_ if event[1] == "norm" else nn.utils.clip_grad_value_
                clip(self.watch.parameters(), *event[2], **dict(event[3]))
            else:
                if self.watch.cycles[0].cleared_before_step:
                    self._clear()
                optimizers[event[1]].step()

    def _clear(self) -> None:
        for optimizer in self.watch.optimizers:
            optimizer.zero_grad()
        for model in self.models:
            for parameter in model.parameters():
                parameter.grad = None

    def _note(self, loss: float) -> None:
        self._losses.append(loss)
        if not any(math.isfinite(value) for value in self._losses[-_PATIENCE:]) and len(self._losses) >= _PATIENCE:
            raise Diverged

    def _follow(self, update: int) -> None:
        """Set rates and mode as the script had them at this step."""
        factor = self.order.get("factor", 1.0)
        for index, groups in self.order["trace"].get(str(update), ()):
            for group, values in zip(self.watch.optimizers[index].param_groups, groups):
                group.update({k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
                if "lr" in values:
                    group["lr"] = values["lr"] * factor
        mode = self.order["modes"].get(str(update))
        if mode is not None:
            self._set_mode(mode)

    def _set_mode(self, training: bool) -> None:
        for model in self.models:
            modes = self.watch.beginning.modes[model]
            for name, part in model.named_modules():
                part.training = training and (modes.get(name, True) or not any(modes.values()))

    def _batches(self) -> Iterator[torch.Tensor]:
        generator = self._generator("batches")
        table, whole = self.table, self.table.batch >= self.table.rows
        size = len(self.fit) if whole else min(table.batch, len(self.fit))
        while True:
            order = self.fit
            if self.order["shuffles"]:
                order = order[torch.randperm(len(order), generator=generator)]
            for batch in torch.split(order, size):
                if len(batch) > 1 or size == 1:  # a batch norm cannot train on the one row that our split leaves over
                    yield batch

    # -- scores

    def _score(self, rows: torch.Tensor) -> float:
        """Return the metric on these rows. Raises Diverged where a prediction is no number."""
        with self._scoring() as size:
            parts = torch.split(rows, size)
            predicted = torch.cat([self._predict(part) for part in parts])
            wanted = torch.cat([self.table.targets(self.table.leaves(part), len(part)) for part in parts])
        if not torch.isfinite(predicted).all():
            raise Diverged
        measure = accuracy if self.order["metric"] == "accuracy" else error
        return measure(predicted, wanted, self.profile)

    @contextmanager
    def _scoring(self) -> Iterator[int]:
        """Score as the user does: in evaluation mode, unless the script never asks for it."""
        modes = {part: part.training for model in self.models for part in model.modules()}
        buffers = [(b, b.clone()) for model in self.models for b in model.buffers()]
        state = torch.get_rng_state()
        if self.order["evaluates"]:
            for model in self.models:
                model.eval()
        trains = any(model.training for model in self.models)
        try:
            with torch.no_grad():
                yield self.table.batch if trains else max(self.table.batch, 256)
        finally:
            torch.set_rng_state(state)
            for part, mode in modes.items():
                part.training = mode
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)

    def _predict(self, rows: torch.Tensor, *, grad: bool = False) -> torch.Tensor:
        with torch.set_grad_enabled(grad):
            return self.table.program.run(self.table.leaves(rows), len(rows), upto=self.table.prediction)

    # -- state

    def _state(self) -> list[torch.Tensor]:
        return [t.detach().clone() for t in self._all()]

    @torch.no_grad()
    def _load(self, state: Sequence[torch.Tensor]) -> None:
        for tensor, value in zip(self._all(), state):
            tensor.copy_(value)

    def _all(self) -> list[torch.Tensor]:
        found = [t for model in self.models for _, t in tensors(model)]
        known = {id(t) for t in found}
        return [*found, *(p for p, _ in self.watch.beginning.weights if id(p) not in known)]

    def _generator(self, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive(self.offset, purpose))

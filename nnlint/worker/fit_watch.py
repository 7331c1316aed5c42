"""Watch one epoch of the user's own training: what it computes, on which rows, in which order of calls.

What was seen is checked against itself (the recorded step must give the recorded loss, nobody but the optimizer may
touch a weight); where it does not hold, the program is not confirmed rather than trained as something it is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from .fit_epoch import Epoch
from .fit_seeds import Seeds
from .fit_state import Beginning, copied, nonzero, parameters, rates, same, unchanged
from .fit_tape import CannotTrain, Program, Tape

_CHECKED = 3
"""Cycles in which every weight and gradient is compared with what it should be."""


class Cycle:
    """What happens from one optimizer step to the next: ("backward", n), ("clip", ...), ("step", optimizer)."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.programs: list[Program] = []
        self.clean: list[bool] = []
        self.cleared_before_step = False

    @property
    def stepped(self) -> bool:
        """Whether an optimizer has stepped."""
        return any(event[0] == "step" for event in self.events)


class Watch:
    """Records until `done`, then goes on counting. `on_epoch` is called when one epoch has been recorded."""

    def __init__(self, seeds: Seeds, most_rows: int) -> None:
        self.seeds, self.most_rows = seeds, most_rows
        self.tape = Tape()
        self.cycles: list[Cycle] = []
        self.epoch = Epoch(most_rows)
        self.optimizers: list[Optimizer] = []
        self.beginning = Beginning()
        self.steps = 0
        self.trace: list[tuple[int, int, list[dict[str, Any]]]] = []
        self.modes: list[tuple[int, bool]] = []
        self.evaluates = False
        self.done = False
        self.problem: CannotTrain | None = None
        self.started = self.finished = 0.0
        self.loader: DataLoader[Any] | None = None
        self.on_epoch: Callable[[], None] = lambda: None
        self.on_step: Callable[[], None] = lambda: None
        self._cycle = Cycle()
        self._model: nn.Module | None = None
        self._training = True
        self._last: dict[int, list[dict[str, Any]]] = {}
        self._iterator: _BaseDataLoaderIter | None = None
        self._in_backward = False
        self._gradients: list[torch.Tensor | None] = []
        self._weights: list[torch.Tensor] = []
        self._undo: list[Callable[[], None]] = []

    # -- patches

    def __enter__(self) -> Watch:
        self._undo.append(register_optimizer_step_pre_hook(self._before_step).remove)
        self._undo.append(register_optimizer_step_post_hook(self._after_step).remove)
        self._patch(nn.Module, "__call__", self._calling)
        self._patch(nn.Module, "eval", self._evaluating)
        self._patch(Optimizer, "__init__", self._building)
        self._patch(torch.autograd, "backward", self._backward)
        for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
            self._patch(owner, "clip_grad_norm_", lambda original: self._clipping(original, "norm"))
            self._patch(owner, "clip_grad_value_", lambda original: self._clipping(original, "value"))
        self._patch(_BaseDataLoaderIter, "__next__", self._drawing)
        self._patch(DataLoader, "__iter__", self._iterating)
        self.tape.on_model = self.beginning.called
        self.tape.__enter__()  # type: ignore[no-untyped-call]
        self.tape.on = True
        return self

    def __exit__(self, *_: object) -> None:
        self.tape.on = False
        with suppress(RuntimeError):  # within a torch function its mode is off already
            self.tape.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        while self._undo:
            self._undo.pop()()

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = owner.__dict__[name]
        setattr(owner, name, make(original))
        self._undo.append(lambda: setattr(owner, name, original))

    # -- models and optimizers

    def _calling(self, original: Any) -> Any:
        def __call__(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return self.tape.call(original, module, args, kwargs)

        return __call__

    def _evaluating(self, original: Any) -> Any:
        def evaluate(module: nn.Module) -> Any:
            self.evaluates = True
            return original(module)

        return evaluate

    def _building(self, original: Any) -> Any:
        def __init__(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            self.optimizers.append(optimizer)
            self.beginning.built(optimizer)
            self.seeds.align(f"optimizer {len(self.optimizers)}")

        return __init__

    def _iterating(self, original: Any) -> Any:
        def __iter__(loader: DataLoader[Any]) -> Any:
            iterator = original(loader)
            iterator.__dict__["_nnlint_loader"] = loader
            return iterator

        return __iter__

    def _drawing(self, original: Any) -> Any:
        def __next__(iterator: _BaseDataLoaderIter) -> Any:
            batch = original(iterator)
            self._iterator = iterator
            return batch

        return __next__

    # -- the step

    def _backward(self, original: Any) -> Any:
        def backward(tensors: Any, grad_tensors: Any = None, *args: Any, **kwargs: Any) -> Any:
            if self._in_backward:
                return original(tensors, grad_tensors, *args, **kwargs)
            self._in_backward = True
            try:
                self._note_backward(tensors, grad_tensors)
                result = original(tensors, grad_tensors, *args, **kwargs)
            finally:
                self._in_backward = False
            checked = not self.done and len(self.cycles) < _CHECKED
            self._gradients = [copied(p.grad) for p in self.parameters()] if checked else []
            return result

        return backward

    def _note_backward(self, tensors: Any, grad_tensors: Any) -> None:
        if self._cycle.stepped:
            self._end_cycle()
        if self.done:
            return
        self.started = self.started or time.perf_counter()
        root = tensors if isinstance(tensors, torch.Tensor) else tensors[0]
        self._guard(lambda: self._record(root, grad_tensors))
        self.tape.clear()

    def _record(self, root: torch.Tensor, grad_tensors: Any) -> None:
        if root.numel() != 1 or (grad_tensors is not None and grad_tensors != (None,)):
            raise CannotTrain("`backward()` is not called on a single number")
        program = self.tape.program(root)
        if len(self.cycles) < _CHECKED and not self.tape.exact(program):
            raise CannotTrain("its loss, computed again from the same values, differs")
        if self._weights:
            for before, now in zip(self._weights, self.parameters()):
                if not same(before, now.detach()):
                    raise CannotTrain("its weights are changed by something else than the optimizer")
            self._weights = []
        self._cycle.events.append(("backward", len(self._cycle.programs)))
        self._cycle.programs.append(program)
        self._cycle.clean.append(not any(nonzero(p.grad) for p in self.parameters()))
        if len(self._cycle.programs) > 64:
            raise CannotTrain("no optimizer steps after 64 backward passes")
        sources = {self.tape.source_rows(leaf) for leaf in program.leaves} - {None}
        loader = self._iterator.__dict__.get("_nnlint_loader") if self._iterator is not None else None
        self.loader = loader if self.loader is None else self.loader
        models = program.models()
        if not models:
            raise CannotTrain("no module is called on the way to its loss")
        if self.epoch.add(program, self._iterator, loader, sources):  # this batch belongs to the next epoch
            self._cycle.programs.pop()
            self._finish()
            return
        self._model = self._model or models[0]
        self._training = models[0].training

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self._follow(optimizer)
        if self.done or self.problem:
            return
        self.tape.on = False
        self._guard(lambda: self._check_step(optimizer, args, kwargs))

    def _follow(self, optimizer: Optimizer) -> None:
        """Note every change of a rate, and of the mode in which the model trains, with the step at which it came."""
        index, options = self._index(optimizer), rates(optimizer)
        if self._last.get(index) != options:
            self._last[index] = options
            self.trace.append((self.steps, index, options))
        if self._model is not None:
            mode = self._training if not self.done else self._model.training
            if not self.modes or self.modes[-1][1] != mode:
                self.modes.append((self.steps, mode))

    def _check_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if any(callable(a) for a in (*args[1:], *kwargs.values())):
            raise CannotTrain("its optimizer evaluates the loss by itself (a closure is handed to `step()`)")
        self.beginning.stepping(optimizer)
        if not self._cycle.programs:
            if not self.cycles:
                raise CannotTrain("its optimizer steps without a `backward()` that was seen")
            self._cycle.events.append(("step", self._index(optimizer)))
            return
        if self._gradients and not self._cycle.stepped:
            mine = {id(p) for p in parameters([optimizer])}
            both = [(a, p.grad) for a, p in zip(self._gradients, self.parameters()) if id(p) in mine]
            if any(nonzero(a) for a, _ in both) and not any(nonzero(b) for _, b in both):
                self._cycle.cleared_before_step = True
            elif not any(e[0] == "clip" for e in self._cycle.events) and any(not unchanged(a, b) for a, b in both):
                raise CannotTrain("its gradients are changed by hand before the optimizer's step")
        self._cycle.events.append(("step", self._index(optimizer)))

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.steps += self._index(optimizer) == 0
        self.tape.on = not self.done
        if not self.done and not self.problem and len(self.cycles) < _CHECKED:
            self._weights = [p.detach().clone() for p in self.parameters()]
        self.on_step()

    def _clipping(self, original: Any, kind: str) -> Any:
        def clip(parameters: Any, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(parameters, torch.Tensor):
                parameters = list(parameters)
            if not self.done:
                self._cycle.events.append(("clip", kind, args, tuple(sorted(kwargs.items()))))
            return original(parameters, *args, **kwargs)

        return clip

    def _end_cycle(self) -> None:
        cycle, self._cycle = self._cycle, Cycle()
        if self.done or self.problem:
            return
        self.cycles.append(cycle)
        first = self.cycles[0]
        self._guard(lambda: _compare(first, cycle))

    def _guard(self, check: Callable[[], None]) -> None:
        """Remember the first reason why this program cannot be trained; the script itself goes on."""
        if self.problem is None:
            try:
                check()
            except CannotTrain as problem:
                self.problem = problem
                self._finish()

    def _finish(self) -> None:
        if not self.done:
            self.done = True
            self.finished = time.perf_counter()
            self.tape.on = False
            self.tape.clear()
            self._gradients, self._weights = [], []
            self.on_epoch()

    def end(self) -> None:
        """The script has ended: what was seen until now is all there is."""
        if self._cycle.stepped:
            self._end_cycle()
        if not self.cycles and self.problem is None:
            self.problem = CannotTrain("no training step was seen")
        self._finish()

    # -- what the loop needs

    def parameters(self) -> list[torch.Tensor]:
        """Return what the optimizers step."""
        return parameters(self.optimizers)

    def _index(self, optimizer: Optimizer) -> int:
        if not any(optimizer is o for o in self.optimizers):
            self.optimizers.append(optimizer)
        return next(i for i, o in enumerate(self.optimizers) if o is optimizer)

    @property
    def shuffles(self) -> bool:
        """Whether the rows come in another order in every epoch (taken for granted where it was not seen)."""
        if self.loader is not None:
            sampler = self.loader.sampler
            if isinstance(sampler, (RandomSampler, SequentialSampler)):
                return isinstance(sampler, RandomSampler)
        return self.epoch.reordered


def _compare(first: Cycle, other: Cycle) -> None:
    """Check that a later cycle does what the first one did."""
    if first is other:
        return
    if other.events != first.events:
        if [e[0] for e in first.events] == [e[0] for e in other.events]:
            raise CannotTrain("its optimizers take turns with losses of their own")
        raise CannotTrain("the order of its calls changes from step to step")

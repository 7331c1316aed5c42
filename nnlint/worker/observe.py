"""Watch the user's script train, without changing what it computes, and stop it after a few steps.

Nothing of the user's is replaced: an optimizer keeps its `step` (a scheduler wraps it), a model its forward.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from . import listening
from .devices import Watch
from .held_back import HeldBack
from .holders import out_of_reach
from .iteration import Iteration, Sample, Surroundings
from .loads import Loads
from .loop import Loop
from .observe_data import LoaderCalls
from .observe_loop import LoopCalls
from .parents import Parents
from .patches import Patches
from .scores import Scores
from .unheld import Unheld
from .values import each_tensor

_KEPT_BYTES = 64_000_000
_MANY = 50


class Stop(BaseException):
    """Ends the user's script when enough was seen. No Exception, so that an `except Exception` does not swallow it."""


class Observer(Surroundings):
    """While active, sees models, losses, optimizers, loaders and the order of calls.

    `first` is the iteration that tells graph and losses, `loop` the order of calls, `calls` the inputs of every call
    of a model from outside. `give_up` is called where the user's code swallows every attempt to stop it.
    """

    def __init__(self, limit: int, watch: Watch) -> None:
        super().__init__()
        self.limit = limit
        self.epochs: int | None = None
        self.watched = False
        self.loop = Loop()
        self.loaders = LoaderCalls(watch, self.check)
        self.scores = Scores()
        self.loads = Loads(self.check)
        self.held_back = HeldBack()
        self.unheld = Unheld()
        self.iterations: list[Iteration] = []
        self.calls: list[tuple[nn.Module, tuple[Any, ...], dict[str, Any]]] = []
        self.stopping: BaseException | None = None
        self.give_up: Callable[[], None] = lambda: None
        self._watch = watch
        self._current: Iteration | None = None
        self._depth = 0
        self._swallowed = 0
        self._bytes = 0
        self._parents = Parents()
        self._patches = Patches()

    @property
    def training_loader(self) -> DataLoader[Any] | None:
        """The loader that the first batch of the training came from."""
        return self.loaders.training

    @property
    def first(self) -> Iteration | None:
        """The first iteration in which a loss reads a model, else None."""
        told = [i for i in self.iterations if i.losses]
        return next((i for i in told if not i.direct), told[0] if told else None)

    def stop(self, why: BaseException | None = None) -> None:
        """Raise in the user's code, now and at whatever it calls next."""
        if self.stopping is None:
            self.stopping = why or Stop()
            loader = self.training_loader
            self.held_back.compare(loader.dataset if loader is not None else None)
            self._settle()
        raise self.stopping

    def _settle(self) -> None:
        """Describe what the steps have shown, with the user's data at hand."""
        for iteration in (*self.iterations, *([self._current] if self._current is not None else [])):
            iteration.settle(reading=True)

    def check(self) -> None:
        """Raise again where the user's code has swallowed the attempt to stop it."""
        if self.stopping is not None:
            self._swallowed += 1
            if self._swallowed > _MANY:
                self.give_up()
            raise self.stopping

    def __enter__(self) -> Observer:
        self.watched = True
        self._patches.put(nn.Module, "__call__", self._calling)
        listening.stay()
        self._patches.later(listening.go)
        self._parents.watch(self._patches)
        self.loads.watch(self._patches)
        self.loaders.watch(self._patches)
        LoopCalls(self.loop, self).watch(self._patches)
        return self

    def __exit__(self, *_: object) -> None:
        self._finish_iteration()
        self._patches.down()
        if self.stopping is None:
            self._settle()

    # -- models

    def _calling(self, original: Any) -> Any:
        def __call__(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._current is not None:
                if self._current.at_root(module):
                    self.check()
                    self._keep(module, args, kwargs)
                    self._heard(module, sys._getframe(1))
                return original(module, *args, **kwargs)
            if self._depth or isinstance(module, (nn.modules.loss._Loss, nn.DataParallel)):
                return original(module, *args, **kwargs)
            if "_orig_mod" in module.__dict__.get("_modules", ()):
                return original(module, *args, **kwargs)
            return self._root_call(original, module, args, kwargs, sys._getframe(1))

        return __call__

    def _root_call(self, original: Any, module: nn.Module, args: Any, kwargs: dict[str, Any], frame: FrameType) -> Any:
        """A model is called from outside, and nothing is recorded so far."""
        self.check()
        if out_of_reach(module):
            return original(module, *args, **kwargs)
        if self._watch.room is not None and self._watch.room.left_empty(module):
            self.stop()
        self._depth += 1
        try:
            if not torch.is_grad_enabled():
                self._keep(module, args, kwargs)
                self._heard(module, frame)
                return original(module, *args, **kwargs)
            self._heard(module, frame)
            if not self._curious(module):
                return original(module, *args, **kwargs)
            self._current = Iteration(self)
            self._current.enter()
            return self._current.call(original, module, args, kwargs)
        finally:
            self._depth -= 1
            if self._current is not None and self._current.overgrown:
                self._finish_iteration()

    def _curious(self, module: nn.Module) -> bool:
        """Whether a forward pass may bring what no iteration has shown: recording slows a step down.

        It does until a loss was read, every optimizer has stepped, and for each model that was not called so far.
        """
        if not self._told():
            return True
        if next(module.parameters(), None) is None:
            return False
        top = self.outermost(module)
        return not any(model is top for iteration in self.iterations for model in iteration.models)

    def _told(self, stepping: Any = None) -> bool:
        """Whether a loss was read and every optimizer has stepped, or is just `stepping`."""
        first = self.first
        stepped = all(entry.steps or entry is stepping for entry in self.loop.optimizers)
        return first is not None and not first.direct and stepped

    def _heard(self, module: nn.Module, frame: FrameType) -> None:
        """Note a call of a model from outside: its place in the loop, and in which mode it ran."""
        if next(module.parameters(), None) is not None:
            if torch.is_grad_enabled():
                self.loop.turns.note("forward", frame)
            self.scores.note(module, frame, self.loop.steps)

    def _keep(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        """Keep what a model was called with, up to a bound, for the profile of the data."""
        size = sum(t.numel() * t.element_size() for t in each_tensor((args, kwargs)))
        if len(self.calls) < 64 and self._bytes + size < _KEPT_BYTES:
            self._bytes += size
            self.calls.append((self.outermost(module), args, kwargs))

    def outermost(self, module: nn.Module) -> nn.Module:
        """Return the module that holds `module` and that no other one holds."""
        return self._parents.outermost(module)

    def sample(self, tensor: torch.Tensor) -> Sample:
        """Return more rows of the data that `tensor` is a batch of, and how many there are in all."""
        return self.loaders.sample(tensor)

    def constant(self, tensor: torch.Tensor) -> bool:
        """Whether `tensor` was made by `ones`, `zeros` or `full`."""
        return self._watch.constant(tensor)

    # -- the loop

    def built(self, entry: Any) -> None:
        """An optimizer is built: what follows the first is the training. What it holds is copied ahead of its steps."""
        if len(self.loop.optimizers) == 1:
            self._watch.split()
        if self.loop.steps == 0:
            for parameter in entry.parameters():
                self.later.prepare(parameter)

    def before_backward(self, tensors: Any) -> None:
        """Read the losses and the data behind what `backward()` is called on."""
        seen = self._current or self.first
        models = seen.models if seen is not None else []
        if self.loaders.training is None:  # a loader of a stream has no truth value: it has no length
            self.loaders.training = self.loaders.current
        if self._current is not None:
            for tensor in each_tensor(tensors):
                for loss in self._current.backward(tensor, first=self.loop.steps == 0):
                    self.loop.turns.place("loss", loss.get("call"))
        self.unheld.look(models, self.loop)
        self.held_back.look(sys._getframe(2))
        if self.held_back.features is None and self._current is not None and self._current.given:
            first = next(each_tensor(self._current.given[0][1:]), None)
            whole = self._watch.source(first) if first is not None else None
            self.held_back.features = first if whole is None else whole
        by_hand: list[torch.Tensor] = (
            [] if self.loop.optimizers else [p for model in models for p in model.parameters()]
        )
        self.loop.before_backward(sys._getframe(2), by_hand, tensors)

    def after_backward(self) -> None:
        """Stop, where no optimizer will ever step."""
        if not self.loop.optimizers or self.loop.steps == 0:
            if self.loop.done(self.limit):
                self.stop()
            if not self.loop.optimizers:
                self._finish_iteration()

    def before_step(self, entry: Any, closure: bool) -> None:
        """Record no more where the step ends the iteration: a step has many calls of its own, none of the model's."""
        if not closure and (entry.steps or all(other.steps for other in self.loop.optimizers if other is not entry)):
            self._finish_iteration()
            if self._told(entry):
                self._watch.rest()

    def after_step(self, entry: Any) -> None:
        """Stop, where enough was seen."""
        if entry.steps > 1 or all(other.steps for other in self.loop.optimizers):
            self._finish_iteration()
        if self.loop.done(self.limit):
            self.stop()
        if self._current is None and self._told():
            self._watch.rest()

    def _finish_iteration(self) -> None:
        if self._current is not None:
            self._current.leave()
            self.iterations.append(self._current)
            for model in self._current.direct:
                self._hear_forward(model)
            self._current = None

    def _hear_forward(self, model: nn.Module) -> None:
        """Treat `model.forward(x)` as a call of the model from the next iteration on."""
        original = model.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            def run(_: nn.Module, *args: Any, **kwargs: Any) -> Any:
                return original(*args, **kwargs)

            if self._current is None and not self._depth:
                return self._root_call(run, model, args, kwargs, sys._getframe(1))
            if self._current is not None and self._current.outside:
                return self._current.call(run, model, args, kwargs)
            return original(*args, **kwargs)

        if "forward" not in model.__dict__:
            model.__dict__["forward"] = forward

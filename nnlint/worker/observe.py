"""Watch the user's script train, without changing what it computes, and stop it after a few steps.

Nothing of the user's is replaced: an optimizer keeps its `step` (a scheduler wraps it), a model its forward.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from . import profile
from .constructed import construction
from .devices import Watch
from .iteration import Iteration, Sample, Surroundings
from .loop import Loop
from .naming import outermost
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
        self.limit = limit
        self.epochs: int | None = None
        self.watched = False
        self.loop = Loop()
        self.iterations: list[Iteration] = []
        self.calls: list[tuple[nn.Module, tuple[Any, ...], dict[str, Any]]] = []
        self.loaders: list[DataLoader[Any]] = []
        self.training_loader: DataLoader[Any] | None = None
        self.loaded: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self.stopping: BaseException | None = None
        self.give_up: Callable[[], None] = lambda: None
        self._watch = watch
        self._batch: list[torch.Tensor] = []
        self._current: Iteration | None = None
        self._loader: DataLoader[Any] | None = None
        self._depth = 0
        self._swallowed = 0
        self._in_backward = False
        self._bytes = 0
        self._tops: weakref.WeakKeyDictionary[nn.Module, nn.Module] = weakref.WeakKeyDictionary()
        self._undo: list[Callable[[], None]] = []

    @property
    def first(self) -> Iteration | None:
        """The first iteration in which a loss reads a model, else None."""
        told = [i for i in self.iterations if i.losses]
        return next((i for i in told if not i.direct), told[0] if told else None)

    def stop(self, why: BaseException | None = None) -> None:
        """Raise in the user's code, now and at whatever it calls next."""
        self.stopping = self.stopping or why or Stop()
        raise self.stopping

    def check(self) -> None:
        """Raise again where the user's code has swallowed the attempt to stop it."""
        if self.stopping is not None:
            self._swallowed += 1
            if self._swallowed > _MANY:
                self.give_up()
            raise self.stopping

    # -- patches

    def __enter__(self) -> Observer:
        self.watched = True
        hook = register_optimizer_step_post_hook(self._stepped)
        self._undo.append(hook.remove)
        self._patch(nn.Module, "__call__", self._calling)
        self._patch(nn.Module, "zero_grad", self._clearing)
        self._patch(nn.Module, "load_state_dict", self._loading)
        self._patch(Optimizer, "__init__", self._building)
        self._patch(Optimizer, "zero_grad", self._clearing)
        self._patch(torch.Tensor, "backward", self._backward)
        self._patch(torch.autograd, "backward", self._backward)
        for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
            self._patch(owner, "clip_grad_norm_", lambda original: self._clipping(original, "norm"))
            self._patch(owner, "clip_grad_value_", lambda original: self._clipping(original, "value"))
        for scheduler in {lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau}:
            self._patch(scheduler, "__init__", self._scheduling)
        self._patch(DataLoader, "__init__", self._making_loader)
        self._patch(DataLoader, "__iter__", self._iterating)
        self._patch(_BaseDataLoaderIter, "__next__", self._drawing)
        return self

    def __exit__(self, *_: object) -> None:
        self._finish_iteration()
        while self._undo:
            self._undo.pop()()

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = owner.__dict__[name]
        replacement = make(original)
        replacement.__name__ = name
        replacement.__doc__ = original.__doc__
        replacement.__wrapped__ = original
        setattr(owner, name, replacement)
        self._undo.append(lambda: setattr(owner, name, original))

    # -- models

    def _calling(self, original: Any) -> Any:
        def __call__(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._current is not None:
                if self._current.at_root(module):
                    self.check()
                    self._keep(module, args, kwargs)
                return original(module, *args, **kwargs)
            if self._depth or isinstance(module, (nn.modules.loss._Loss, nn.DataParallel)):
                return original(module, *args, **kwargs)
            if "_orig_mod" in module.__dict__.get("_modules", ()):
                return original(module, *args, **kwargs)
            return self._root_call(original, module, args, kwargs)

        return __call__

    def _root_call(self, original: Any, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """A model is called from outside, and nothing is recorded so far."""
        self.check()
        self._depth += 1
        try:
            if not torch.is_grad_enabled():
                self._keep(module, args, kwargs)
                return original(module, *args, **kwargs)
            self._current = Iteration(self)
            self._current.enter()
            return self._current.call(original, module, args, kwargs)
        finally:
            self._depth -= 1
            if self._current is not None and self._current.overgrown:
                self._finish_iteration()

    def _keep(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        """Keep what a model was called with, up to a bound, for the profile of the data."""
        size = sum(t.numel() * t.element_size() for t in each_tensor((args, kwargs)))
        if len(self.calls) < 64 and self._bytes + size < _KEPT_BYTES:
            self._bytes += size
            self.calls.append((self.outermost(module), args, kwargs))

    def outermost(self, module: nn.Module) -> nn.Module:
        """Return the module that holds `module` and that no other one holds."""
        top = self._tops.get(module)
        if top is None:
            top = self._tops[module] = outermost(module)
        return top

    # -- data

    def sample(self, tensor: torch.Tensor) -> Sample:
        """Return more rows of the data that `tensor` is a batch of, and how many there are in all."""
        if self._loader is not None:
            for place, drawn in enumerate(self._batch):
                if drawn is tensor or (drawn.numel() == tensor.numel() and _overlap(drawn, tensor)):
                    return profile.from_dataset(self._loader, place, tensor), profile.size_of(self._loader)
        whole = self._watch.source(tensor)
        if whole is not None and whole.dim() and tensor.dim() and whole.shape[1:] == tensor.shape[1:]:
            return profile.rows(whole), int(whole.shape[0])
        return None, None

    def constant(self, tensor: torch.Tensor) -> bool:
        """Whether `tensor` was made by `ones`, `zeros` or `full`."""
        return self._watch.constant(tensor)

    # -- the loop

    def _building(self, original: Any) -> Any:
        def __init__(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
            self.check()
            original(optimizer, *args, **kwargs)
            span, given = construction(sys._getframe(1), optimizer)
            self.loop.built(optimizer, span, given)

        return __init__

    def _clearing(self, original: Any) -> Any:
        def zero_grad(owner: Any, *args: Any, **kwargs: Any) -> Any:
            self.check()
            result = original(owner, *args, **kwargs)
            self.loop.look()
            return result

        return zero_grad

    def _backward(self, original: Any) -> Any:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if self._in_backward:
                return original(tensors, *args, **kwargs)
            self.check()
            self._in_backward = True
            try:
                models = self._current.models if self._current is not None else []
                self.loop.before_backward(sys._getframe(1), [p for model in models for p in model.parameters()])
                self.training_loader = self.training_loader or self._loader
                if self._current is not None:
                    for tensor in each_tensor(tensors):
                        self._current.backward(tensor, first=self.loop.steps == 0)
                result = original(tensors, *args, **kwargs)
            finally:
                self._in_backward = False
            if not self.loop.optimizers or self.loop.steps == 0:
                if self.loop.done(self.limit):
                    self.stop()
                if not self.loop.optimizers:
                    self._finish_iteration()
            return result

        return backward

    def _stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.check()
        entry = self.loop.stepped(optimizer, sys._getframe(2))
        if entry.steps > 1 or all(other.steps for other in self.loop.optimizers):
            self._finish_iteration()
        if self.loop.done(self.limit):
            self.stop()

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
                return self._root_call(run, model, args, kwargs)
            if self._current is not None and self._current.outside:
                return self._current.call(run, model, args, kwargs)
            return original(*args, **kwargs)

        if "forward" not in model.__dict__:
            model.__dict__["forward"] = forward

    def _clipping(self, original: Any, kind: str) -> Any:
        def clip(*args: Any, **kwargs: Any) -> Any:
            self.check()
            self.loop.clips = self.loop.clips or kind
            return original(*args, **kwargs)

        return clip

    def _scheduling(self, original: Any) -> Any:
        def __init__(scheduler: Any, *args: Any, **kwargs: Any) -> None:
            self.loop.scheduler = type(scheduler).__name__
            original(scheduler, *args, **kwargs)

        return __init__

    def _loading(self, original: Any) -> Any:
        def load_state_dict(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            self.loaded.update(module.modules())
            return original(module, *args, **kwargs)

        return load_state_dict

    # -- loaders

    def _making_loader(self, original: Any) -> Any:
        def __init__(loader: Any, *args: Any, **kwargs: Any) -> None:
            self.check()
            original(loader, *args, **kwargs)
            self.loaders.append(loader)

        return __init__

    def _iterating(self, original: Any) -> Any:
        def __iter__(loader: Any) -> Any:
            self.check()
            iterator = original(loader)
            iterator.__dict__["_nnlint_loader"] = loader
            return iterator

        return __iter__

    def _drawing(self, original: Any) -> Any:
        def __next__(iterator: Any) -> Any:
            self.check()
            batch = original(iterator)
            self._loader = iterator.__dict__.get("_nnlint_loader")
            self._batch = list(each_tensor(batch))
            return batch

        return __next__


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()

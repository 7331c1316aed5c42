"""Listen to what moves the parameters: optimizers, `backward()`, cleared and clipped gradients, schedulers."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from .constructed import construction
from .loop import Loop, SeenOptimizer
from .patches import Patches


class Listener(Protocol):
    """What happens around a backward pass and a step is told to it."""

    def check(self) -> None:
        """May raise in the user's code."""

    def built(self, entry: SeenOptimizer) -> None:
        """An optimizer is built."""

    def before_backward(self, tensors: Any) -> None:
        """`backward()` is called on `tensors`."""

    def after_backward(self) -> None:
        """`backward()` has ended."""

    def before_step(self, entry: SeenOptimizer, closure: bool) -> None:
        """An optimizer steps; `closure` says that it calls the user's code again."""

    def after_step(self, entry: SeenOptimizer) -> None:
        """An optimizer has stepped."""


class LoopCalls:
    """Tells a `Loop` of each call, and a listener of what happens around it."""

    def __init__(self, loop: Loop, listener: Listener) -> None:
        self._loop, self._listener, self._check = loop, listener, listener.check
        self._inside = False

    def watch(self, patches: Patches) -> None:
        """Listen to torch's optimizers, to `backward()` and to what is done to gradients."""
        patches.later(register_optimizer_step_pre_hook(self._about_to_step).remove)
        patches.later(register_optimizer_step_post_hook(self._stepped).remove)
        patches.put(nn.Module, "zero_grad", self._clearing)
        patches.put(Optimizer, "__init__", self._building)
        patches.put(Optimizer, "zero_grad", self._clearing)
        patches.put(torch.Tensor, "backward", self._backward)
        patches.put(torch.autograd, "backward", self._backward)
        patches.put(torch.amp.grad_scaler.GradScaler, "unscale_", self._unscaling)
        for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
            patches.put(owner, "clip_grad_norm_", lambda original: self._clipping(original, "norm"))
            patches.put(owner, "clip_grad_value_", lambda original: self._clipping(original, "value"))
        self._loop.schedules.watch(patches)

    def _building(self, original: Any) -> Any:
        def __init__(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
            self._check()
            original(optimizer, *args, **kwargs)
            span, given = construction(sys._getframe(1), optimizer)
            self._loop.built(optimizer, span, given)
            self._listener.built(self._loop.optimizers[-1])

        return __init__

    def _clearing(self, original: Any) -> Any:
        def zero_grad(owner: Any, *args: Any, **kwargs: Any) -> Any:
            self._check()
            result = original(owner, *args, **kwargs)
            self._loop.cleared(sys._getframe(1))
            return result

        return zero_grad

    def _backward(self, original: Any) -> Any:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return original(tensors, *args, **kwargs)
            self._check()
            self._inside = True
            try:
                self._listener.before_backward(tensors)
                result = original(tensors, *args, **kwargs)
            finally:
                self._inside = False
            self._listener.after_backward()
            return result

        return backward

    def _unscaling(self, original: Any) -> Any:
        def unscale_(scaler: Any, *args: Any, **kwargs: Any) -> Any:
            self._loop.turns.note("unscale", sys._getframe(1))
            return original(scaler, *args, **kwargs)

        return unscale_

    def _clipping(self, original: Any, kind: str) -> Any:
        def clip(*args: Any, **kwargs: Any) -> Any:
            self._check()
            found = original(*args, **kwargs)
            self._loop.clipped(kind, found, sys._getframe(1))
            return found

        return clip

    def _about_to_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        closure = kwargs.get("closure") is not None or len(args) > 1
        self._listener.before_step(self._loop.seen(optimizer), closure)
        self._loop.about_to_step(optimizer)

    def _stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self._check()
        self._listener.after_step(self._loop.stepped(optimizer, sys._getframe(2)))

"""Let a model run on other tensors than its own, and put everything back afterwards, bit for bit.

What is hard: a forward writes into buffers, appends to lists, materializes lazy layers (which changes their class) and
draws random numbers. All of it is snapshot on the way in and restored on the way out.
"""

from __future__ import annotations

import contextlib
import io
import logging
import random
import sys
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

Make = Callable[[torch.Tensor], torch.Tensor]

_CONTAINERS = (list, dict, set, deque, OrderedDict)
_SCALARS = frozenset({bool, int, float, str, type(None)})
_OWN = frozenset(name for name, value in vars(nn.Module()).items() if isinstance(value, _CONTAINERS))
"""The dictionaries that every module has: parameters, submodules, hooks."""
_MOST = 20_000
"""Containers and plain objects looked into per model: enough for any state that a forward keeps."""


class Swap:
    """Swap every tensor that the modules of a model hold for what `make` makes of it; restore on exit.

    `device` is where parameters that are not materialized yet are made.
    """

    def __init__(self, model: nn.Module, make: Make, device: str = "cpu") -> None:
        self.model, self.make, self.device = model, make, device
        self._made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._modules: list[tuple[nn.Module, type, dict[str, Any]]] = []
        self._state: list[tuple[Any, Any]] = []
        self._seen: set[int] = set()

    def __enter__(self) -> Swap:
        try:
            for module in self.model.modules():
                if not isinstance(module, torch.jit.ScriptModule):
                    self._remember(module)
            for module, _, before in self._modules:
                self._replace(module, before)
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _remember(self, module: nn.Module) -> None:
        self._modules.append((module, type(module), module.__dict__.copy()))
        for name, value in module.__dict__.items():
            if name in _OWN:
                self._state.append((value, value.copy()))
            elif type(value) not in _SCALARS:
                self._remember_state(value, 0)

    def _remember_state(self, value: Any, depth: int) -> None:
        """Keep a copy of containers, and of plain objects' attributes, that a forward may write to."""
        kind = type(value)
        holds = kind in _CONTAINERS
        if not holds and (not hasattr(value, "__dict__") or _is_machinery(value)):
            return
        if depth > 4 or id(value) in self._seen or len(self._state) > _MOST:
            return
        self._seen.add(id(value))
        inside = value if holds else vars(value)
        if not isinstance(inside, _CONTAINERS):
            return
        self._state.append((inside, inside.copy()))
        for item in list(inside.values() if isinstance(inside, dict) else inside)[:1000]:
            if type(item) in _SCALARS:
                continue
            if type(item) in _CONTAINERS or hasattr(item, "__dict__"):
                self._remember_state(item, depth + 1)

    def _replace(self, module: nn.Module, before: dict[str, Any]) -> None:
        own = module.__dict__
        for held in (own["_parameters"], own["_buffers"]):
            for name, tensor in held.items():
                if tensor is not None:
                    held[name] = self.swapped(tensor)
        for name, value in before.items():
            if isinstance(value, torch.Tensor):
                own[name] = self.swapped(value)
            elif type(value) in (list, tuple) and value and all(isinstance(item, torch.Tensor) for item in value):
                own[name] = type(value)(self.swapped(item) for item in value)

    def swapped(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return what stands in for a tensor of the model: the same object each time."""
        found = self._made.get(id(tensor))
        if found is None:
            new = fresh_lazy(tensor, self.device) if is_lazy(tensor) else self.make(tensor)
            found = self._made[id(tensor)] = (tensor, new)
        return found[1]

    def _restore(self) -> None:
        for container, before in self._state:
            if not _same(container, before):
                container.clear()
                container.extend(before) if isinstance(container, (list, deque)) else container.update(before)
        for module, kind, before in self._modules:
            if type(module) is not kind:
                object.__setattr__(module, "__class__", kind)
            own = module.__dict__
            own.clear()
            own.update(before)


def _is_machinery(value: Any) -> bool:
    """Whether an object is no state of the user's: a module (kept on its own), a tensor, a class, a function."""
    if isinstance(value, (nn.Module, torch.Tensor, type)) or callable(value):
        return True
    return type(value).__module__.split(".")[0] in ("torch", "builtins", "threading", "logging", "types", "numpy")


def _same(now: Any, before: Any) -> bool:
    if len(now) != len(before):
        return False
    if isinstance(now, dict):
        return all(a is b and now[a] is before[b] for a, b in zip(now, before))
    if isinstance(now, set):
        return bool(now == before)
    return all(a is b for a, b in zip(now, before))


def fresh_lazy(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """Return a parameter or buffer that is still to be materialized, like the one given."""
    kind: Any = UninitializedParameter if isinstance(tensor, nn.Parameter) else UninitializedBuffer
    made: torch.Tensor = kind(device=device)
    return made


def as_parameter(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Wrap a tensor as a parameter where the one that it stands for is one."""
    if isinstance(like, nn.Parameter):
        return nn.Parameter(tensor, requires_grad=like.requires_grad)
    return tensor


def to_meta(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the same shape, strides and dtype without values."""
    try:  # a new one even of a tensor on the meta device: what is detached shares the count of writes
        made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    except (RuntimeError, NotImplementedError):
        made = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return as_parameter(made, tensor)


def to_clone(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy with the same values, on the CPU."""
    with torch.no_grad():
        return as_parameter(tensor.detach().to("cpu").clone(), tensor)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Restore random states, default dtype and device; keep warnings and prints of the user's code to themselves."""
    python, default = random.getstate(), torch.random.get_rng_state()
    numpy = sys.modules.get("numpy")
    drawn = numpy.random.get_state() if numpy is not None and hasattr(numpy, "random") else None
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    dtype, device, threads = torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()
    graph = torch.is_grad_enabled()
    chatty = logging.getLogger("torch._subclasses.fake_tensor")  # logs what a failing model raises, and it is raised
    silenced, chatty.disabled = chatty.disabled, True
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        chatty.disabled = silenced
        random.setstate(python)
        torch.random.set_rng_state(default)
        if drawn is not None:
            numpy.random.set_state(drawn)  # type: ignore[union-attr]
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if torch.get_default_dtype() is not dtype:
            torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_grad_enabled(graph)

"""Run the user's code on the CPU of this process alone: no GPU, no workers, no compiler, no process group.

`.cuda()`, `device="cuda"`, `torch.device("cuda")` are read as the CPU, `torch.compile` hands the model back as it is.
"""

from __future__ import annotations

import functools
import linecache
import re
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._device import DeviceContext
from torch.utils.data import DataLoader

from .room import MAKERS, Room
from .sites import users_files

_ELSEWHERE = ("cuda", "mps", "xpu", "hip", "npu", "hpu")
_NAMED = re.compile(rf"\b(?:{'|'.join(_ELSEWHERE)})\b")
_AWAY = {"cuda", "pin_memory", "xpu"}
_MADE = {"ones", "zeros", "full", "ones_like", "zeros_like", "full_like", "new_ones", "new_zeros", "new_full"}
_PICKED = {"__getitem__", "index_select"}


def on_cpu(device: Any) -> Any:
    """Return the CPU for a device that stands for an accelerator, anything else as it is."""
    if isinstance(device, torch.device) and device.type in _ELSEWHERE:
        return torch.device("cpu")
    if isinstance(device, str) and device.split(":")[0] in _ELSEWHERE:
        return "cpu"
    return device


class Watch(TorchFunctionMode):
    """Maps devices, and remembers where recent tensors come from: `made` by a constant, or picked from a larger one.

    `room`, where it is given, has the say over tensors that a large model is made of.
    """

    def __init__(self, room: Room | None = None) -> None:
        super().__init__()
        self.room = room
        self._made: dict[int, weakref.ref[torch.Tensor]] = {}
        self._picked: dict[int, tuple[weakref.ref[torch.Tensor], weakref.ref[torch.Tensor]]] = {}
        self._mapped = self._rested = False

    def rest(self) -> None:
        """Listen no more, where there is nothing left to do: every torch function costs microseconds more while it is.

        That holds where the models have their values, no accelerator was named in a whole step, and none can be later:
        the user's sources name none, or ask first whether there is one.
        """
        if self._rested or self._mapped or (self.room is not None and self.room.told is not None):
            return
        self._rested = True
        stack = _modes()
        if stack and stack[-1] is self and not torch.cuda.is_available() and not _insists():
            self.__exit__(None, None, None)

    def leave(self) -> None:
        """Listen no more, whether it rests already or not."""
        if self in _modes():
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func` with every accelerator replaced."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _AWAY and args and isinstance(args[0], torch.Tensor):
            self._mapped = True
            return args[0]
        if "device" in kwargs:
            kwargs = {**kwargs, "device": self._cpu(kwargs["device"])}
        if name == "to" and len(args) > 1:
            args = (args[0], self._cpu(args[1], index=False), *args[2:])
        elif name == "type" and len(args) > 1 and isinstance(args[1], str):
            args = (args[0], args[1].replace("torch.cuda.", "torch."), *args[2:])
        if name in MAKERS and self.room is not None:
            kwargs = self.room.place(func, args, kwargs) or kwargs
        result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor):
            if name in _MADE:
                _remember(self._made, result, weakref.ref(result))
            elif name in _PICKED and args and isinstance(args[0], torch.Tensor):
                _remember(self._picked, result, (weakref.ref(result), weakref.ref(args[0])))
        return result

    def _cpu(self, device: Any, index: bool = True) -> Any:
        """Return the CPU for an accelerator; `index` says that a bare number is one's."""
        found = _or_cpu(on_cpu(device)) if index else on_cpu(device)
        self._mapped = self._mapped or found is not device
        return found

    def constant(self, tensor: torch.Tensor) -> bool:
        """Whether `tensor` was made by `ones`, `zeros`, `full` or the like."""
        found = self._made.get(id(tensor))
        return found is not None and found() is tensor

    def split(self) -> None:
        """Forget what was picked so far: parts of the data that were cut before the training are no batches of it.

        The user's files are looked at, so that `rest` finds them known.
        """
        self._picked.clear()
        _insists()

    def source(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """Return the tensor from which `tensor` was picked by an index, None where it was not."""
        found = self._picked.get(id(tensor))
        return found[1]() if found is not None and found[0]() is tensor else None


def _modes() -> list[Any]:
    return list(_get_current_function_mode_stack())  # type: ignore[no-untyped-call]


def _insists() -> bool:
    """Whether a source of the user's names an accelerator and none of them asks whether there is one."""
    found = [_names(path) for path in users_files()]
    return any(named for named, _ in found) and not any(asks for _, asks in found)


@functools.lru_cache(4096)
def _names(path: str) -> tuple[bool, bool]:
    """Return whether a file names an accelerator, and whether it asks for one."""
    text = "".join(linecache.getlines(path))
    return _NAMED.search(text) is not None, "is_available" in text


def _or_cpu(device: Any) -> Any:
    return "cpu" if isinstance(device, int) and not isinstance(device, bool) else device


def _remember(table: dict[int, Any], tensor: torch.Tensor, value: Any) -> None:
    table[id(tensor)] = value
    if len(table) > 512:
        for key in list(table)[:256]:
            del table[key]


class OnCpu:
    """While active, torch offers nothing but this process's CPU. `watch` sees every torch function.

    A model that does not fit into memory is built without values.
    """

    def __init__(self) -> None:
        self.room = Room()
        self.watch = Watch(self.room)
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> OnCpu:
        self._patch(torch, "compile", _not_compiled)
        self._patch(torch, "load", _loading_to_cpu(torch.load))
        self._patch(nn.Module, "compile", lambda self, *args, **kwargs: None)
        self._patch(DataLoader, "__init__", _in_this_process(DataLoader.__init__))
        for name in ("set_device", "synchronize", "reset_peak_memory_stats", "empty_cache"):
            self._patch(torch.cuda, name, lambda *args, **kwargs: None)
        self._patch(torch.cuda, "current_device", lambda: 0)
        self._patch(torch.cuda, "get_device_name", lambda *args: "cpu")
        for name in ("FloatTensor", "LongTensor", "IntTensor", "DoubleTensor", "BoolTensor", "ByteTensor"):
            self._patch(torch.cuda, name, getattr(torch, name))
        self._patch(DeviceContext, "__init__", _context_on_cpu(DeviceContext.__init__))
        if torch.distributed.is_available():
            self._patch(torch.distributed, "init_process_group", _alone)
        self.watch.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.leave()
        while self._undo:
            self._undo.pop()()

    def _patch(self, owner: Any, name: str, value: Any) -> None:
        if hasattr(owner, name):
            original = owner.__dict__.get(name, getattr(owner, name))
            self._undo.append(lambda: setattr(owner, name, original))
            setattr(owner, name, value)


def _context_on_cpu(original: Any) -> Any:
    def __init__(context: Any, device: Any) -> None:
        original(context, on_cpu(torch.device(device)))

    return __init__


def _not_compiled(model: Any = None, **_: Any) -> Any:
    return model if model is not None else lambda function: function


def _alone(*_: Any, **__: Any) -> None:
    raise RuntimeError("nnlint runs your code in one process: distributed training is not started")


def _loading_to_cpu(load: Any) -> Any:
    def loading(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
        plain = map_location is None or isinstance(map_location, (str, torch.device))
        return load(f, "cpu" if plain else map_location, *args, **kwargs)

    return loading


def _in_this_process(original: Any) -> Any:
    def __init__(self: Any, dataset: Any, batch_size: Any = 1, *args: Any, **kwargs: Any) -> None:
        if len(args) > 3:
            args = (*args[:3], 0, *args[4:])
        else:
            kwargs["num_workers"] = 0
        kwargs.pop("prefetch_factor", None)
        kwargs.pop("multiprocessing_context", None)
        kwargs["persistent_workers"] = False
        kwargs["timeout"] = 0
        kwargs["pin_memory"] = False
        if len(args) > 5:
            args = (*args[:5], False, *args[6:])
            kwargs.pop("pin_memory")
        if len(args) > 7:
            args = (*args[:7], 0, *args[8:])
            kwargs.pop("timeout")
        original(self, dataset, batch_size, *args, **kwargs)

    return __init__

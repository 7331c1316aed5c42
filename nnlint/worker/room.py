"""Build a model that does not fit into memory without its values, and know that before the memory is gone.

What is hard: how large a model gets is known only when it is built, and the user's constructor may run only once (it
prints, counts, draws random numbers). So where a construction gets large, a fork of this process goes on with it
without values, counts, and is thrown away; what it counted decides how the construction goes on here.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import select
import signal
import struct
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import nn

MAKERS = frozenset({"empty", "rand", "randn", "zeros", "ones", "full", "normal", "empty_strided"})
"""Functions of torch that make a tensor of a given size out of nothing."""

LARGE = 1 << 20
"""Bytes from which a tensor counts. Smaller ones always have values: constructors read some of them."""
QUIET = 1 << 28
"""Bytes up to which nobody asks how large a construction gets."""
MOST = 8 << 30
"""Bytes that a process of ours may hold: to initialize as many takes some ten seconds."""
SHARE = 0.8
"""Of the free memory, what a construction may take."""
SECONDS = 8.0
"""Wall time for counting."""


class Room:
    """Decides for each large tensor of a construction whether it gets values.

    `told` says of the last model that got none why that is so. `most` is in bytes.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.told: str | None = None
        self._current: FrameType | None = None
        self._sum = 0
        self._allowed: float = QUIET
        self._counter: _Counter | None = None

    def place(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return other keyword arguments for a call of one of `MAKERS` that is to get no values, else None."""
        if kwargs.get("out") is not None or _elements(args, kwargs) * 2 < LARGE:
            return None
        if str(kwargs.get("device") or "cpu") != "cpu" or torch.get_default_device().type != "cpu":
            return None
        outermost = _construction(sys._getframe(2))
        if outermost is None:
            return None
        blank: dict[str, Any] = {**kwargs, "device": "meta"}
        for name in ("generator", "pin_memory"):
            blank.pop(name, None)
        made = func(*args, **blank)
        size = made.numel() * made.element_size()
        if size < LARGE:
            return None
        if self._counter is not None:
            self._counter.add(size)
            return blank
        if outermost is not self._current:
            self._current, self._sum, self._allowed = outermost, 0, QUIET
        self._sum += size
        if self._sum > self._allowed >= 0:
            self._ask(outermost, size)
        return blank if self._allowed < 0 else None

    def left_empty(self, module: nn.Module) -> bool:
        """Whether a module was built without values here: it cannot run beside tensors that have some."""
        return self.told is not None and any(p.device.type == "meta" for p in module.parameters())

    def _ask(self, outermost: FrameType, size: int) -> None:
        """Allow the rest of a construction, this tensor of `size` bytes with it, what it needs; or nothing more."""
        free = free_memory()
        limit = min(self.most - held_memory(), SHARE * free) if free is not None else self.most
        need = self._count(outermost, size)
        self._allowed = self._sum - size + need
        if need > limit:
            self.told = (
                f"its parameters need {in_words(self._allowed)} and {in_words(max(0, limit))} may be used: "
                "built without values"
            )
            self._allowed = -1

    def _count(self, outermost: FrameType, size: int) -> float:
        """Return the bytes of the rest of a construction (in the fork that counts them, more than there are)."""
        if not hasattr(os, "fork") or threading.current_thread() is not threading.main_thread():
            return size
        total = mmap.mmap(-1, 8)
        done, tell = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a process with threads forks: the fork starts none and needs none
            child = os.fork()
        if child == 0:
            self._counter = _Counter(outermost, total, tell)
            self._counter.add(size)
            return math.inf
        os.close(tell)
        try:
            select.select([done], [], [], SECONDS)
        finally:
            os.close(done)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        return max(size, int(struct.unpack("q", total[:8])[0]))


class _Counter:
    """In the fork: adds up, and ends the process where the construction ends."""

    def __init__(self, outermost: FrameType, total: mmap.mmap, tell: int) -> None:
        self._outermost, self._total, self._tell, self._sum = outermost, total, tell, 0
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        self._until = time.monotonic() + SECONDS
        sys.setprofile(self._look)

    def add(self, size: int) -> None:
        """Count a tensor."""
        self._sum += size
        self._total[:8] = struct.pack("q", self._sum)

    def _look(self, frame: FrameType, event: str, _: Any) -> None:
        if (event == "return" and frame is self._outermost) or time.monotonic() > self._until:
            os._exit(0)  # closes the pipe, which is what the parent waits for


def _elements(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return the number of elements that a call asks for, 0 where its sizes are not plain numbers."""
    given: Any = kwargs.get("size", args)
    if len(given) and isinstance(given[0], (tuple, list)):
        given = given[0]
    sizes = [n for n in given if isinstance(n, int)]
    return math.prod(sizes) if sizes else 0


def _construction(frame: FrameType | None) -> FrameType | None:
    """Return the outermost constructor of a module that is running, None where none is."""
    found = None
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__init__" and code.co_argcount:
            made = frame.f_locals.get(code.co_varnames[0])
            found = frame if isinstance(made, nn.Module) else found
        frame = frame.f_back
    return found


def free_memory() -> int | None:
    """Return the bytes that this process may still take, None where the system does not tell."""
    found = [_meminfo(), _under_limit(), _in_group()]
    known = [value for value in found if value is not None]
    return max(0, min(known)) if known else None


def held_memory() -> int:
    """Return the bytes that this process holds in memory, 0 where the system does not tell."""
    return _statm(1)


def _statm(column: int) -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[column]) * mmap.PAGESIZE
    except (OSError, ValueError):
        return 0


def _meminfo() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE // 2
    except (AttributeError, ValueError, OSError):
        return None


def _under_limit() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit - _statm(0)


def _in_group() -> int | None:
    """Return what the container leaves (control groups of version 2, then 1)."""
    for most, used in (("memory.max", "memory.current"),
                       ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")):  # fmt: skip
        limit, held = _number(most), _number(used)
        if limit is not None and held is not None:
            return limit - held
    return None


def _number(name: str) -> int | None:
    try:
        with open(os.path.join("/sys/fs/cgroup", name), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):  # no such group, or no limit ("max")
        return None


def in_words(size: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"

"""Where in the user's files a call stands and a layer was built.

Columns come from the interpreter's own table of positions (Python 3.11 and newer; older ones know the line alone).
Everything that leaves this file is plain data, so that a model that carries its sites can still be pickled and copied.
"""

from __future__ import annotations

import contextlib
import dis
import linecache
import os
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from .chains import beginning

SpanDict = dict[str, Any]

KEY = "_nnlint_built"
"""The entry of a module's `__dict__` that holds the span of its construction."""

_SEP = os.sep
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + _SEP
_HERE = os.path.dirname(os.path.abspath(__file__)) + _SEP
_STDLIB = tuple(
    os.path.abspath(p) + _SEP for p in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")} if p
)
_ELSEWHERE = (_HERE, os.path.dirname(os.path.dirname(_TORCH)) + _SEP)
"""Folders of most imported files: their names alone say that they are not the user's."""
_PLUMBING = frozenset(
    _TORCH + name.replace("/", _SEP)
    for name in ("nn/functional.py", "overrides.py", "_tensor.py", "functional.py", "_jit_internal.py", "_VF.py",
                 "nn/modules/module.py", "utils/_device.py", "_prims_common/wrappers.py")
)  # fmt: skip
"""Files of torch between a user's call and what is recorded: a call through them is still the user's own."""


class _Code:
    """What was worked out about one code object. Equal code objects may stand in different files: keyed by identity."""

    __slots__ = ("code", "kind", "opcodes", "positions", "spans")

    def __init__(self, code: CodeType) -> None:
        self.code = code  # keeps it alive, and so its id its own
        self.kind = _kind(code)
        self.positions: list[Any] | None = None
        self.opcodes = b""
        self.spans: dict[int, SpanDict] = {}

    def load(self) -> None:
        if self.positions is None:
            self.positions = list(self.code.co_positions()) if hasattr(self.code, "co_positions") else []
            self.opcodes = self.code.co_code


_codes: dict[int, _Code] = {}
_files: dict[str, str | None] = {}
"""The user's own files by the names of their modules; None for all other modules."""


def _known(code: CodeType) -> _Code:
    found = _codes.get(id(code))
    if found is None:
        found = _codes[id(code)] = _Code(code)
    return found


def _kind(code: CodeType) -> str:
    """Return `user`, `plumbing` (torch's own wrappers), `worker` (this package) or `library`."""
    return _kind_of_file(code.co_filename)


def _kind_of_file(name: str) -> str:
    if name.startswith("<"):
        return "library"
    path = os.path.abspath(name)
    if path in _PLUMBING:
        return "plumbing"
    if path.startswith(_HERE):
        return "worker"
    installed = f"{_SEP}site-packages{_SEP}" in path or f"{_SEP}dist-packages{_SEP}" in path
    return "library" if installed or path.startswith((_TORCH, *_STDLIB)) else "user"


def kind_of(code: CodeType) -> str:
    """Return `user`, `plumbing` (torch's own wrappers), `worker` (this package) or `library` for a code object."""
    return _known(code).kind


def is_users(code: CodeType) -> bool:
    """Whether code stands in a file of the user's own."""
    return _known(code).kind == "user"


def users_files() -> list[str]:
    """Return the files of the user's own that are imported or run. What was asked once is asked fast again."""
    for key in sys.modules.keys() - _files.keys():
        name = getattr(sys.modules.get(key), "__file__", None)
        own = isinstance(name, str) and os.path.isabs(name) and not name.startswith(_ELSEWHERE)
        _files[key] = name if own and _kind_of_file(str(name)) == "user" else None
    return sorted({name for key, name in _files.items() if name is not None and key in sys.modules})


def call_site(frame: FrameType | None) -> tuple[FrameType | None, str]:
    """Return the frame of the user's own call that led to `frame`, and the name of torch's wrapper in between.

    The frame is None where library code (a container, a block of an installed package) made the call.
    """
    wrapper = ""
    while frame is not None:
        kind = _known(frame.f_code).kind
        if kind == "user":
            return frame, wrapper
        if kind == "library":
            return None, wrapper
        if kind == "plumbing" and frame.f_code.co_filename.endswith("functional.py"):
            wrapper = frame.f_code.co_name
        frame = frame.f_back
    return None, wrapper


def user_frame(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame of the user's own code, library code in between or not."""
    while frame is not None and _known(frame.f_code).kind != "user":
        frame = frame.f_back
    return frame


def span_of(frame: FrameType | None) -> SpanDict | None:
    """Return the span of the expression that `frame` is evaluating."""
    if frame is None:
        return None
    known, at = _known(frame.f_code), frame.f_lasti
    span = known.spans.get(at)
    if span is None:
        known.load()
        span = known.spans[at] = _span(known, at, frame.f_lineno)
    return span


def is_operator(frame: FrameType | None) -> bool:
    """Whether `frame` evaluates an operator (`a + b`, `x[0]`, `-x`) rather than a call."""
    if frame is None:
        return True
    known, at = _known(frame.f_code), frame.f_lasti
    known.load()
    if not 0 <= at < len(known.opcodes):
        return False
    return dis.opname[known.opcodes[at]].startswith(("BINARY", "UNARY", "INPLACE", "STORE_SUBSCR", "COMPARE"))


def _span(known: _Code, at: int, line: int) -> SpanDict:
    path = os.path.abspath(known.code.co_filename)
    positions = known.positions or []
    if 0 <= at // 2 < len(positions):
        first, last, start, end = positions[at // 2]
        if first is not None and last is not None and start is not None and end is not None:
            begin = beginning(path, known.opcodes, positions, at // 2)
            if begin is None:
                return {"path": path, "line": line}
            first, start = begin
            column, end_column = _code_points(path, first, start), _code_points(path, last, end)
            if column is not None and end_column is not None:
                return {"path": path, "line": first, "column": column, "end_line": last, "end_column": end_column}
    return {"path": path, "line": line}


def _code_points(path: str, line: int, offset: int) -> int | None:
    """Turn an offset in UTF-8 bytes from 0 into a column in code points from 1."""
    text = linecache.getline(path, line)
    if not text:
        return None
    return len(text.encode()[:offset].decode(errors="ignore")) + 1


class ConstructionSites:
    """While active, every module remembers the expression in the user's code that built it."""

    _lock = threading.Lock()
    _depth = 0
    _original: Any = None

    def __enter__(self) -> ConstructionSites:
        cls = ConstructionSites
        with cls._lock:
            cls._depth += 1
            if cls._depth == 1:
                cls._original = nn.Module.__init__
                nn.Module.__init__ = _remembering(cls._original)  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        cls = ConstructionSites
        with cls._lock:
            cls._depth -= 1
            if cls._depth == 0:
                nn.Module.__init__ = cls._original  # type: ignore[method-assign]


def site(module: nn.Module) -> SpanDict | None:
    """Return the span of the user's expression that built `module`, None where nobody saw it being built.

    For a layer inside a block of a library it is the user's line that built the block.
    """
    found = module.__dict__.get(KEY) or _told.get(id(module))
    return dict(found) if found else None


_told: dict[int, SpanDict] = {}


@contextlib.contextmanager
def told(spans: Mapping[int, SpanDict]) -> Iterator[None]:
    """Inside the block `site` knows these spans as well, by the modules' ids: nothing is written into the modules."""
    _told.update(spans)
    try:
        yield
    finally:
        for place in spans:
            _told.pop(place, None)


def _remembering(original: Any) -> Any:
    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        frame = sys._getframe(1)
        while frame is not None and _constructs(frame, self):
            frame = frame.f_back  # type: ignore[assignment]
        span = span_of(user_frame(frame))
        if span is not None:
            self.__dict__[KEY] = span

    return __init__


def _constructs(frame: FrameType, module: nn.Module) -> bool:
    """Whether `frame` is a method of the object's own (a constructor, what it calls) or a wrapper around one."""
    code = frame.f_code
    if code.co_argcount:
        return frame.f_locals.get(code.co_varnames[0]) is module
    if not code.co_flags & 0x04:
        return False
    rest = frame.f_locals.get(code.co_varnames[code.co_kwonlyargcount])
    return isinstance(rest, tuple) and bool(rest) and rest[0] is module

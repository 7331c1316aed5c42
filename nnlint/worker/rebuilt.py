"""Where the layers of an object were built that nobody saw being built: found in the source of its classes.

The answer is given only where it is certain: one assignment to the attribute in all methods of the class, by a call
whose name means the very class of the layer, in a source that compiles to the code that is loaded, with no code of the
user's in sight that could have put another layer in its place.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import nn

from .sites import KEY, SpanDict, kind_of, users_files

Read = Callable[[str], dict[str, Any]]
"""Returns what a text assigns: see `nnlint.source.construction`."""

_MOST_FILES = 200
"""Files of the user's that are looked through for what may replace a layer."""

_CONTAINERS = (nn.Sequential, nn.ModuleList)
_BUILT_WHOLE = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
"""Layers that build their parts themselves, so that the user's line for them is that of the whole."""


def rebuilt(model: nn.Module, read: Read) -> dict[int, SpanDict]:
    """Return the span of the call that built each module, by the module's id, for those where it is certain."""
    try:
        return _Search(read).found(model)
    except (SyntaxError, ValueError, RecursionError, OSError):
        return {}


class _Search:
    def __init__(self, read: Read) -> None:
        self.read = read
        self._files: dict[str, dict[str, Any] | None] = {}
        self._codes: dict[str, list[CodeType]] = {}
        self._spans: dict[int, list[SpanDict]] = {}

    def found(self, model: nn.Module) -> dict[int, SpanDict]:
        paths = _texts()
        if paths is None:
            return {}
        files = [self._file(path) for path in paths]
        if any(one is None or one["wild"] for one in files):
            return {}
        self.others = {name for one in files if one is not None for name in one["others"]}
        self.indexed = {name for one in files if one is not None for name in one["indexed"]}
        for module in model.modules():
            if KEY not in module.__dict__:
                self._parts(module)
        return {place: spans[0] for place, spans in self._spans.items() if all(span == spans[0] for span in spans)}

    def _file(self, path: str) -> dict[str, Any] | None:
        if path not in self._files:
            linecache.checkcache(path)
            text = "".join(linecache.getlines(path))
            self._files[path] = self.read(text) if text else None
            self._codes[path] = list(_codes(compile(text, path, "exec", dont_inherit=True))) if text else []
        return self._files[path]

    def _parts(self, module: nn.Module) -> None:
        """Find the children of a module of the user's own class."""
        stores: dict[str, list[tuple[dict[str, Any] | None, Any, str]]] = {}
        for kind in type(module).__mro__:
            own = [value for value in vars(kind).values() if isinstance(value, FunctionType)]
            if not own or kind_of(own[0].__code__) != "user":
                continue
            path = own[0].__code__.co_filename
            init = vars(kind).get("__init__")
            file = self._file(path)
            if file is None or kind.__qualname__ not in file["classes"]:
                return
            if any(code.__code__ not in self._codes[path] for code in own if code.__code__.co_filename == path):
                return  # the source is not the one that was loaded, or a method was put in from elsewhere
            for name, calls in file["classes"][kind.__qualname__].items():
                stores.setdefault(name, []).extend((call, init, path) for call in calls)
        for name, child in module._modules.items():
            found = stores.get(name, ())
            if child is None or len(found) != 1 or name in self.others:
                continue
            call, init, path = found[0]
            if call is not None and isinstance(init, FunctionType):
                self._match(child, call, init, path, name in self.indexed)

    def _match(self, module: nn.Module, call: Mapping[str, Any], init: FunctionType, path: str, changed: bool) -> None:
        """Note the call as that of a module, and its items as those of the module's, where the classes agree."""
        if _meant(call["name"], init) is not type(module) or not _agrees(module, call["arguments"]):
            return
        span = {"path": path, **call["span"]}
        self._spans.setdefault(id(module), []).append(span)
        if type(module) in _BUILT_WHOLE:
            for part in module.modules():
                if part is not module:
                    self._spans.setdefault(id(part), []).append(span)
        if type(module) not in _CONTAINERS or changed:
            return
        children, items = list(module._modules.items()), call.get("items", ())
        if call.get("each") is not None:
            items = [call["each"]] * len(children)
        if [name for name, _ in children] == [str(i) for i in range(len(items))]:
            for (_, child), item in zip(children, items):
                if child is not None:
                    self._match(child, item, init, path, changed)


def _texts() -> list[str] | None:
    """Return the files and notebook cells of the user's; None where code runs of which nothing can be read."""
    main = sys.modules.get("__main__")
    cells = [path for path in linecache.cache if "ipykernel_" in path or path.startswith("<ipython-input")]
    if not cells and not getattr(main, "__file__", None):
        return None
    files = [path for path in users_files() if path.endswith(".py")]
    return [*files, *cells] if len(files) <= _MOST_FILES else None


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _meant(name: str | None, init: FunctionType) -> Any:
    """Return what a dotted name in a constructor stands for; None where it is a local one or means nothing."""
    code = init.__code__
    first, *rest = (name or "").split(".")
    if not first or first in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
        return None
    value: Any = init.__globals__.get(first)
    for part in rest:
        value = getattr(value, part, None)
    return value


def _agrees(module: nn.Module, arguments: Mapping[Any, Any]) -> bool:
    """Whether the constants in a call are those that a layer says of itself."""
    try:
        parameters = list(inspect.signature(type(module).__init__).parameters)[1:]
    except (TypeError, ValueError):
        return False
    for key, value in arguments.items():
        name = key if isinstance(key, str) else parameters[key] if key < len(parameters) else ""
        has = getattr(module, name, value) if name else value
        if isinstance(value, bool) and (has is None or isinstance(has, torch.Tensor)):
            has = has is not None
        if isinstance(has, tuple) and has and not isinstance(value, tuple):
            has = value if all(item == value for item in has) else has
        if (
            isinstance(has, (bool, int, float, str, tuple))
            and isinstance(value, (bool, int, float, str))
            and has != value
        ):
            return False
    return True

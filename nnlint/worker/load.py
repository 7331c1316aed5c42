"""Run a user's file as Python would: its own folder on the path, its package known, its arguments set."""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import os
import sys
import traceback
from types import ModuleType
from typing import Any

from .sites import kind_of


class _NoKernel:
    """Stands for the notebook's kernel: takes every call and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class Program:
    """One file of the user's. `namespace` holds what its top level has defined so far, also when it was stopped."""

    def __init__(self, path: str, module: str | None, root: str, argv: list[str]) -> None:
        self.path, self.package_name, self.argv = path, module, argv
        self.root = root or os.path.dirname(path)
        self.text: str | None = None
        """What runs where the file itself is no Python: the cells of a notebook as one program."""
        self.module: ModuleType | None = None
        self._before: tuple[list[str], list[str], ModuleType | None] | None = None

    @property
    def namespace(self) -> dict[str, Any]:
        """The names of the file's top level."""
        return vars(self.module) if self.module is not None else {}

    def execute(self, as_main: bool) -> None:
        """Run the top level, as `__main__` (with what stands under its guard) or under a neutral name.

        Raises whatever the file raises.
        """
        self._before = (sys.argv, list(sys.path), sys.modules.get("__main__"))
        sys.argv = [self.path, *self.argv]
        if self.root not in sys.path:
            sys.path.insert(0, self.root)
        if os.path.dirname(self.path) not in sys.path:  # in a package: its files come after the standard library's
            sys.path.append(os.path.dirname(self.path))
        parent = (self.package_name or "").rpartition(".")[0]
        if parent:
            importlib.import_module(parent)
        name = "__main__" if as_main else self._neutral_name()
        if self.package_name and os.path.basename(self.path) == "__init__.py" and not as_main:
            self.module = importlib.import_module(self.package_name)
            return
        if self.text is not None:
            self._cells(name, self.text)
            return
        spec = importlib.util.spec_from_file_location(name, self.path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{os.path.basename(self.path)} is no Python file")
        self.module = importlib.util.module_from_spec(spec)
        if as_main:
            self.module.__package__ = parent or None
            self.module.__spec__ = None
        sys.modules[name] = self.module
        spec.loader.exec_module(self.module)

    def _cells(self, name: str, text: str) -> None:
        """Run a notebook as its kernel would: in its folder, with `display` and `get_ipython` at hand."""
        linecache.cache[self.path] = (len(text), None, text.splitlines(keepends=True), self.path)
        os.chdir(os.path.dirname(self.path))
        self.module = ModuleType(name)
        kernel = {"__file__": self.path, "display": lambda *_, **__: None, "get_ipython": _NoKernel}
        vars(self.module).update(kernel)
        sys.modules[name] = self.module
        exec(compile(text, self.path, "exec"), vars(self.module))

    def leave(self) -> None:
        """Give back arguments, path and `__main__` as they were."""
        if self._before is not None:
            sys.argv, sys.path[:], main = self._before
            if main is not None:
                sys.modules["__main__"] = main

    def _neutral_name(self) -> str:
        """Return the name under which others would import the file, or a private one where that is taken."""
        name = self.package_name or os.path.splitext(os.path.basename(self.path))[0]
        if name in sys.modules or name in STANDARD or not name.replace(".", "_").isidentifier():
            return "nnlint_subject"
        return name

    def place_of(self, error: BaseException) -> tuple[str, int | None]:
        """Return the innermost place in the user's own code that an error passed."""
        if isinstance(error, SyntaxError) and error.filename:
            return error.filename, error.lineno
        place: tuple[str, int | None] = (self.path, None)
        for frame, at in traceback.walk_tb(error.__traceback__):
            if kind_of(frame.f_code) == "user":
                place = (os.path.abspath(frame.f_code.co_filename), at)
        return place


def is_our_fault(error: BaseException) -> bool:
    """Whether an error arose in the watching itself, not in what was watched."""
    innermost = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        innermost = frame.f_code
    return innermost is not None and kind_of(innermost) == "worker" and innermost.co_name not in _HANDED_ON


STANDARD: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())

_HANDED_ON = frozenset({"compute", "compute_layer", "__torch_function__"})
"""Functions of the worker that make a call of the user's in their place."""

"""Lead the event files of TensorBoard into the scratch folder, where a script that logs may write them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

WRITERS = ("torch.utils.tensorboard.writer", "tensorboardX.writer")


def lead_to(folder: str) -> None:
    """From now on, every `SummaryWriter` writes into `folder`."""
    sys.meta_path.insert(0, _Finder(folder))


class _Finder(MetaPathFinder):
    """Finds a module that defines a writer as everyone else would, and changes the writer after it has loaded."""

    def __init__(self, folder: str) -> None:
        self._folder, self._busy = folder, False

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a writer's module, None for any other."""
        if name not in WRITERS or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec is not None and spec.loader is not None:
            self._extend(spec.loader)
        return spec

    def _extend(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            writer = getattr(module, "SummaryWriter", None)
            if writer is not None:
                writer.__init__ = _into(self._folder, writer.__init__)

        loader.exec_module = exec_module


def _into(folder: str, original: Any) -> Any:
    def __init__(writer: Any, *args: Any, **kwargs: Any) -> None:
        name = next((n for n in ("log_dir", "logdir") if n in original.__code__.co_varnames), "log_dir")
        kwargs.pop("log_dir", None)
        kwargs.pop("logdir", None)
        original(writer, **{name: folder, **kwargs})

    return __init__

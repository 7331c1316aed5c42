"""Checkpoints that are loaded: into what, how strictly, and which keys did not fit."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer, lr_scheduler

from .patches import Patches
from .sites import span_of, user_frame

_KEYS = 20
"""Keys named, at most."""


class Loads:
    """Hears of every `load_state_dict`; `modules` are all modules that got values from one."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.seen: list[dict[str, Any]] = []
        self.modules: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._check = check

    def watch(self, patches: Patches) -> None:
        """Listen to modules, optimizers and schedulers."""
        patches.put(nn.Module, "load_state_dict", self._into_module)
        patches.put(Optimizer, "load_state_dict", lambda original: self._into(original, "optimizer"))
        for kind in (lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau):
            patches.put(kind, "load_state_dict", lambda original: self._into(original, "scheduler"))

    def _into_module(self, original: Any) -> Any:
        def load_state_dict(module: nn.Module, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
            self._check()
            self.modules.update(module.modules())
            found = original(module, state_dict, strict=strict, assign=assign)
            entry: dict[str, Any] = {
                "span": span_of(user_frame(sys._getframe(1))),
                "into": "model",
                "strict": bool(strict),
            }
            for name in ("missing_keys", "unexpected_keys"):
                entry[name] = [str(key) for key in getattr(found, name, ())][:_KEYS]
            self.seen.append(entry)
            return found

        return load_state_dict

    def _into(self, original: Any, into: str) -> Any:
        def load_state_dict(owner: Any, *args: Any, **kwargs: Any) -> Any:
            self._check()
            self.seen.append({"span": span_of(user_frame(sys._getframe(1))), "into": into})
            return original(owner, *args, **kwargs)

        return load_state_dict

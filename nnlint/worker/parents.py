"""Which module holds which, while a script runs: heard of as modules are put into others, looked up where that failed.

To look a holder up, all objects of the process are walked, which takes a tenth of a second. Only a module that was
there before anybody listened needs it: of one that was built, copied or unpickled since, all holders are known. A
script may build a module for every step in code that nobody hears, so what was built in one place is looked up a few
times and no more.
"""

from __future__ import annotations

import weakref
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from .naming import outermost
from .patches import Patches
from .sites import site

_ENOUGH = 3
Place = tuple[type, str, int, int]


class Parents:
    """Answers which module is the model that a module is a part of."""

    def __init__(self) -> None:
        self._holders: dict[int, tuple[weakref.ref[nn.Module], list[weakref.ref[nn.Module]]]] = {}
        self._tops: dict[int, tuple[weakref.ref[nn.Module], weakref.ref[nn.Module]]] = {}
        self._alone: dict[Place, int] = {}
        self._born: dict[int, weakref.ref[nn.Module]] = {}

    def watch(self, patches: Patches) -> None:
        """Hear of every module that is built, copied or put into another one."""
        patches.later(register_module_module_registration_hook(self._put).remove)
        patches.put(nn.Module, "__init__", self._building)
        patches.put(nn.Module, "__setstate__", self._copying)
        for kind in (nn.Sequential, nn.ModuleList):  # they write into their children themselves
            patches.put(kind, "insert", self._inserting)

    def _building(self, original: Any) -> Any:
        def __init__(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            self._born[id(module)] = weakref.ref(module)
            original(module, *args, **kwargs)

        return __init__

    def _copying(self, original: Any) -> Any:
        def __setstate__(module: nn.Module, state: Any) -> None:
            original(module, state)
            self._born[id(module)] = weakref.ref(module)
            self._put_all(module)

        return __setstate__

    def _inserting(self, original: Any) -> Any:
        def insert(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original(module, *args, **kwargs)
            self._put_all(module)
            return result

        return insert

    def outermost(self, module: nn.Module) -> nn.Module:
        """Return the module that holds `module` and that no other one holds."""
        found = self._tops.get(id(module))
        if found is not None and found[0]() is module:
            top = found[1]()
            if top is not None:
                return top
        top = self._find(module)
        self._tops[id(module)] = (weakref.ref(module), weakref.ref(top))
        return top

    def _find(self, module: nn.Module) -> nn.Module:
        top, seen = module, {id(module)}
        while (holder := self._holder(top)) is not None and id(holder) not in seen:
            top = holder
            seen.add(id(top))
        if self._heard(top):
            return top
        place = _place(module)
        if place is not None and self._alone.get(place, 0) >= _ENOUGH:
            return top
        looked_up = outermost(module)
        if place is not None and looked_up is top:
            self._alone[place] = self._alone.get(place, 0) + 1
        return looked_up

    def _holder(self, module: nn.Module) -> nn.Module | None:
        found = self._holders.get(id(module))
        if found is None or found[0]() is not module:
            return None
        for reference in reversed(found[1]):
            holder = reference()
            if holder is not None and any(child is module for child in holder._modules.values()):
                return holder
        return None

    def _heard(self, module: nn.Module) -> bool:
        """Whether `module` came to be under watch, so that whoever holds it is known."""
        found = self._born.get(id(module))
        return found is not None and found() is module

    def _put_all(self, holder: nn.Module) -> None:
        for name, module in holder._modules.items():
            self._put(holder, name, module)

    def _put(self, holder: nn.Module, name: str, module: nn.Module | None) -> None:
        if module is None:
            return
        if name != "_orig_mod" and not isinstance(holder, (nn.DataParallel, nn.modules.loss._Loss)):
            found = self._holders.get(id(module))
            if found is None or found[0]() is not module:
                found = self._holders[id(module)] = (weakref.ref(module), [])
            found[1][:] = [*(other for other in found[1] if other() is not None), weakref.ref(holder)][-_ENOUGH:]


def _place(module: nn.Module) -> Place | None:
    span = site(module)
    return None if span is None else (type(module), span["path"], span["line"], span.get("column") or 0)

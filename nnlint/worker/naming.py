"""Which module is the model, and what the user calls it."""

from __future__ import annotations

import gc
from types import FrameType

from torch import nn

from .operations import class_name
from .sites import is_users


def has_own_class(model: nn.Module) -> bool:
    """Whether the class of a model stands in the user's own code."""
    codes = (getattr(member, "__code__", None) for member in vars(type(model)).values())
    return any(code is not None and is_users(code) for code in codes)


def name_of(model: nn.Module, frame: FrameType | None) -> str:
    """Return a model's class where that is the user's own, else the variable that holds it around `frame`."""
    if has_own_class(model):
        return type(model).__name__
    while frame is not None:
        if is_users(frame.f_code):
            for scope in (frame.f_locals, frame.f_globals):
                for name, value in list(scope.items()):
                    if value is model and not name.startswith("_"):
                        return str(name)
        frame = frame.f_back
    return class_name(model).removeprefix("nn.")


def unique(names: list[str]) -> list[str]:
    """Tell equal names apart by a number."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return found


def outermost(module: nn.Module) -> nn.Module:
    """Return the module that holds `module` and that no other one holds; wrappers around a model do not count."""
    parents: dict[int, nn.Module] = {}
    for value in gc.get_objects():
        kind = type(value)
        if issubclass(kind, nn.Module) and not issubclass(kind, (nn.DataParallel, nn.modules.loss._Loss)):
            children = value.__dict__.get("_modules") or {}
            if "_orig_mod" not in children:
                parents.update((id(child), value) for child in children.values() if child is not None)
    top, seen = module, {id(module)}
    while id(top) in parents and id(parents[id(top)]) not in seen:
        top = parents[id(top)]
        seen.add(id(top))
    return top

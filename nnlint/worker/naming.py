"""What the user calls a model."""

from __future__ import annotations

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

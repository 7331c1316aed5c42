"""Lists of facts that were observed, put beside those that the source has: paired by their place in the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..facts import Call, Evaluation, Fact, Group, Loop, Missing, Span, Unknown

F = TypeVar("F", bound=Fact)

UNHEARD = frozenset({"loss", "ema_update", "zero_grad"})
"""Calls that the source shows and a run need not: a loss or cleared gradients written by hand."""


def stored(fact: Fact, name: str) -> Any:
    """Return a field's value, or the Missing that stands for it."""
    try:
        return getattr(fact, name)
    except Unknown as unknown:
        return Missing(unknown.why)


def value(fact: Fact | None, name: str) -> Any:
    """Return a field's value, None where it is not known."""
    found = stored(fact, name) if fact is not None else None
    return None if isinstance(found, Missing) else found


def changed(fact: F, changes: dict[str, Any]) -> F:
    """Return a fact with some fields changed."""
    values = {name: stored(fact, name) for name in type(fact).model_fields}
    return type(fact)(**{**values, **changes})


def filled(seen: F, read: F) -> F:
    """Return `seen` with what it does not know taken from `read`."""
    changes = {}
    for name in type(seen).model_fields:
        mine = stored(seen, name)
        if isinstance(mine, Missing) or mine is None or mine == {}:
            other = stored(read, name)
            known_none = other is None and isinstance(mine, Missing)  # the source says that there is none
            if not isinstance(other, Missing) and (other is not None or known_none):
                changes[name] = other
    return changed(seen, changes) if changes else seen


def touch(one: Span | None, other: Span | None) -> bool:
    """Whether two spans begin on the same line of the same file."""
    return one is not None and other is not None and (one.path, one.line) == (other.path, other.line)


def paired(one: F, others: Sequence[F] | None, same: Callable[[F, F], bool]) -> F:
    """Return `one`, completed by the only one of `others` that is the same."""
    fitting = [other for other in others or () if same(one, other)]
    return filled(one, fitting[0]) if len(fitting) == 1 else one


def joined(seen: Sequence[F], read: Sequence[F] | None) -> tuple[F, ...]:
    """Return what was seen, completed; what the source has besides comes after it (the run may not have got there)."""
    both = [paired(one, read, _same_place) for one in seen]
    rest = [other for other in read or () if not any(_same_place(one, other) for one in seen)]
    return (*both, *rest)


def evaluations(seen: Sequence[Evaluation], read: Sequence[Evaluation]) -> tuple[Evaluation, ...]:
    """Return the source's evaluations with the modes in which the model was seen there.

    That a model is called without a backward does not make it an evaluation, so the source says which ones are.
    """
    found = []
    for one in read:
        here = [other for other in seen if touch(one.span, other.span)]
        modes = {name: value(here[0], name) for name in ("eval_mode", "no_grad")} if len(here) == 1 else {}
        found.append(changed(one, {name: mode for name, mode in modes.items() if mode is not None}))
    return tuple(found)


def groups(seen: Sequence[Group], read: Sequence[Group] | None) -> tuple[Group, ...]:
    """Return an optimizer's groups with their places in the source."""
    if read is None or len(read) != len(seen):
        return tuple(seen)
    return tuple(filled(one, other) for one, other in zip(seen, read, strict=True))


def loops(seen: Loop, read: Loop | None) -> Loop:
    """Return the observed loop, completed; its calls as the source has them where the run shows the same order."""
    if read is None:
        return seen
    ran, written = value(seen, "calls"), value(read, "calls")
    if ran is not None and written is not None and _order(ran) == _order(written):
        seen = changed(seen, {"calls": written})
    return filled(seen, read)


def _order(calls: Sequence[Call]) -> list[tuple[str, int | None]]:
    return [(call.kind, call.span.line if call.span else None) for call in calls if call.kind not in UNHEARD]


def _same_place(one: Fact, other: Fact) -> bool:
    return touch(value(one, "span"), value(other, "span"))

"""What was observed, completed by what the source says: where both know, what was observed counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ..facts import Fact, Facts, Graph, Loop, Loss, Missing, Optimizer, Recipe, Span, Unknown
from ..source import Outline

F = TypeVar("F", bound=Fact)


def merged(outline: Outline, facts: Sequence[Facts]) -> tuple[Facts, ...]:
    """Return `facts` with the static recipe of `outline` under what was observed."""
    return tuple(_completed(one, outline, alone=len(facts) == 1) for one in facts)


def _completed(facts: Facts, outline: Outline, *, alone: bool) -> Facts:
    if facts.recipe is None:
        recipe = _with_reads(outline, facts) if alone else outline.recipe
        return facts.model_copy(update={"recipe": recipe})
    return facts.model_copy(update={"recipe": _recipe(facts.recipe, outline.recipe)})


def _recipe(seen: Recipe, read: Recipe) -> Recipe:
    losses, optimizers, loop = _value(seen, "losses"), _value(seen, "optimizers"), _value(seen, "loop")
    changes: dict[str, Any] = {}
    if losses is not None:
        changes["losses"] = tuple(_pair(loss, _value(read, "losses"), _same_loss) for loss in losses)
    if optimizers is not None:
        changes["optimizers"] = tuple(_pair(one, _value(read, "optimizers"), _same_optimizer) for one in optimizers)
    if loop is not None and isinstance(_value(read, "loop"), Loop):
        changes["loop"] = _filled(loop, _value(read, "loop"))
    return _filled(_with(seen, changes), read)


def _with_reads(outline: Outline, facts: Facts) -> Recipe:
    """Say that the only loss reads what the only model returns, where the source leaves no doubt."""
    recipe = outline.recipe
    losses = _value(recipe, "losses")
    graph = _value(facts.model, "graph") if facts.model is not None else None
    if not outline.loss_reads_model_directly or losses is None or len(losses) != 1 or not isinstance(graph, Graph):
        return recipe
    if len(graph.outputs) != 1 or _value(losses[0], "reads") is not None:
        return recipe
    return _with(recipe, {"losses": (_with(losses[0], {"reads": graph.outputs}),)})


def _pair(one: F, others: Sequence[F] | None, same: Any) -> F:
    fitting = [other for other in others or () if same(one, other)]
    return _filled(one, fitting[0]) if len(fitting) == 1 else one


def _same_loss(one: Loss, other: Loss) -> bool:
    return _touch(one.span, other.span) or _touch(one.call, other.call) or _touch(one.span, other.call)


def _same_optimizer(one: Optimizer, other: Optimizer) -> bool:
    return _touch(one.span, other.span)


def _touch(one: Span | None, other: Span | None) -> bool:
    """Whether two spans begin on the same line of the same file."""
    return one is not None and other is not None and (one.path, one.line) == (other.path, other.line)


def _filled(seen: F, read: F) -> F:
    """Return `seen` with what it does not know taken from `read`."""
    changes = {}
    for name in type(seen).model_fields:
        mine = _stored(seen, name)
        if isinstance(mine, Missing) or mine is None:
            other = _stored(read, name)
            if not isinstance(other, Missing) and other is not None:
                changes[name] = other
    return _with(seen, changes) if changes else seen


def _with(fact: F, changes: dict[str, Any]) -> F:
    values = {name: _stored(fact, name) for name in type(fact).model_fields}
    return type(fact)(**{**values, **changes})


def _stored(fact: Fact, name: str) -> Any:
    """Return a field's value, or the Missing that stands for it."""
    try:
        return getattr(fact, name)
    except Unknown as unknown:
        return Missing(unknown.why)


def _value(fact: Fact | None, name: str) -> Any:
    value = _stored(fact, name) if fact is not None else None
    return None if isinstance(value, Missing) else value

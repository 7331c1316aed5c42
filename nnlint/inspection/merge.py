"""What was observed, completed by what the source says: where both know, what was observed counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..facts import Facts, Graph, Loop, Loss, Missing, Optimizer, Recipe
from ..source import Outline
from .pairing import changed, evaluations, filled, groups, joined, loops, paired, touch, value


def merged(outline: Outline, facts: Sequence[Facts]) -> tuple[Facts, ...]:
    """Return `facts` with the static recipe of `outline` under what was observed."""
    return tuple(_completed(one, outline, alone=len(facts) == 1) for one in facts)


def _completed(facts: Facts, outline: Outline, *, alone: bool) -> Facts:
    if facts.recipe is None:
        recipe = _with_reads(outline, facts) if alone else outline.recipe
        return facts.model_copy(update={"recipe": recipe})
    return facts.model_copy(update={"recipe": recipes(facts.recipe, outline.recipe)})


def recipes(seen: Recipe, read: Recipe) -> Recipe:
    """Return an observed recipe, completed by the source's."""
    losses, optimizers, loop = value(seen, "losses"), value(seen, "optimizers"), value(seen, "loop")
    changes: dict[str, Any] = {}
    if losses is not None:
        changes["losses"] = tuple(paired(loss, value(read, "losses"), _same_loss) for loss in losses)
    if optimizers is not None:
        changes["optimizers"] = tuple(_optimizer(one, value(read, "optimizers")) for one in optimizers)
    if loop is not None:
        changes["loop"] = loops(loop, value(read, "loop") if isinstance(value(read, "loop"), Loop) else None)
    for name in ("schedulers", "loaders", "loaded"):
        items = value(seen, name)
        if items is not None:
            changes[name] = joined(items, value(read, name))
    scored, written = value(seen, "evaluations"), value(read, "evaluations")
    if scored is not None:
        # That a model is called does not make it an evaluation: without the source nobody knows which ones are.
        unknown = Missing("the source does not show what is an evaluation")
        changes["evaluations"] = evaluations(scored, written) if written is not None else unknown
    return filled(changed(seen, changes), read)


def _optimizer(one: Optimizer, others: Sequence[Optimizer] | None) -> Optimizer:
    fitting = [other for other in others or () if touch(one.span, other.span)]
    mine = value(one, "groups")
    if len(fitting) == 1 and mine is not None:
        one = changed(one, {"groups": groups(mine, value(fitting[0], "groups"))})
    return paired(one, others, _same_optimizer)


def _with_reads(outline: Outline, facts: Facts) -> Recipe:
    """Say that the only loss reads what the only model returns, where the source leaves no doubt."""
    recipe = outline.recipe
    losses = value(recipe, "losses")
    graph = value(facts.model, "graph") if facts.model is not None else None
    if not outline.loss_reads_model_directly or losses is None or len(losses) != 1 or not isinstance(graph, Graph):
        return recipe
    if len(graph.outputs) != 1 or value(losses[0], "reads") is not None:
        return recipe
    return changed(recipe, {"losses": (changed(losses[0], {"reads": graph.outputs}),)})


def _same_loss(one: Loss, other: Loss) -> bool:
    return touch(one.span, other.span) or touch(one.call, other.call) or touch(one.span, other.call)


def _same_optimizer(one: Optimizer, other: Optimizer) -> bool:
    return touch(one.span, other.span)

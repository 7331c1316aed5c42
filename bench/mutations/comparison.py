"""Whether two programs are one in graph and recipe.

Places in the text are left out, and so is where in a turn of the loop the gradients are cleared, as long as it is
between a step and the next backward pass: all such places are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnlint.facts import Facts

PLACES = {"span", "spans", "path", "line", "end_line", "column"}


def comparable(facts: Sequence[Facts]) -> Any:
    """Return graph and recipe of each model as plain data without places."""
    plain = (one.model_dump() for one in facts)
    return [_settled(_placeless({"model": one["model"], "recipe": one["recipe"]})) for one in plain]


def different(before: Any, after: Any, name: str = "") -> str:
    """Return the name of the first field that differs, "" where none does."""
    if before == after:
        return ""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(k for k in after if k not in before)]:
            if before.get(key) != after.get(key):
                return different(before.get(key), after.get(key), f"{name}.{key}".lstrip("."))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return next(different(a, b, f"{name}[{i}]") for i, (a, b) in pairs if a != b)
    return name or "the number of models"


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        if "end_line" in value:
            return "a place"
        return {key: _placeless(inner) for key, inner in value.items() if key not in PLACES}
    return [_placeless(inner) for inner in value] if isinstance(value, list | tuple) else value


def _settled(one: dict[str, Any]) -> dict[str, Any]:
    """Leave out of the loop's calls where gradients are cleared at the right time; `clears_gradients` tells it."""
    loop = (one.get("recipe") or {}).get("loop")
    calls = loop.get("calls") if isinstance(loop, dict) else None
    if isinstance(calls, list):
        for call in calls:
            if call["kind"] == "loss":
                call["on"] = "the loss"  # `F.cross_entropy` is `nn.functional.cross_entropy`
        kinds = [call["kind"] for call in calls]
        if "step" in kinds and "backward" in kinds:
            first, last = kinds.index("backward"), len(kinds) - 1 - kinds[::-1].index("step")
            loop["calls"] = [c for i, c in enumerate(calls) if c["kind"] != "zero_grad" or first < i < last]
    return one

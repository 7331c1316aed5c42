"""What is known of a model, for people: its calls with shapes, its recipe, its data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from ..facts import Facts, Features, Loss, Node, Optimizer, Unknown, known
from .summary import STATUS
from .words import counted


def as_json(found: Iterable[Facts]) -> str:
    """Return the facts as a JSON list, one entry for each model."""
    return json.dumps([json.loads(facts.model_dump_json()) for facts in found], indent=2, ensure_ascii=False) + "\n"


def as_text(found: Sequence[Facts]) -> str:
    """Return a table of each model's calls, and what is known of its recipe and data."""
    return "\n".join("\n".join(_one(facts)) + "\n" for facts in found)


def _one(facts: Facts) -> list[str]:
    subject = facts.subject
    status = f"{STATUS[subject.status]}: {subject.reason}" if subject.status != "traced" else "traced"
    size = f"{counted(subject.nodes, 'call')}, {counted(subject.parameters, 'parameter')}"
    rows = [f"{subject.target}: {size} ({status})"]
    if subject.input:
        rows.append(f"  input      {', '.join(subject.input)}{' (guessed)' if subject.guessed else ''}")
    rows += _recipe(facts)
    rows += _data(facts)
    if facts.model is not None:
        model = facts.model
        nodes: list[Node] = known(lambda: list(model.graph), [])
        rows += _calls([node for node in nodes if node.kind in ("layer", "function")], facts)
    return rows


def _calls(nodes: Sequence[Node], facts: Facts) -> list[str]:
    sizes = {p.name: p for p in facts.model.parameters} if facts.model else {}
    rows = [("id", "call", "module", "gives", "parameters", "reads", "line")]
    for node in nodes:
        parameters = 0
        for name in node.parameters:
            count = 1
            for extent in sizes[name].shape if name in sizes else (0,):
                count *= extent
            parameters += count
        shape = "x".join(map(str, node.shape))
        span = node.span
        rows.append((
            str(node.id), node.name or node.op, "(outside)" if node.module is None else node.module or "(root)", shape,
            f"{parameters:,}" if parameters else "", " ".join(map(str, node.inputs)), str(span.line) if span else "",
        ))  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _recipe(facts: Facts) -> list[str]:
    recipe = facts.recipe
    if recipe is None:
        return []
    losses: tuple[Loss, ...] = known(lambda: recipe.losses, ())
    optimizers: tuple[Optimizer, ...] = known(lambda: recipe.optimizers, ())
    rows = [f"  loss       {loss.name} ({_said(partial(getattr, loss, 'kind'))})" for loss in losses]
    rows += [f"  optimizer  {o.kind}, lr {_said(partial(getattr, o, 'lr'))}" for o in optimizers]
    for name, read in (("batch", lambda: recipe.batch_size), ("epochs", lambda: recipe.epochs)):
        if _said(read) != "?":
            rows.append(f"  {name:<9}  {_said(read)}")
    return rows


def _data(facts: Facts) -> list[str]:
    data = facts.data
    if data is None:
        return []
    rows = []
    seen: tuple[Features, ...] = known(lambda: data.features, ())
    for features in seen:
        shape = "x".join(map(str, features.shape))
        rows.append(f"  features   {features.kind} {shape}:{features.dtype}, {counted(features.rows, 'row')} seen")
    target = known(lambda: data.target, None)
    if target is not None:
        low, high = _said(lambda: target.low), _said(lambda: target.high)
        rows.append(f"  target     {'x'.join(map(str, target.shape))}:{target.dtype}, {low} to {high}")
    return rows


def _said(read: Callable[[], Any]) -> str:
    try:
        value = read()
    except Unknown:
        return "?"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

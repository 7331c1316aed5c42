"""Blocks that follow each other and are alike are drawn once: which calls stay, and what stands for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..facts import Graph, Model, Node

Form = tuple[object, ...]


@dataclass
class Folded:
    """`shown` are the calls that stay; `instead` gives for a call that does not the one that stands for it.

    `repeats` gives for the path of the block that stays how many it stands for, and the path of the last of them.
    """

    shown: list[Node]
    instead: dict[int, int] = field(default_factory=dict)
    repeats: dict[str, tuple[int, str]] = field(default_factory=dict)


def fold(model: Model, nodes: Sequence[Node], graph: Graph, keep: set[int]) -> Folded:
    """Fold repeated blocks: numbered modules of one parent with the same calls, none of them in `keep`."""
    folded = Folded(list(nodes))
    gone: set[int] = set()
    families: dict[str, list[str]] = {}
    for module in model.modules:
        parent, _, name = module.path.rpartition(".")
        if name.isdigit():
            families.setdefault(parent, []).append(module.path)
    inside = _calls_below(nodes)
    for parent in sorted(families, key=lambda path: path.count(".") if path else -1):
        blocks = [(path, inside.get(path, [])) for path in families[parent]]
        blocks = [(path, calls) for path, calls in blocks if len(calls) > 1 and not {n.id for n in calls} & gone]
        for run in _runs(blocks, keep):
            first = run[0]
            for _, calls in run[1:]:
                folded.instead.update({node.id: stays.id for node, stays in zip(calls, first[1], strict=True)})
                gone.update(node.id for node in calls)
            folded.repeats[first[0]] = (len(run), run[-1][0])
    folded.shown = [node for node in nodes if node.id not in gone]
    return folded


def _calls_below(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """Return the calls in each module and below it."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        path = node.module or ""
        while path:
            found.setdefault(path, []).append(node)
            path = path.rpartition(".")[0]
    return found


def _runs(blocks: list[tuple[str, list[Node]]], keep: set[int]) -> list[list[tuple[str, list[Node]]]]:
    """Return the runs of two blocks or more that are alike, each fed by the one before."""
    runs: list[list[tuple[str, list[Node]]]] = []
    before: Form | None = None
    for path, calls in blocks:
        form = None if {node.id for node in calls} & keep else _form(path, calls)
        if form is not None and form == before:
            runs[-1].append((path, calls))
        else:
            runs.append([(path, calls)])
        before = form
    return [run for run in runs if len(run) > 1]


def _form(path: str, calls: list[Node]) -> Form:
    """Return what two blocks share when one can stand for the other."""
    place = {node.id: i for i, node in enumerate(calls)}
    return tuple(
        (node.op, (node.module or "")[len(path) :], node.shape, str(node.arguments.get("kernel_size")),
         tuple(place.get(i, -1) for i in node.inputs if i in place))
        for node in calls
    )  # fmt: skip

"""A model's layers as a tree, with shapes, parameters and multiply-adds; blocks that repeat stand there once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..facts import Graph, Model, Node, known
from ..facts.anatomy import roles_of
from ..facts.cost import multiply_adds

HEAD = ("layer", "kernel", "output", "parameters", "multiply-adds", "")


@dataclass
class Part:
    """One module with what its calls tell. `parameters` and `adds` are those of the whole subtree.

    `adds` is None where there is no trace; `notes` are words such as "frozen". `count` blocks like this one follow each
    other, `last` is the name of the last.
    """

    path: str
    kind: str
    children: list[Part] = field(default_factory=list)
    calls: list[Node] = field(default_factory=list)
    own: int = 0
    parameters: int = 0
    adds: int | None = None
    kernel: str = ""
    output: tuple[int, ...] | None = None
    notes: list[str] = field(default_factory=list)
    count: int = 1
    last: str = ""

    @property
    def name(self) -> str:
        """The last part of the path; a function's name stands in `kind` alone."""
        return self.path.rpartition(".")[2]

    def alike(self) -> object:
        """Return what two blocks have in common where one can stand for the other."""
        inside = tuple((child.name, child.alike()) for child in self.children)
        return self.kind, self.kernel, self.output, self.parameters, self.adds, tuple(self.notes), self.count, inside


def tree(model: Model) -> Part:
    """Return the model's parts, its own class at the top."""
    graph: Graph | None = known(lambda: model.graph, None)
    parts = {module.path: Part(module.path, module.kind) for module in model.modules} or {"": Part("", model.name)}
    for module in model.modules:
        if module.path:
            above = module.path.rpartition(".")[0]
            parts.get(above, parts[""]).children.append(parts[module.path])
    for parameter in model.parameters:
        parts.get(parameter.layer, parts[""]).own += math.prod(parameter.shape)
    for node in graph or ():
        if node.module is not None and node.kind in ("layer", "function"):
            parts.get(node.module, parts[""]).calls.append(node)
    _fill(parts[""], model, graph)
    _note(parts, model)
    return parts[""]


def _fill(part: Part, model: Model, graph: Graph | None) -> int:
    """Complete a subtree from below; returns the id of the last call in it, -1 without one."""
    shapes = {p.name: p.shape for p in model.parameters}
    last = max((node.id for node in part.calls), default=-1)
    part.parameters, adds = part.own, sum(multiply_adds(node, shapes) or 0 for node in part.calls)
    for child in part.children:
        last = max(last, _fill(child, model, graph))
        part.parameters += child.parameters
        adds += child.adds or 0
    layers = [node for node in part.calls if node.kind == "layer"]
    if layers:
        part.children = []  # what stands inside a layer of torch is not called by itself
        part.kernel = _kernel(layers[0])
        if len(layers) > 1:
            part.notes.append(f"called {len(layers)} times")
    else:
        functions = list(_functions(part, shapes))
        if part.children or len(functions) > 1:  # else the module's own row says it all
            part.children = [*part.children, *functions]
    if graph is not None:
        part.adds = adds
        part.output = (layers[0] if layers else graph[last]).shape if last >= 0 else None
        if not part.path and graph.outputs:
            part.output = graph[main_output(graph)].shape
    return last


def main_output(graph: Graph) -> int:
    """Return the output that comes straight from a layer, where there are several (caches beside the scores)."""
    roles = roles_of(graph)
    return next((r.node for r in roles if r.role not in ("features", "state")), graph.outputs[0])


def _functions(part: Part, shapes: dict[str, tuple[int, ...]]) -> Iterator[Part]:
    """Yield the functions that cost multiply-adds, those of one kind and shape together."""
    found: dict[tuple[str, tuple[int, ...]], Part] = {}
    for node in part.calls:
        adds = multiply_adds(node, shapes)
        if adds:
            key = (node.name or node.op, node.shape)
            made = found.setdefault(key, Part("", key[0], output=node.shape, adds=0))
            made.adds = (made.adds or 0) + adds
            made.calls.append(node)
    for made in found.values():
        if len(made.calls) > 1:
            made.notes.append(f"called {len(made.calls)} times")
        yield made


def _kernel(node: Node) -> str:
    size = node.arguments.get("kernel_size")
    if isinstance(size, int):
        return str(size)
    return "x".join(map(str, size)) if isinstance(size, (list, tuple)) else ""


def _note(parts: dict[str, Part], model: Model) -> None:
    """Say what is frozen, tied or never used."""
    trainable: dict[str, list[bool]] = {}
    for parameter in model.parameters:
        trainable.setdefault(parameter.layer, []).append(parameter.trainable)
    for path, flags in trainable.items():
        if path in parts and not all(flags):
            parts[path].notes.append("frozen" if not any(flags) else "partly frozen")
    ties: tuple[tuple[str, ...], ...] = known(lambda: model.tied, ())
    for first, *others in ties:
        for name in others:
            path = name.rpartition(".")[0]
            if path in parts and path != first.rpartition(".")[0]:
                parts[path].notes.append(f"tied to {first}")
    for module in model.modules:
        if (
            module.used is False
            and parts[module.path].parameters
            and not (module.path and _used_above(parts, module.path, model))
        ):
            parts[module.path].notes.append("never used")


def _used_above(parts: dict[str, Part], path: str, model: Model) -> bool:
    """Whether the module above is unused as well (it says so), or is a layer that uses its parts itself."""
    above = path.rpartition(".")[0]
    used = next((module.used for module in model.modules if module.path == above), None)
    return used is False or any(node.kind == "layer" for node in parts[above].calls if above in parts)


def folded(part: Part) -> Part:
    """Return the part with its repeated blocks folded into one, at every depth."""
    children: list[Part] = []
    for child in map(folded, part.children):
        before = children[-1] if children else None
        if before is not None and child.children and before.name.isdigit() and before.alike() == _once(child, before):
            before.count += 1
            before.last = child.name
        else:
            children.append(child)
    part.children = children
    return part


def _once(child: Part, like: Part) -> object:
    count, child.count = child.count, like.count
    alike = child.alike()
    child.count = count
    return alike


def rows(part: Part, depth: int | None = None) -> list[tuple[str, ...]]:
    """Return a row of words for each part down to `depth` levels; None shows all."""
    return [HEAD, *_rows(part, "", "", depth)]


def _rows(part: Part, before: str, below: str, depth: int | None) -> Iterator[tuple[str, ...]]:
    yield (before + _label(part), part.kernel, _shape(part.output), _number(part.parameters), _number(part.adds),
           ", ".join(part.notes))  # fmt: skip
    if depth == 0:
        return
    left = None if depth is None else depth - 1
    for child in part.children:
        end = child is part.children[-1]
        yield from _rows(child, below + ("└─ " if end else "├─ "), below + ("   " if end else "│  "), left)


def _label(part: Part) -> str:
    kind = re.sub(r"^nn\.", "", part.kind)
    if not part.path:
        return kind
    if part.count > 1:
        return f"{part.name} to {part.last} ({kind}), {part.count} x"
    return f"{part.name} ({kind})"


def _shape(shape: Sequence[int] | None) -> str:
    return "x".join(map(str, shape)) if shape else ""


def _number(value: int | None) -> str:
    return f"{value:,}" if value else ""

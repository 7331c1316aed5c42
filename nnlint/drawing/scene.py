"""From the recorded calls to the boxes and arrows of a picture. Nothing is measured in pixels here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..facts import Graph, Model, Node
from ..facts.graph import ACTIVATIONS, DROPOUTS, NORMS, VIEWS
from ..finding import Level
from .fold import Folded, fold

MOST = 56
"""Boxes up to which a picture stays readable; without a given depth no more are drawn where that can be helped."""

FUSED = ACTIVATIONS | DROPOUTS | NORMS
"""Calls that are written into the box of the call before them."""


@dataclass(frozen=True)
class Mark:
    """A finding at a call (`node`), or at a module and all in it."""

    rule: str
    level: Level
    message: str
    node: int | None = None
    module: str | None = None


@dataclass
class Box:
    """One box: a layer, a function, or a module with all its calls. `group` is the module in which it is drawn."""

    id: int
    path: str
    group: str
    kind: str
    detail: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    parameters: int = 0
    marks: list[Mark] = field(default_factory=list)
    role: str = "call"
    repeats: int = 1
    last: str = ""


@dataclass(frozen=True)
class Arrow:
    """Values that go from one box to another; `shortcut` where they pass by other boxes."""

    source: int
    target: int
    shape: str
    shortcut: bool = False


@dataclass(frozen=True)
class Group:
    """A module that is drawn around its boxes."""

    path: str
    kind: str
    repeats: int = 1
    last: str = ""


@dataclass
class Scene:
    """All that a picture shows. `elsewhere` are the findings that are at no call."""

    title: str
    boxes: list[Box]
    arrows: list[Arrow]
    groups: list[Group]
    elsewhere: list[Mark] = field(default_factory=list)


def scene(model: Model, graph: Graph, marks: Sequence[Mark], depth: int | None, title: str) -> Scene:
    """Return what to draw, opening `depth` levels of modules; without it, as many as stay readable."""
    if depth is not None:
        return _Maker(model, graph, marks, depth).scene(title)
    deepest = max((module.path.count(".") + 1 for module in model.modules if module.path), default=1)
    best = _Maker(model, graph, marks, 1).scene(title)
    for level in range(2, deepest + 1):
        wider = _Maker(model, graph, marks, level).scene(title)
        if len(wider.boxes) > MOST:
            break
        best = wider
    return best


class _Maker:
    def __init__(self, model: Model, graph: Graph, marks: Sequence[Mark], depth: int) -> None:
        self.model, self.graph, self.marks, self.depth = model, graph, marks, depth
        self.kinds = {module.path: module.kind for module in model.modules}
        self.sizes = {p.name: _product(p.shape) for p in model.parameters}
        self.layers = {n.module for n in graph if n.kind == "layer" and n.module is not None}
        self.boxes: list[Box] = []
        self.of_node: dict[int, Box] = {}

    def scene(self, title: str) -> Scene:
        shown = self._visible()
        marked = {mark.node for mark in self.marks if mark.node is not None}
        self.folded = fold(self.model, shown, self.graph, marked)
        for node in self.folded.shown:
            self._put(node)
        links = self._links()
        links = self._fused(links)
        elsewhere = self._mark()
        order = {box.id: i for i, box in enumerate(self.boxes)}
        ahead = {(a, b): shape for (a, b), shape in links.items() if order[a] < order[b]}
        arrows = [Arrow(a, b, shape, _passes(a, b, ahead, order)) for (a, b), shape in links.items()]
        return Scene(title, self.boxes, arrows, self._groups(self.folded), elsewhere)

    # -- boxes

    def _visible(self) -> list[Node]:
        """Leave out views, constants and what is made of constants alone."""
        fed: set[int] = set()
        found = []
        for node in self.graph:
            if node.kind == "constant" or (node.module is None and node.kind != "input" and not _is_loss(node)):
                continue
            if node.kind == "input":
                if not self.graph.readers(node):
                    continue
            elif not node.parameters and not any(i in fed for i in node.inputs):
                continue
            fed.add(node.id)
            if node.op not in VIEWS:
                found.append(node)
        return found

    def _put(self, node: Node) -> None:
        path = node.module if node.module is not None else ""
        parts = path.split(".") if path else []
        own = node.kind == "layer"
        closed = len(parts) > self.depth or (len(parts) == self.depth and not own and path != "")
        top = ".".join(parts[: self.depth])
        box = next((b for b in self.boxes if b.role == "module" and b.path == top), None) if closed else None
        if box is None and own and not closed and node.parameters:
            box = next((b for b in self.boxes if b.role == "call" and b.path == path), None)  # called again
        if box is None:
            box = self._new(node, top if closed else path if own else "", path, closed)
            self.boxes.append(box)
        box.nodes.append(node)
        self.of_node[node.id] = box

    def _new(self, node: Node, path: str, module: str, closed: bool) -> Box:
        if closed:
            count, last = self.folded.repeats.get(path, (1, ""))
            kind = _plain(self.kinds.get(path, ""))
            box = Box(len(self.boxes), path, path.rpartition(".")[0], kind, role="module", repeats=count, last=last)
            box.parameters = sum(n for name, n in self.sizes.items() if name.startswith(path + "."))
            return box
        role = "input" if node.kind == "input" else "loss" if node.module is None else "call"
        group = path.rpartition(".")[0] if node.kind == "layer" else module
        box = Box(len(self.boxes), path, group, _words(node), role=role)
        box.parameters = sum(self.sizes.get(name, 0) for name in node.parameters)
        if role == "input":
            box.kind = "input"
        return box

    # -- arrows

    def _links(self) -> dict[tuple[int, int], str]:
        links: dict[tuple[int, int], str] = {}
        for node in self.folded.shown:
            for place, source in enumerate(node.inputs):
                made = self._made(source, node)
                if made is None:
                    continue
                a, b = self.of_node[made].id, self.of_node[node.id].id
                if a != b:
                    shape = node.reads[place].shape if place < len(node.reads) else self.graph[made].shape
                    links.setdefault((a, b), "x".join(map(str, shape)))
        return links

    def _made(self, source: int, reader: Node) -> int | None:
        """Return the drawn call whose values `reader` gets from `source`; views are looked through."""
        seen = 0
        while source not in self.of_node:
            if source in self.folded.instead:
                source = self.folded.instead[source]
                continue
            node = self.graph[source]
            ahead = [i for i in node.inputs if i in self.of_node or i in self.folded.instead or self.graph[i].inputs]
            if node.op not in VIEWS or not ahead or seen > 10_000:
                return None
            source, seen = ahead[0], seen + 1
        return source

    def _fused(self, links: dict[tuple[int, int], str]) -> dict[tuple[int, int], str]:
        """Write norms, activations and dropout into the box of the one call that feeds them."""
        out: dict[int, list[int]] = {}
        into: dict[int, list[int]] = {}
        for a, b in links:
            out.setdefault(a, []).append(b)
            into.setdefault(b, []).append(a)
        by_id = {box.id: box for box in self.boxes}
        stands: dict[int, int] = {}
        for box in list(self.boxes):
            before = into.get(box.id, [])
            if len(before) != 1 or box.role != "call" or len(box.nodes) != 1 or box.nodes[0].op not in FUSED:
                continue
            root = before[0]
            if len(out[root]) != 1:
                continue
            root = stands.get(root, root)
            host = by_id[root]
            if host.role != "call" or host.group != box.group or any(m.node == box.nodes[0].id for m in self.marks):
                continue
            host.detail.append(box.kind)
            host.parameters += box.parameters
            host.nodes += box.nodes
            stands[box.id] = root
        self.boxes = [box for box in self.boxes if box.id not in stands]
        made: dict[tuple[int, int], str] = {}
        for (a, b), shape in links.items():
            a, b = stands.get(a, a), stands.get(b, b)
            if a != b:
                made.setdefault((a, b), shape)
        return made

    # -- findings and frames

    def _mark(self) -> list[Mark]:
        """Put each finding into its box; return those that have none."""
        places = {node.id: box for box in self.boxes for node in box.nodes}
        elsewhere = []
        for mark in self.marks:
            box = places.get(self._shown_of(mark.node)) if mark.node is not None else None
            if box is None and mark.module:
                inside = (
                    b for b in self.boxes if (b.path + ".").startswith(mark.module + ".") or b.group == mark.module
                )
                box = next(inside, None)
            if box is None:
                elsewhere.append(mark)
            elif not any(m.rule == mark.rule for m in box.marks):
                box.marks.append(mark)
        return elsewhere

    def _shown_of(self, node: int | None) -> int:
        while node is not None and node not in self.folded.instead and node in {n.id for n in self.graph}:
            found = self.graph[node]
            if found.op not in VIEWS or not found.inputs:
                return node
            node = found.inputs[0]
        return self.folded.instead.get(node, -1) if node is not None else -1

    def _groups(self, folded: Folded) -> list[Group]:
        held: dict[str, int] = {}
        for box in self.boxes:
            path = box.group
            while path:
                held[path] = held.get(path, 0) + 1
                path = path.rpartition(".")[0]
        return [
            Group(path, _plain(self.kinds.get(path, "")), *folded.repeats.get(path, (1, "")))
            for path, count in held.items()
            if (count > 1 or path in folded.repeats) and not self._covered(path, count, held)
        ]

    def _covered(self, path: str, count: int, held: dict[str, int]) -> bool:
        """Whether a module holds nothing but one other that is drawn."""
        return path not in self.folded.repeats and any(
            other.rpartition(".")[0] == path and number == count for other, number in held.items()
        )


def _passes(a: int, b: int, links: dict[tuple[int, int], str], order: dict[int, int]) -> bool:
    """Whether there is a longer way from one box to another: the arrow is a shortcut."""
    todo = [j for i, j in links if i == a and j != b]
    seen: set[int] = set()
    while todo:
        i = todo.pop()
        if i == b:
            return True
        if i not in seen and order[i] < order.get(b, -1):
            seen.add(i)
            todo += [k for j, k in links if j == i]
    return False


def _is_loss(node: Node) -> bool:
    return node.op.endswith("_loss") or "entropy" in node.op or node.op == "kl_div"


def _plain(kind: str) -> str:
    return re.sub(r"^nn\.", "", kind)


def _words(node: Node) -> str:
    """Return what a call is, as its author wrote it, with the settings that shape it."""
    name = re.sub(r"^(nn|F|torch|Tensor)\.", "", node.name or node.op)
    kernel, stride = node.arguments.get("kernel_size"), node.arguments.get("stride")
    if kernel is not None:
        name += " " + ("x".join(map(str, kernel)) if isinstance(kernel, (list, tuple)) else str(kernel))
        steps = {*stride} if isinstance(stride, (list, tuple)) else {stride}
        if len(steps) == 1 and steps - {1, None} and stride != kernel:
            name += f" /{steps.pop()}"
    return {"+": "add", "*": "multiply", "@": "matmul", "-": "subtract", "/": "divide"}.get(name, name)


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total

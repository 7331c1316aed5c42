"""What kind of model a graph is: its domain, its outputs' roles, its depth, its shortcuts, what comes back.

Everything is derived from the recorded calls. What they do not tell raises `Unknown`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from .graph import (
    ACTIVATIONS,
    ATTENTION,
    CONVOLUTIONS,
    DROPOUTS,
    POOLS,
    RECTIFIERS,
    RECURRENT,
    SIGMOIDS,
    SOFTMAXES,
    VIEWS,
    WEIGHTED,
    Graph,
    Node,
)
from .unknown import Plain, Unknown

Domain = Literal["vector", "image", "volume", "sequence", "text", "graph"]
Role = Literal[
    "scores", "probabilities", "log_probabilities", "bounded", "non_negative", "features", "state", "loss", "labels"
]

NONLINEAR = ACTIVATIONS | RECURRENT | ATTENTION | {pool for pool in POOLS if "max" in pool}
"""Calls that bend what goes through them. Norms and gates written as products are left out."""

_GATHERED = frozenset(
    {"scatter", "scatter_add", "scatter_reduce", "index_add", "index_select", "spmm", "segment_reduce"}
)
_WHOLE = ("int", "uint", "bool")


class OutputRole(Plain):
    """What one of the model's outputs is, as far as its last calls tell.

    `scores` come straight from a layer with a weight (logits, or a regression's estimate); `features` from a norm, a
    pool or another operation; `state` is what a recurrent layer hands on besides its outputs.
    """

    node: int
    shape: tuple[int, ...]
    role: Role


class Residual(Plain):
    """A shortcut around layers: the value of `start` joins at `end` (an addition) what `layers` weighted calls made.

    `identity` where the value itself is added; else it passes layers of its own (a projection).
    """

    start: int
    end: int
    layers: int
    identity: bool


def domain_of(graph: Graph) -> Domain:
    """Return what the model reads. Raises Unknown where its inputs tell nothing, or different things."""
    found = {_domain(graph, node) for node in graph if node.kind == "input" and graph.readers(node)}
    if "graph" in found:
        return "graph"
    told = found - {None}
    if len(told) != 1:
        why = "its inputs are of different kinds" if told else "the first layers do not tell"
        raise Unknown("model.domain", why)
    (domain,) = told
    assert domain is not None
    return domain


def _domain(graph: Graph, source: Node) -> Domain | None:
    if not source.gives:
        return None
    shape, whole = source.shape, source.gives[0].dtype.startswith(_WHOLE)
    first = _first_reached(graph, source, WEIGHTED | ATTENTION | _GATHERED | {"matmul", "addmm"})
    if whole and len(shape) == 2 and shape[0] == 2 and any(node.op in _GATHERED for node in graph):
        return "graph"
    if whole:
        embeds = [node for node in first if node.op in ("embedding", "embedding_bag")]
        return "text" if embeds and all(_reads_text(graph, node) for node in embeds) else None
    return _floating_domain(shape, {node.op for node in first})


def _floating_domain(shape: tuple[int, ...], first: set[str]) -> Domain | None:
    if first & CONVOLUTIONS:
        ranks = {op.rstrip("d")[-1] for op in first & CONVOLUTIONS}
        kinds: dict[str, Domain] = {"1": "sequence", "2": "image", "3": "volume"}
        return kinds[ranks.pop()] if len(ranks) == 1 else None
    if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[2] > 4 and shape[3] > 4:
        return "image"
    if len(shape) == 3 and first & (RECURRENT | ATTENTION):
        return "sequence"
    return "vector" if len(shape) == 2 and first & {"linear", "matmul", "addmm", "bilinear"} else None


def _reads_text(graph: Graph, embedding: Node) -> bool:
    """Whether the ids stand in a row whose places are mixed later (columns of categories are not)."""
    if not embedding.reads or len(embedding.reads[0].shape) != 2 or embedding.reads[0].shape[1] < 2:
        return embedding.op == "embedding_bag"
    mixing = RECURRENT | ATTENTION | {"conv1d", "mean", "max", "cumsum", "softmax"}
    after = graph.downstream(embedding)
    return any(node.op in mixing for node in graph if node.id in after)


def _first_reached(graph: Graph, source: Node, wanted: Collection[str]) -> list[Node]:
    """Return the first calls of the wanted kinds on every way from a node on."""
    found: list[Node] = []
    todo, seen = [source], {source.id}
    while todo:
        for reader in graph.readers(todo.pop()):
            if reader.id in seen:
                continue
            seen.add(reader.id)
            if reader.op in wanted:
                found.append(reader)
            else:
                todo.append(reader)
    return found


def roles_of(graph: Graph) -> tuple[OutputRole, ...]:
    """Return the outputs with their roles, in order."""
    return tuple(
        OutputRole(node=node.id, shape=tensor.shape, role=_role(graph, node, place))
        for node in (graph[i] for i in graph.outputs)
        for place, tensor in enumerate(node.gives if node.op in RECURRENT else node.gives[:1])
    )


def _role(graph: Graph, node: Node, place: int) -> Role:
    if node.op in RECURRENT and place:
        return "state"
    made = graph.behind(node, VIEWS | DROPOUTS)
    if node.gives and node.gives[0].dtype.startswith(_WHOLE):
        return "labels"
    if node.gives and node.shape == () and ("loss" in made.op or "entropy" in made.op):
        return "loss"
    if made.op in ("log_softmax", "logsigmoid"):
        return "log_probabilities"
    if made.op in SOFTMAXES | SIGMOIDS:
        return "probabilities"
    if made.op in ("tanh", "hardtanh", "softsign"):
        return "bounded"
    if made.op in RECTIFIERS - {"leaky_relu", "prelu", "rrelu", "threshold"} or made.op == "softplus":
        return "non_negative"
    return "scores" if made.op in WEIGHTED - RECURRENT - ATTENTION or made.op in ("addmm", "matmul") else "features"


def depth_of(graph: Graph) -> int:
    """Return the largest number of non-linear calls on a way from an input to an output."""
    deepest: dict[int, int] = {}
    for node in graph:
        before = max((deepest.get(i, 0) for i in node.inputs), default=0)
        deepest[node.id] = before + (node.op in NONLINEAR and node.kind != "constant")
    ends = graph.outputs or tuple(deepest)
    return max((deepest.get(i, 0) for i in ends), default=0)


def recurrence_of(graph: Graph) -> tuple[str, ...]:
    """Return the paths of modules whose results come back to them: recurrent layers, and cells that are unrolled."""
    found = dict.fromkeys(node.module for node in graph if node.op in RECURRENT and node.module is not None)
    calls: dict[str, list[Node]] = {}
    for node in graph:
        if node.kind == "layer" and node.parameters and node.module is not None and node.module not in found:
            calls.setdefault(node.module, []).append(node)
    for path, nodes in calls.items():
        if len(nodes) > 1 and nodes[0].id in graph.upstream(nodes[1]):
            found[path] = None
    return tuple(found)


def residuals_of(graph: Graph) -> tuple[Residual, ...]:
    """Return the shortcuts: additions of two values, one of which is (nearly) a past value of the other."""
    additions = [node for node in graph.joins if node.op == "add"]
    if not additions:
        return ()
    forks = graph.forks()
    found = []
    for node in additions:
        sides = [source for source in graph.sources(node) if source.kind != "constant"]
        start = forks.get(node.id)
        if start is None or len(sides) != 2:
            continue
        ways = [_between(graph, start, side) for side in sides]
        weights = [sum(graph[i].op in WEIGHTED | {"addmm", "matmul"} for i in way) for way in ways]
        bends = [any(graph[i].op in NONLINEAR for i in way) for way in ways]
        short = 0 if (weights[0], bends[0]) <= (weights[1], bends[1]) else 1
        if bends[short] or weights[short] > 1 or weights[1 - short] == 0:
            continue
        carried = all(graph[i].op in VIEWS | DROPOUTS for i in ways[short])
        found.append(Residual(start=start, end=node.id, layers=weights[1 - short], identity=carried))
    return tuple(found)


def _between(graph: Graph, start: int, end: Node) -> set[int]:
    """Return the calls on the ways from `start` (left out) to `end` (taken in)."""
    seen: set[int] = set()
    todo = [end.id]
    while todo:
        i = todo.pop()
        if i != start and i not in seen:
            seen.add(i)
            todo.extend(j for j in graph[i].inputs if j >= start)
    return {i for i in seen if graph[i].kind != "constant"}

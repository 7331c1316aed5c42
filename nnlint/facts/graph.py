"""One forward pass (and, where a run was observed, the way on to the loss) as a graph of calls.

A call is a layer (`nn.Linear`, `nn.LSTM`) or a function at the level at which people think (`relu`, `cat`, `softmax`).
A layer and its functional form have the same `op`: a rule asks for "softmax", however it was written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from .span import Span
from .unknown import Plain

if TYPE_CHECKING:
    import networkx as nx

VIEWS = frozenset(
    {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "contiguous",
     "identity", "expand", "clone", "to", "getitem", "detach", "chunk", "split", "unbind", "movedim", "checkpoint"}
)  # fmt: skip
"""Operations that hand values on unchanged: rules look through them."""

SIGMOIDS = frozenset({"sigmoid", "hardsigmoid"})
SATURATING = frozenset({"sigmoid", "tanh"})
SOFTMAXES = frozenset({"softmax", "log_softmax", "gumbel_softmax", "softmin"})
RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu", "prelu", "rrelu", "threshold"})
ACTIVATIONS = (
    frozenset({"elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "hardtanh", "hardswish",
               "tanhshrink", "softshrink", "hardshrink", "logsigmoid", "glu"})
    | SIGMOIDS | SATURATING | SOFTMAXES | RECTIFIERS
)  # fmt: skip
DROPOUTS = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"})
NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"})
CONVOLUTIONS = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
)  # fmt: skip
POOLS = frozenset(
    f"{kind}_pool{n}d"
    for kind in ("max", "avg", "lp", "adaptive_max", "adaptive_avg", "fractional_max")
    for n in (1, 2, 3)
)
RECURRENT = frozenset({"rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"})
ATTENTION = frozenset({"scaled_dot_product_attention", "multihead_attention"})
WEIGHTED = CONVOLUTIONS | RECURRENT | {"linear", "bilinear", "embedding", "embedding_bag", "multihead_attention"}
"""Operations with a weight that training changes (norms left out)."""


class Tensor(Plain):
    """The shape and dtype (`float32`, `int64`, ...) of a value."""

    shape: tuple[int, ...]
    dtype: str


class Node(Plain):
    """One call in the forward pass.

    `op` is the normalized name (`linear`, `conv2d`, `relu`, `add`, `matmul`, `view`, `cross_entropy`, ...), `name` what
    the user wrote (`nn.Softmax`, `F.softmax`, `Tensor.softmax`, `+`). `module` is the layer's own path for a layer, the
    path of the module whose forward makes the call for a function ("" for the root), and None for a call outside the
    model (the training loop). `arguments` holds plain values by PyTorch's own names (`dim`, `p`, `in_features`,
    `out_features`, `kernel_size`, `training`, ...). `inputs` are the ids of the nodes whose values are read, in order.
    """

    id: int
    op: str
    kind: Literal["layer", "function", "input", "constant"]
    name: str = ""
    module: str | None = None
    inputs: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    reads: tuple[Tensor, ...] = ()
    gives: tuple[Tensor, ...] = ()
    arguments: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    call: Span | None = None
    built: Span | None = None

    @property
    def span(self) -> Span | None:
        """The place to point at: the user's call, else where the layer was built."""
        return self.call or self.built

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first tensor given; () where there is none."""
        return self.gives[0].shape if self.gives else ()

    @property
    def units(self) -> int | None:
        """Number of output features of a weighted layer; None for anything else."""
        for key in ("out_features", "out_channels", "hidden_size"):
            if key in self.arguments:
                return int(self.arguments[key])
        return None

    @property
    def axis(self) -> int | None:
        """The axis (from 0) over which a softmax runs: torch picks one where `dim` is left out. None for the rest."""
        if self.op not in SOFTMAXES:
            return None
        rank, dim = len(self.shape), self.arguments.get("dim", -1 if self.op == "gumbel_softmax" else None)
        if dim is None:
            return 0 if rank in (0, 1, 3) else 1
        return int(dim) % rank if rank else 0

    @property
    def unit_axis(self) -> int | None:
        """The axis (from 0) of what a weighted layer gives along which its units stand; None for the rest."""
        if self.op not in WEIGHTED or not self.shape:
            return None
        if self.op in CONVOLUTIONS:
            return max(0, len(self.shape) - 1 - int(self.op.rstrip("d")[-1]))
        return len(self.shape) - 1

    def __hash__(self) -> int:
        return self.id


class Graph(Plain):
    """The calls in the order in which they were made, and the ids of those whose values leave the model."""

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...] = ()

    @cached_property
    def _by_id(self) -> dict[int, Node]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def _readers(self) -> dict[int, list[Node]]:
        readers: dict[int, list[Node]] = {}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                readers.setdefault(source, []).append(node)
        return readers

    def __getitem__(self, node_id: int) -> Node:
        return self._by_id[node_id]

    def __iter__(self) -> Iterator[Node]:  # type: ignore[override]
        return iter(self.nodes)

    def sources(self, node: Node) -> list[Node]:
        """Return the nodes whose values `node` reads, in order."""
        return [self._by_id[i] for i in node.inputs if i in self._by_id]

    def readers(self, node: Node) -> list[Node]:
        """Return the nodes that read a value of `node`."""
        return list(self._readers.get(node.id, ()))

    def behind(self, node: Node, through: Collection[str] = VIEWS) -> Node:
        """Walk back from `node` over operations in `through` (first input) to the node that made the values."""
        while node.op in through and node.inputs:
            node = self._by_id[node.inputs[0]]
        return node

    def ahead(self, node: Node, through: Collection[str] = VIEWS) -> list[Node]:
        """Return the first nodes after `node` on every way forward that are not in `through`."""
        found: dict[int, Node] = {}
        for reader in self.readers(node):
            for hit in self.ahead(reader, through) if reader.op in through else [reader]:
                found[hit.id] = hit
        return list(found.values())

    def activation_after(self, node: Node) -> Node | None:
        """Return the activation that alone reads `node` (norms, pools, dropout and views between), else None."""
        readers = self.ahead(node, VIEWS | DROPOUTS | NORMS | POOLS)
        return readers[0] if len(readers) == 1 and readers[0].op in ACTIVATIONS else None

    def layer_before(self, node: Node) -> Node | None:
        """Return the weighted layer that feeds `node` (norms, pools, dropout and views between), else None."""
        found = self.behind(self.sources(node)[0], VIEWS | DROPOUTS | NORMS | POOLS) if self.sources(node) else node
        return found if found.op in WEIGHTED else None

    @cached_property
    def joins(self) -> tuple[Node, ...]:
        """Skips and concatenations: the calls inside the model that add or join two computed values."""
        return tuple(
            node
            for node in self.nodes
            if node.op in ("add", "cat")
            and node.module is not None
            and len({source.id for source in self.sources(node) if source.kind != "constant"}) > 1
        )

    def upstream(self, node: Node) -> set[int]:
        """Return the ids of all nodes that `node` depends on, itself not included."""
        seen: set[int] = set()
        todo = list(node.inputs)
        while todo:
            i = todo.pop()
            if i not in seen and i in self._by_id:
                seen.add(i)
                todo.extend(self._by_id[i].inputs)
        return seen

    def downstream(self, node: Node) -> set[int]:
        """Return the ids of all nodes that depend on `node`, itself not included."""
        seen: set[int] = set()
        todo = [n.id for n in self.readers(node)]
        while todo:
            i = todo.pop()
            if i not in seen:
                seen.add(i)
                todo.extend(n.id for n in self._readers.get(i, ()))
        return seen

    def forks(self) -> dict[int, int]:
        """Return for each node the last one that every way from the inputs to it passes; none where there is none."""
        import networkx as nx

        graph = self.directed()
        graph.remove_nodes_from([n.id for n in self.nodes if n.kind == "constant"])
        root = -1
        graph.add_edges_from([(root, i) for i in list(graph) if not graph.in_degree(i)])
        found = nx.immediate_dominators(graph, root) if root in graph else {}
        return {i: j for i, j in found.items() if i != j and root not in (i, j) and j is not None}

    def normalizations(self) -> tuple[Node, ...]:
        """Return the calls that normalize, in order."""
        return tuple(node for node in self.nodes if node.op in NORMS)

    def directed(self) -> nx.DiGraph[int]:
        """Return the graph as a `networkx.DiGraph` over node ids, for questions that need an algorithm."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(n.id for n in self.nodes)
        graph.add_edges_from((i, n.id) for n in self.nodes for i in n.inputs)
        return graph

"""Ids go beyond the rows of the embedding that looks them up.

Why is this bad?
    An embedding of n rows knows the ids 0 to n - 1. Any other id stops the program, on a GPU with an assertion that
    names no line; it often comes with one rare row, hours after the start.

When is it fine?
    More rows than ids, and ids that the model shifts, hashes or clamps before it looks them up.

Fix safety
    Unsafe: a checkpoint of the old size no longer fits. Negative ids, and ids with gaps, should be mapped to 0 to
    n - 1 in the data instead.

References
    PyTorch: `torch.nn.Embedding`, `num_embeddings`.
"""

from collections.abc import Iterator

from nnlint.facts import Data, Features, Graph, Model, Node
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule

LOOKUPS = {"embedding", "embedding_bag"}
PLAIN = {"view", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "contiguous", "identity", "to"}
GAPS = 4
"""A table of so many times the size is no fix for ids with gaps."""


@rule(level="error", since="0.1")
def id_out_of_range(model: Model, data: Data) -> Iterator[Finding]:
    """Report an embedding that was asked, or will be asked, for a row that it does not have."""
    failure = model.failure
    if failure is not None and failure.node.op in LOOKUPS:
        node = failure.node
        low, high = failure.low, failure.high
        same = [f for f in data.features if node.reads and f.shape == node.reads[0].shape and f.kind == "ids"]
        if len(same) == 1:
            low, high = min(low, *_range(same[0])), max(high, *_range(same[0]))
        if low < 0 or high >= _rows(node):
            yield _finding(node, low, high, stopped=True)
        return
    if data.guessed:
        return
    for node, features in _lookups(model.graph, data):
        low, high = _range(features)
        if low < 0 or high >= _rows(node):
            yield _finding(node, low, high, stopped=False)


def _range(features: Features) -> tuple[float, float]:
    """Return the smallest and the largest id seen; (0, 0) where none was."""
    columns = features.columns
    return min((c.low for c in columns), default=0.0), max((c.high for c in columns), default=0.0)


def _rows(node: Node) -> int:
    return int(node.arguments.get("num_embeddings", 2**62))


def _lookups(graph: Graph, data: Data) -> Iterator[tuple[Node, Features]]:
    """Yield every embedding that looks up an input of the model as it is."""
    inputs = [node.id for node in graph if node.kind == "input"]
    for node in graph:
        if node.op in LOOKUPS and node.inputs and len(inputs) == len(data.features):
            source = graph.behind(graph[node.inputs[0]], PLAIN)
            if source.id in inputs and data.features[inputs.index(source.id)].kind == "ids":
                yield node, data.features[inputs.index(source.id)]


def _finding(node: Node, low: float, high: float, *, stopped: bool) -> Finding:
    rows = _rows(node)
    says = f"ids go up to {int(high)}, `{node.name}` has {rows} rows"
    if low < 0:
        says = f"ids go down to {int(low)}, `{node.name}` counts its rows from 0"
    fixes: list[Fix] = []
    if low >= 0 and high < GAPS * rows and node.built is not None:
        fixes = [
            set_argument(
                node.built,
                "num_embeddings",
                int(high) + 1,
                position=0,
                title=f"give the embedding {int(high) + 1} rows",
                changes="a checkpoint of the old size no longer fits",
            )
        ]
    return Finding(
        at=node.built or node,
        says=says,
        label=f"knows the ids 0 to {rows - 1}",
        also={node.call: "asked for it here"} if stopped and node.call is not None and node.built is not None else {},
        why=f"the first id outside 0 to {rows - 1} stops the program",
        help="" if fixes else "map the ids to 0 to n - 1 before they reach the model",
        fixes=fixes,
    )

"""Ways through a recorded graph, for the probe: the main path to the prediction, gates left aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .operations import ACTIVATIONS, DROPOUTS, SOFTMAXES, VIEWS

NodeDict = dict[str, Any]

GATES = frozenset({"sigmoid", "hardsigmoid", "tanh", "softmax", "softplus"})
"""Activations that, multiplied with something else, weigh it rather than pass a signal on."""

_WEIGHTED = frozenset(
    {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "rnn", "lstm", "gru",
     "rnn_cell", "lstm_cell", "gru_cell", "linear", "bilinear", "embedding", "embedding_bag", "multihead_attention"}
)  # fmt: skip


def first_layer(nodes: Sequence[NodeDict], source: int) -> NodeDict | None:
    """Return the first call of a layer with a weight that values of the node `source` reach."""
    reached = {source}
    for node in nodes[source + 1 :]:
        inputs = node.get("inputs", [])
        if any(i in reached for i in inputs):
            reached.add(node["id"])
            if node["op"] in _WEIGHTED and inputs and inputs[0] in reached:
                return node
    return None


def logits_of(graph: dict[str, Any]) -> int | None:
    """Return the node of the first floating point output, before any output activation; None where there is none."""
    nodes = graph["nodes"]
    for output in graph["outputs"]:
        gives = nodes[output].get("gives") or [{}]
        if not str(gives[0].get("dtype", "")).startswith(("float", "bfloat")):
            continue
        node = nodes[output]
        while node["op"] in VIEWS | DROPOUTS | ACTIVATIONS and node.get("inputs"):
            node = nodes[node["inputs"][0]]
        return int(node["id"]) if node["kind"] in ("layer", "function") else int(output)
    return None


def hidden_activations(graph: dict[str, Any], prediction: int) -> list[int]:
    """Return the activations on the longest way from an input to `prediction`, first to last."""
    nodes: Sequence[NodeDict] = graph["nodes"]
    gates = _gates(nodes)
    length: dict[int, int] = {}
    before: dict[int, int | None] = {}
    for node in nodes:
        i = node["id"]
        if node["kind"] == "input":
            length[i], before[i] = 0, None
            continue
        reached = [(length[j], -order, j) for order, j in enumerate(node.get("inputs", ())) if j in length]
        if not reached or i in gates:
            continue
        longest, _, source = max(reached)
        length[i] = longest + (node["op"] not in VIEWS)
        before[i] = source
    way: list[int] = []
    current: int | None = prediction
    while current is not None and current in before:
        way.append(current)
        current = before[current]
    hidden = [i for i in reversed(way) if nodes[i]["op"] in ACTIVATIONS - SOFTMAXES]
    return [i for i in hidden if i != prediction]


def _gates(nodes: Sequence[NodeDict]) -> set[int]:
    """Return the activations that are multiplied with something else."""
    found = set()
    for node in nodes:
        if node["op"] in ("mul", "matmul") and len(node.get("inputs", ())) == 2:
            for source in node["inputs"]:
                made = nodes[source]
                while made["op"] in VIEWS and made.get("inputs"):
                    made = nodes[made["inputs"][0]]
                if made["op"] in GATES:
                    found.add(made["id"])
    return found

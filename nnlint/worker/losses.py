"""Read the losses off a recorded graph: from the tensor that `backward()` is called on back to the predictions.

A loss of torch is known by its op. One written by hand is recognized by its structure where that leaves no doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .hand_written import JOINS, REDUCTIONS, THROUGH, Formulas

NodeDict = dict[str, Any]

KINDS = {
    "cross_entropy": "cross_entropy", "nll_loss": "nll", "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits", "mse_loss": "mse", "l1_loss": "l1",
    "smooth_l1_loss": "smooth_l1", "huber_loss": "huber", "kl_div": "kl_div", "soft_margin_loss": "soft_margin",
    "multilabel_soft_margin_loss": "multilabel_soft_margin", "multi_margin_loss": "hinge",
    "multilabel_margin_loss": "hinge", "hinge_embedding_loss": "hinge", "poisson_nll_loss": "poisson_nll",
    "gaussian_nll_loss": "gaussian_nll", "cosine_embedding_loss": "cosine", "triplet_margin_loss": "triplet",
    "triplet_margin_with_distance_loss": "triplet", "ctc_loss": "ctc", "margin_ranking_loss": "custom",
}  # fmt: skip
"""The op of a loss in the graph, and its kind as the facts name it."""


class Terms:
    """The losses that add up to the value that `backward()` was called on.

    `nodes` by id; `from_model(id)` says whether a node was recorded in a model's forward, `negative(id)` whether
    all values of a tensor that is none of the model's are 0 and below. `found` holds one entry for
    each loss: its `Loss` dict under "loss", the ids of its node and of its target.
    """

    def __init__(
        self,
        nodes: dict[int, NodeDict],
        from_model: Callable[[int], bool],
        last: int,
        negative: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.nodes, self._from_model = nodes, from_model
        self._depends: dict[int, bool] = {}
        self.found: list[dict[str, Any]] = []
        self._seen: set[int] = set()
        self._formulas = Formulas(nodes, self.depends, from_model, negative)
        self._expand(last)

    def depends(self, node: int) -> bool:
        """Whether a node's values come from a model."""
        todo = [node]
        while todo:
            current = todo[-1]
            if current in self._depends:
                todo.pop()
                continue
            if self._from_model(current):
                self._depends[current] = True
                continue
            inputs = self.nodes[current].get("inputs", [])
            open_inputs = [i for i in inputs if i not in self._depends and i < current]
            if open_inputs:
                todo.extend(open_inputs)
                continue
            self._depends[current] = any(self._depends.get(i, False) for i in inputs)
        return self._depends[node]

    def _expand(self, node: int) -> None:
        """Take sums apart into terms, and each term into a loss."""
        if node in self._seen or not self.depends(node):
            return
        self._seen.add(node)
        current = self.nodes[node]
        op = current["op"]
        inputs = [i for i in current.get("inputs", []) if self.depends(i)]
        if op in KINDS:
            self._known(current)
        elif not self._holds_known(node):
            self._by_hand(node)
        elif op in REDUCTIONS | JOINS | THROUGH | {"add", "sub", "mul", "div", "neg"} or self._from_model(node):
            for i in inputs:
                self._expand(i)
        elif len(inputs) == 1:
            self._expand(inputs[0])
        else:
            self._custom(node)

    def _holds_known(self, node: int) -> bool:
        todo, seen = [node], set()
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            if self.nodes[current]["op"] in KINDS:
                return True
            todo.extend(self.nodes[current].get("inputs", []))
        return False

    def _known(self, node: NodeDict) -> None:
        name = node.get("name", "").removeprefix("nn.") or node["op"]
        loss: dict[str, Any] = {"kind": KINDS[node["op"]], "name": name}
        built, call = node.get("built"), node.get("call")
        loss["span"] = built or call
        loss["call"] = call
        reduction = node.get("arguments", {}).get("reduction")
        if isinstance(reduction, str):
            loss["reduction"] = reduction
        elif node["kind"] == "function":
            loss["reduction"] = "mean"
        inputs = node.get("inputs", [])[:2]
        predicted = next((i for i in inputs if self.depends(i)), None)
        target = next((i for i in inputs if i != predicted), None)
        if predicted is not None:
            loss["reads"] = [predicted]
        self._add(loss, node["id"], target)

    def _by_hand(self, node: int) -> None:
        """Recognize one term that holds no loss of torch."""
        found = self._formulas.read(node)
        if found is None:
            parts = self._formulas.joined(node)
            for i in parts:
                self._expand(i)
            if not parts:
                self._custom(node)
            return
        loss: dict[str, Any] = {"kind": found.kind, "name": "hand-written loss", "reads": [found.predicted]}
        loss["span"] = loss["call"] = self.nodes[node].get("call")
        loss["reduction"] = found.reduction
        self._add(loss, node, found.target)

    def _custom(self, node: int) -> None:
        loss: dict[str, Any] = {"kind": "custom", "name": "hand-written loss", "reads": self._leaving(node)}
        loss["span"] = loss["call"] = self.nodes[node].get("call")
        self._add(loss, node, None)

    def _leaving(self, node: int) -> list[int]:
        """Return the nodes in which values leave the model on the way to `node`."""
        found, todo, seen = [], [node], set()
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            if self._from_model(current):
                found.append(current)
            else:
                todo.extend(i for i in self.nodes[current].get("inputs", []) if self.depends(i))
        return sorted(found)

    def _add(self, loss: dict[str, Any], node: int, target: int | None) -> None:
        self.found.append({"loss": {k: v for k, v in loss.items() if v is not None}, "node": node, "target": target})

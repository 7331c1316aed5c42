"""Read the losses off a recorded graph: from the tensor that `backward()` is called on back to the predictions.

A loss of torch is known by its op. One written by hand is recognized by its structure where that leaves no doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NodeDict = dict[str, Any]
Shape = tuple[Any, Any, Any]
"""Kind, prediction and target of a loss written by hand; None where not certain."""

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

_THROUGH = frozenset(
    {"view", "reshape", "squeeze", "unsqueeze", "flatten", "contiguous", "to", "clone", "identity", "expand"}
)
_REDUCTIONS = frozenset({"mean", "sum", "nanmean", "nansum"})
_JOINS = frozenset({"stack", "cat"})


class Terms:
    """The losses that add up to the value that `backward()` was called on.

    `nodes` by id; `from_model(id)` says whether a node was recorded in a model's forward. `found` holds one entry for
    each loss: its `Loss` dict under "loss", the ids of its node and of its target.
    """

    def __init__(self, nodes: dict[int, NodeDict], from_model: Callable[[int], bool], last: int) -> None:
        self.nodes, self._from_model = nodes, from_model
        self._depends: dict[int, bool] = {}
        self.found: list[dict[str, Any]] = []
        self._seen: set[int] = set()
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
        elif op in _REDUCTIONS | _JOINS | _THROUGH | {"add", "sub", "mul", "div", "neg"} or self._from_model(node):
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
        negative, averaged, reduced, body = False, False, None, node
        while True:
            current = self.nodes[body]
            inputs = [i for i in current.get("inputs", []) if self.depends(i)]
            op = current["op"]
            if self._from_model(body) or len(inputs) != 1:
                break
            if op == "neg":
                negative = not negative
            elif op in _REDUCTIONS:
                reduced = op if reduced in (None, op) else "mean"
            elif op in ("div", "mul") and self._scales(current):
                averaged = averaged or op == "div"
            elif op not in _THROUGH:
                break
            body = inputs[0]
        kind, predicted, target = self._shape(body, negative)
        if kind is None and not self._from_model(body) and self.nodes[body]["op"] == "add" and body == node:
            for i in self.nodes[body].get("inputs", []):
                self._expand(i)
            return
        if kind is None or predicted is None:
            self._custom(node)
            return
        loss: dict[str, Any] = {"kind": kind, "name": "hand-written loss", "reads": [predicted]}
        loss["span"] = loss["call"] = self.nodes[node].get("call")
        if reduced is not None:
            loss["reduction"] = "mean" if averaged else reduced
        self._add(loss, node, target)

    def _scales(self, node: NodeDict) -> bool:
        """Whether a product or quotient is with one number (a weight, a count), not with a tensor of values."""
        others = [i for i in node.get("inputs", []) if not self.depends(i)]
        return all(not g.get("shape") for i in others for g in self.nodes[i].get("gives", [])[:1])

    def _shape(self, body: int, negative: bool) -> Shape:
        """Return kind, prediction and target of the values that are averaged, (None, None, None) where not certain."""
        node = self.nodes[body]
        op, inputs = node["op"], node.get("inputs", [])
        if not negative and (self._squares(node) or op == "abs") and inputs:
            difference = self.nodes[self._behind(inputs[0])]
            if difference["op"] in ("sub", "rsub") and len(difference["inputs"]) == 2:
                predicted, target = self._sides(difference["inputs"])
                return ("l1" if op == "abs" else "mse"), predicted, target
        if negative and op in ("gather", "getitem", "mul") and inputs:
            predicted, target = self._sides(inputs[:2])
            if predicted is not None and self._is_log_softmax(predicted):
                return "nll", predicted, target
        if negative and op == "add" and len(inputs) == 2:
            return self._binary(inputs)
        return None, None, None

    def _binary(self, terms: list[int]) -> Shape:
        """Recognize `y log p + (1 - y) log(1 - p)`."""
        found = []
        for term in terms:
            node = self.nodes[self._behind(term)]
            if node["op"] != "mul" or len(node["inputs"]) != 2:
                return None, None, None
            factor, target = self._sides(node["inputs"])
            log = self.nodes[self._behind(factor)] if factor is not None else None
            if log is None or log["op"] != "log" or target is None:
                return None, None, None
            inner = self._behind(log["inputs"][0])
            while self.nodes[inner]["op"] in ("add", "clamp") and not self._from_model(inner):
                inner = self._behind(self.nodes[inner]["inputs"][0])
            found.append((inner, target))
        (one, target), (other, second) = found
        if other in self._sources(one):
            one, other, target = other, one, second
        if one in self._sources(other) and self.nodes[other]["op"] in ("sub", "rsub"):
            return "bce", one, target
        return None, None, None

    def _sources(self, node: int) -> list[int]:
        return [self._behind(i) for i in self.nodes[node].get("inputs", [])]

    def _squares(self, node: NodeDict) -> bool:
        inputs = node.get("inputs", [])
        if node["op"] == "square":
            return True
        if node["op"] == "mul":
            return len(inputs) == 2 and inputs[0] == inputs[1]
        return bool(node["op"] == "pow" and node.get("arguments", {}).get("exponent") == 2)

    def _is_log_softmax(self, node: int) -> bool:
        made = self.nodes[self._behind(node)]
        if made["op"] == "log_softmax":
            return True
        return bool(made["op"] == "log" and self.nodes[self._behind(made["inputs"][0])]["op"] == "softmax")

    def _sides(self, inputs: list[int]) -> tuple[int | None, int | None]:
        """Return which of two inputs comes from the model, and the other; (None, None) where not exactly one does."""
        ours = [i for i in inputs if self.depends(i)]
        others = [i for i in inputs if not self.depends(i)]
        if len(ours) != 1:
            return None, None
        return ours[0], others[0] if others else None

    def _behind(self, node: int) -> int:
        while self.nodes[node]["op"] in _THROUGH and self.nodes[node].get("inputs"):
            node = self.nodes[node]["inputs"][0]
        return node

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

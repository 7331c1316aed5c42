"""Recognize a loss written by hand by its structure, where that leaves no doubt.

Squared and absolute errors, the negative log-likelihood of chosen classes, cross-entropy by the logarithm of a sum of
exponentials, and binary cross-entropy, in the forms in which people write them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

NodeDict = dict[str, Any]

THROUGH = frozenset(
    {"view", "reshape", "squeeze", "unsqueeze", "flatten", "contiguous", "to", "clone", "identity", "expand"}
)
REDUCTIONS = frozenset({"mean", "sum", "nanmean", "nansum"})
JOINS = frozenset({"stack", "cat"})
_PICKS = frozenset({"gather", "getitem", "mul"})
_KEEPS = frozenset({"clamp", "clamp_min", "clamp_max", "nan_to_num"})


class Formula(NamedTuple):
    """What a formula is: kind, prediction, target (None where not known), and how it is reduced (None: not at all)."""

    kind: str
    predicted: int
    target: int | None
    reduction: str | None


class Formulas:
    """Reads formulas off `nodes`. `depends` says whether a value comes from a model, `from_model` whether a call
    was made inside of one, `negative` whether the values of a tensor that is none of the model's are 0 and below."""

    def __init__(
        self,
        nodes: dict[int, NodeDict],
        depends: Callable[[int], bool],
        from_model: Callable[[int], bool],
        negative: Callable[[int], bool],
    ) -> None:
        self.nodes, self._depends, self._from_model, self._negative = nodes, depends, from_model, negative

    def read(self, node: int) -> Formula | None:
        """Return what the value of `node` is, None where that is not certain."""
        sign, reduction, body = self._unwrapped(node)
        terms = self._terms(body, sign)
        shape = None
        if len(terms) == 1:
            ((sign, term),) = terms
            shape = self._error(term) if sign > 0 else self._likelihood(term)
            if shape is None and sign > 0:
                shape = self._likelihood(term, negated=False)
        elif len(terms) == 2 and terms[0][0] < 0 and terms[1][0] < 0:
            shape = self._binary([term for _, term in terms])
        elif len(terms) == 2 and terms[0][0] != terms[1][0]:
            shape = self._cross_entropy(*(term for _, term in sorted(terms, reverse=True)))
        if shape is None:
            return None
        kind, predicted, target = shape
        return Formula(kind, predicted, target, reduction)

    def joined(self, node: int) -> list[int]:
        """Return the parts of what is stacked behind a mean or sum, the addends of a sum, else nothing."""
        _, _, body = self._unwrapped(node)
        joins = self.nodes[body]["op"] in JOINS or (body == node and self.nodes[node]["op"] == "add")
        return self._ours(body) if joins and not self._from_model(body) and len(self._ours(body)) > 1 else []

    # -- taking apart

    def _unwrapped(self, node: int) -> tuple[int, str | None, int]:
        """Return the sign, the reduction and the node behind means, sums, roots and scales."""
        sign, averaged, reduction = 1, False, None
        while not self._from_model(node):
            current = self.nodes[node]
            op, inputs = current["op"], self._ours(node)
            if len(inputs) != 1:
                break
            if op == "neg":
                sign = -sign
            elif op in REDUCTIONS:
                reduction = op if reduction in (None, op) else "mean"
            elif op in ("div", "mul") and self._scales(current):
                averaged = averaged or op == "div"
            elif op not in THROUGH and not self._root(current):
                break
            node = inputs[0]
        return sign, "mean" if averaged and reduction else reduction, node

    def _terms(self, node: int, sign: int) -> list[tuple[int, int]]:
        """Take a sum apart into what is added and what is taken away."""
        current, inputs = self.nodes[node], self._ours(node)
        op = current["op"]
        if self._from_model(node):
            return [(sign, node)]
        if len(inputs) == 1 and (op in THROUGH | REDUCTIONS or (op in ("mul", "div") and self._scales(current))):
            return self._terms(inputs[0], sign)
        if op == "neg":
            return self._terms(inputs[0], -sign)
        if op in ("add", "sub") and len(inputs) == 2:
            return self._terms(inputs[0], sign) + self._terms(inputs[1], sign if op == "add" else -sign)
        others = [i for i in current.get("inputs", []) if i not in inputs]
        if op == "mul" and any(self._negative(i) for i in others):
            sign = -sign
        return [(sign, node)]

    # -- kinds

    def _error(self, node: int) -> tuple[str, int, int | None] | None:
        """Recognize a squared or absolute difference, weighted or not."""
        current = self.nodes[node]
        inputs = current.get("inputs", [])
        if current["op"] == "mul" and len(inputs) == 2 and not self._squares(current):
            ours = self._ours(node)
            return self._error(self._behind(ours[0])) if len(ours) == 1 else None
        if not inputs or not (self._squares(current) or current["op"] == "abs"):
            return None
        difference = self.nodes[self._behind(inputs[0])]
        if difference["op"] != "sub" or len(difference["inputs"]) != 2:
            return None
        predicted, target = self._sides(difference["inputs"])
        return None if predicted is None else ("l1" if current["op"] == "abs" else "mse", predicted, target)

    def _likelihood(self, node: int, *, negated: bool = True) -> tuple[str, int, int | None] | None:
        """Recognize the log-probability of the right class, which `negated` says to stand behind a minus."""
        current = self.nodes[node]
        if current["op"] not in _PICKS or self._from_model(node):
            return None
        predicted, target = self._sides(current["inputs"])
        if predicted is None:
            return None
        while self.nodes[self._behind(predicted)]["op"] == "neg":
            predicted, negated = self._ours(self._behind(predicted))[0], not negated
        read = self._log_probability(predicted)
        return (*read, self._positive(target)) if read is not None and negated else None

    def _positive(self, target: int | None) -> int | None:
        return None if target is None or self._negative(target) else target

    def _log_probability(self, node: int) -> tuple[str, int] | None:
        """Return how a loss reads the logarithm of a softmax, and from where."""
        made = self.nodes[self._behind(node)]
        if made["op"] == "log_softmax":
            return "nll", node
        if made["op"] == "sub" and len(made["inputs"]) == 2:
            logits = self._shifted(made["inputs"][0])
            if self._log_of_sum(made["inputs"][1]) != logits:
                return None
            return ("nll", node) if self._from_model(self._behind(node)) else ("cross_entropy", logits)
        if made["op"] != "log":
            return None
        inner = self._kept(made["inputs"][0])
        if self.nodes[inner]["op"] == "softmax":
            return "nll", node
        read = self._softmax_by_hand(inner)
        return ("cross_entropy", read) if read is not None else None

    def _softmax_by_hand(self, node: int) -> int | None:
        """Return the logits of `exp(z) / exp(z).sum()`."""
        current = self.nodes[node]
        if current["op"] != "div" or len(current["inputs"]) != 2 or self._from_model(node):
            return None
        above, below = (self._behind(i) for i in current["inputs"])
        if self.nodes[above]["op"] != "exp" or self.nodes[below]["op"] != "sum":
            return None
        logits = self._shifted(self.nodes[above]["inputs"][0])
        again = self.nodes[self._behind(self.nodes[below]["inputs"][0])]
        return logits if again["op"] == "exp" and self._shifted(again["inputs"][0]) == logits else None

    def _cross_entropy(self, whole: int, picked: int) -> tuple[str, int, int | None] | None:
        """Recognize `logsumexp(z) - z[y]`."""
        choice, logits = self.nodes[picked], self._log_of_sum(whole)
        if choice["op"] not in _PICKS or self._from_model(picked) or logits is None:
            return None
        predicted, target = self._sides(choice["inputs"])
        same = predicted is not None and self._shifted(predicted) == logits
        return ("cross_entropy", logits, target) if same else None

    def _log_of_sum(self, node: int) -> int | None:
        """Return the logits of `logsumexp(z)` or `exp(z).sum().log()`."""
        total = self.nodes[self._behind(node)]
        if total["op"] == "log":
            added = self.nodes[self._behind(total["inputs"][0])]
            total = self.nodes[self._behind(added["inputs"][0])] if added["op"] == "sum" else added
            return self._shifted(total["inputs"][0]) if total["op"] == "exp" else None
        return self._shifted(total["inputs"][0]) if total["op"] == "logsumexp" else None

    def _binary(self, terms: list[int]) -> tuple[str, int, int | None] | None:
        """Recognize `y log p + (1 - y) log(1 - p)`."""
        found: dict[bool, tuple[int, int]] = {}
        for term in terms:
            node = self.nodes[term]
            factor, target = self._sides(node["inputs"]) if node["op"] == "mul" else (None, None)
            log = self.nodes[self._behind(factor)] if factor is not None else None
            if log is None or target is None or log["op"] not in ("log", "log1p"):
                return None
            inner = self._kept(log["inputs"][0])
            complement = self.nodes[inner]["op"] == ("sub" if log["op"] == "log" else "neg")
            if log["op"] == "log1p" and not complement:
                return None
            found[complement] = (self._kept(self.nodes[inner]["inputs"][0]) if complement else inner, target)
        if len(found) == 2 and found[True][0] == found[False][0]:
            return "bce", found[False][0], self._positive(found[False][1])
        return None

    # -- single calls

    def _ours(self, node: int) -> list[int]:
        return [i for i in self.nodes[node].get("inputs", []) if self._depends(i)]

    def _sides(self, inputs: list[int]) -> tuple[int | None, int | None]:
        """Return which input comes from the model, and the last other one; (None, None) where not exactly one does."""
        ours = [i for i in inputs if self._depends(i)]
        others = [i for i in inputs if not self._depends(i)]
        return (ours[0], others[-1] if others else None) if len(ours) == 1 else (None, None)

    def _behind(self, node: int) -> int:
        while self.nodes[node]["op"] in THROUGH and self.nodes[node].get("inputs"):
            node = self.nodes[node]["inputs"][0]
        return node

    def _kept(self, node: int) -> int:
        """Walk back over views and what keeps a probability off 0 and 1: a clamp, a small number added."""
        node = self._behind(node)
        while self.nodes[node]["op"] in _KEEPS | {"add"} and not self._from_model(node) and len(self._ours(node)) == 1:
            node = self._behind(self._ours(node)[0])
        return node

    def _shifted(self, node: int) -> int:
        """Walk back over the subtraction of a maximum."""
        node = self._behind(node)
        current = self.nodes[node]
        if current["op"] == "sub" and len(current["inputs"]) == 2 and not self._from_model(node):
            value, shift = (self._behind(i) for i in current["inputs"])
            while self.nodes[shift]["op"] in ("detach", "getitem"):
                shift = self._behind(self.nodes[shift]["inputs"][0])
            if self.nodes[shift]["op"] in ("max", "amax") and self._behind(self.nodes[shift]["inputs"][0]) == value:
                return value
        return node

    def _scales(self, node: NodeDict) -> bool:
        """Whether a product or quotient is with one number (a weight, a count), not with a tensor of values."""
        others = [i for i in node.get("inputs", []) if not self._depends(i)]
        return all(not g.get("shape") for i in others for g in self.nodes[i].get("gives", [])[:1])

    def _squares(self, node: NodeDict) -> bool:
        inputs = node.get("inputs", [])
        if node["op"] == "mul" and len(inputs) == 2:
            one, other = (self.nodes[self._behind(i)] for i in inputs)
            again = one["op"] == other["op"] == "sub" and one["inputs"] == other["inputs"]
            return bool(inputs[0] == inputs[1] or again)
        return bool(node["op"] == "square" or (node["op"] == "pow" and _exponent(node) == 2))

    def _root(self, node: NodeDict) -> bool:
        return bool(node["op"] == "sqrt" or (node["op"] == "pow" and _exponent(node) == 0.5))


def _exponent(node: NodeDict) -> Any:
    return node.get("arguments", {}).get("exponent")

"""The facts of a loss: what it is, how it reduces, what it takes as its prediction."""

from __future__ import annotations

import ast
from typing import Any

from ..facts import Loss, Missing
from .flow import Lost
from .objects import Objects
from .terms import Term

_FIRST = ("input", "input1", "anchor", "log_probs")


class LossReader:
    """Turns terms into facts."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.program, self.flow, self.values = objects.program, objects.flow, objects.values

    def read(self, term: Term) -> Loss:
        """Return the fact for one term."""
        spot = term.built.node if term.built is not None else term.node
        return Loss(
            kind=term.kind,
            name=term.name,
            span=self.program.span(spot),
            call=self.program.span(term.node),
            reduction=self._reduction(term),
        )

    def _reduction(self, term: Term) -> Any:
        built = term.built.node if term.built is not None else term.node
        frame = term.built.frame if term.built is not None else term.frame
        torch_loss = isinstance(term.kind, str) and term.kind != "custom" and term.name != "hand-written loss"
        if not torch_loss or not isinstance(built, ast.Call):
            return Missing("the loss is written by hand")
        written = [k for c in (term.node, built) if isinstance(c, ast.Call) for k in c.keywords]
        if any(k.arg is None or k.arg in ("reduce", "size_average") for k in written):
            return Missing("it is set by old or unpacked arguments")
        for keyword in written:
            if keyword.arg == "reduction":
                value = self.values.maybe(keyword.value, None, frame)
                return value if isinstance(value, str) else Missing("it is computed when the program runs")
        return "mean"

    def prediction(self, term: Term) -> ast.expr | None:
        """Return the expression that a loss call takes as its prediction."""
        if not isinstance(term.node, ast.Call) or not isinstance(term.kind, str) or term.name == "hand-written loss":
            return None
        for keyword in term.node.keywords:
            if keyword.arg in _FIRST:
                return keyword.value
        first = term.node.args[:1]
        return first[0] if first and not isinstance(first[0], ast.Starred) else None

    def reads_model(self, term: Term) -> bool:
        """Return whether the prediction is the model's call itself, or a name assigned once from it."""
        node, frame = self.prediction(term), term.frame
        for _ in range(4):
            if isinstance(node, ast.Name):
                try:
                    places = self.flow.definitions(node, frame)
                except Lost:
                    return False
                if len(places) != 1 or places[0].path:
                    return False
                node, frame = places[0].node, places[0].frame
            else:
                break
        return isinstance(node, ast.Call) and self.objects.is_model(node.func, frame)

"""What a rule can subscribe to besides whole facts: one layer, one output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .graph import ACTIVATIONS, DROPOUTS, VIEWS, WEIGHTED, Graph, Node
from .model import Model, Parameter
from .recipe import Loss
from .subject import Facts
from .unknown import Unknown


@dataclass(frozen=True)
class Layer:
    """One call of a layer or function in the forward pass, with what surrounds it."""

    node: Node
    graph: Graph
    model: Model

    @property
    def op(self) -> str:
        """The normalized name: `linear`, `softmax`, `dropout`."""
        return self.node.op

    @property
    def weight(self) -> Parameter | None:
        """The layer's weight, where it has one."""
        return next((p for p in self.parameters if p.role == "weight"), None)

    @property
    def bias(self) -> Parameter | None:
        """The layer's bias, where it has one."""
        return next((p for p in self.parameters if p.role == "bias"), None)

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters that this call reads."""
        return [self.model.parameter(name) for name in self.node.parameters]


@dataclass(frozen=True)
class Output:
    """A value that reaches a loss, or (where no loss is known) that the model returns."""

    node: Node
    graph: Graph
    model: Model
    reader: Loss | None = None

    @property
    def loss(self) -> Loss:
        """The loss that reads it. Raises Unknown where none is known."""
        if self.reader is None:
            raise Unknown("recipe.loss", "no loss that reads this output is known")
        return self.reader

    @property
    def call(self) -> Node | None:
        """The call of the loss, where that is one of torch's: `call.inputs[:2]` are what it compares; else None."""
        found = [n for n in self.graph.readers(self.node) if n.module is None and len(n.inputs) > 1]
        return next((n for n in found if n.call == self.loss.call and " " not in self.loss.name), None)

    @property
    def target_place(self) -> int | None:
        """Which argument of the loss's call holds the targets: 1, or 0 where they stand first; None where unknown."""
        call = self.call
        place = call.inputs.index(self.node.id) if call is not None else 2
        return 1 - place if place < 2 else None

    @property
    def tail(self) -> tuple[Node, ...]:
        """The views, dropout and activations that the value went through last, the very last first."""
        found, node = [], self.node
        while node.op in VIEWS | DROPOUTS | ACTIVATIONS and node.inputs:
            found.append(node)
            node = self.graph[node.inputs[0]]
        return tuple(found)

    @property
    def last(self) -> Node:
        """The node that made the values, views looked through."""
        return self.graph.behind(self.node)

    @property
    def made(self) -> Node:
        """The node that made the values, views and dropout looked through."""
        return self.graph.behind(self.node, VIEWS | DROPOUTS)

    @property
    def activation(self) -> str | None:
        """The activation applied last (`softmax`, `sigmoid`, `relu`), views and dropout looked through; else None."""
        return self.made.op if self.made.op in ACTIVATIONS else None

    @property
    def source(self) -> Node | None:
        """The weighted layer that the output comes from by views, dropout and activations alone; None otherwise."""
        made = self.graph.behind(self.node, VIEWS | DROPOUTS | ACTIVATIONS)
        return made if made.op in WEIGHTED else None


def layers(facts: Facts) -> Iterator[Layer]:
    """Yield every call inside the model. Raises Unknown where no forward was traced."""
    if facts.model is None:
        raise Unknown("model")
    graph = facts.model.graph
    for node in graph:
        if node.kind in ("layer", "function") and node.module is not None:
            yield Layer(node, graph, facts.model)


def outputs(facts: Facts) -> Iterator[Output]:
    """Yield every output: those that a known loss reads, else those that the model returns."""
    if facts.model is None:
        raise Unknown("model")
    graph = facts.model.graph
    read = False
    if facts.recipe is not None:
        try:
            for loss in facts.recipe.losses:
                for node_id in loss.reads:
                    read = True
                    yield Output(graph[node_id], graph, facts.model, loss)
        except Unknown:
            pass
    if not read:
        for node_id in graph.outputs:
            yield Output(graph[node_id], graph, facts.model)

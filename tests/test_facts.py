"""Facts: an unknown one raises when it is read, and survives JSON, copies and merging."""

from __future__ import annotations

import copy
import pickle

import pytest

from nnlint.facts import (
    Facts,
    Graph,
    Loss,
    Missing,
    Node,
    Optimizer,
    Probe,
    Recipe,
    Signal,
    Subject,
    Tensor,
    Unknown,
    known,
    layers,
    outputs,
)
from nnlint.facts.model import Model


def test_reading_an_unknown_fact_names_it_as_a_user_would():
    optimizer = Optimizer(kind="SGD", lr=Missing("computed at run time"))
    with pytest.raises(Unknown) as raised:
        _ = optimizer.lr
    assert raised.value.needs == "recipe.optimizer.lr"
    assert "computed at run time" in str(raised.value)


def test_unknown_is_no_attribute_error():
    optimizer = Optimizer(kind="SGD")
    with pytest.raises(Unknown):
        hasattr(optimizer, "lr")
    assert not hasattr(optimizer, "nonsense")


def test_unknown_survives_json_copies_and_pickles():
    recipe = Recipe(optimizers=(Optimizer(kind="SGD", lr=Missing("why")), Optimizer(kind="Adam", lr=0.1)))
    assert '"lr":{"unknown":"why"}' in recipe.model_dump_json()
    for twin in (
        Recipe.model_validate_json(recipe.model_dump_json()),
        Recipe.model_validate(recipe.model_dump()),
        copy.deepcopy(recipe),
        pickle.loads(pickle.dumps(recipe)),
    ):
        assert twin == recipe
        with pytest.raises(Unknown):
            _ = twin.optimizers[0].lr
        assert twin.optimizers[1].lr == 0.1


def test_hiding_a_fact_leaves_the_others():
    optimizer = Optimizer(kind="SGD", lr=0.1, momentum=0.9).hiding("lr")
    assert optimizer.momentum == 0.9
    assert known(lambda: optimizer.lr, 7.0) == 7.0


def test_none_is_known():
    assert Recipe(scheduler=None).scheduler is None


def test_several_losses_are_no_single_loss():
    with pytest.raises(Unknown, match="2 losses"):
        _ = Recipe(losses=(Loss(kind="mse"), Loss(kind="l1"))).loss


def test_a_probe_without_any_gradient_has_no_ratio():
    probe = Probe(signals=tuple(Signal(node=i, std=1.0, rms=1.0, gradient=0.0) for i in range(2)))
    with pytest.raises(Unknown, match="no gradient"):
        _ = probe.gradient_ratio
    assert probe.std_ratio == 1.0


def chain(*ops: str) -> Graph:
    """Return an input and a chain of calls inside the model."""
    tensor = (Tensor(shape=(2, 4), dtype="float32"),)
    nodes = [Node(id=0, op="input", kind="input", gives=tensor)]
    nodes += [
        Node(id=i, op=op, kind="function", module="", inputs=(i - 1,), gives=tensor) for i, op in enumerate(ops, 1)
    ]
    return Graph(nodes=tuple(nodes), outputs=(len(ops),))


def facts_of(graph: Graph, **more: object) -> Facts:
    """Return facts of a traced model with that graph."""
    subject = Subject(id="s", target="s.py:Net", path=None, status="traced")
    return Facts(subject=subject, model=Model(name="Net", graph=graph), **more)


def test_graph_looks_through_views_both_ways():
    graph = chain("linear", "view", "transpose", "softmax")
    assert graph.behind(graph[3]).op == "linear"
    assert [n.op for n in graph.ahead(graph[1])] == ["softmax"]
    assert graph.upstream(graph[4]) == {0, 1, 2, 3}
    assert graph.downstream(graph[1]) == {2, 3, 4}
    assert list(graph.directed().edges) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_graph_survives_json():
    graph = chain("linear", "relu")
    assert Graph.model_validate_json(graph.model_dump_json()) == graph


def test_outputs_are_those_that_a_loss_reads_else_those_returned():
    graph = chain("linear", "softmax", "view")
    (returned,) = outputs(facts_of(graph))
    assert (returned.node.id, returned.activation, returned.source.op) == (3, "softmax", "linear")
    with pytest.raises(Unknown, match=r"recipe\.loss"):
        _ = returned.loss
    loss = Loss(kind="cross_entropy", reads=(1,))
    (read,) = outputs(facts_of(graph, recipe=Recipe(losses=(loss,))))
    assert (read.node.op, read.activation, read.loss) == ("linear", None, loss)


def test_layers_are_the_calls_inside_the_model():
    assert [layer.op for layer in layers(facts_of(chain("linear", "relu")))] == ["linear", "relu"]

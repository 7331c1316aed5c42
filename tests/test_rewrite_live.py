"""Fixes applied to a copy of a model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nnlint.facts import Loss, Node
from nnlint.facts.graph import RECURRENT
from nnlint.fix import Initialize, InsertAfter, InsertBefore, Remove, Replace, ReplaceLoss, Verb
from nnlint.source.writers.operations import SPELLINGS
from nnlint.worker.live import CLASSES, CannotApplyLive, apply_live


def layer(path: str, op: str = "linear", **fields: Any) -> Node:
    return Node(id=0, op=op, kind="layer", name=op, module=path, **fields)


def live(model: nn.Module, *verbs: Verb) -> nn.Module:
    return apply_live(model, [verb.as_data() for verb in verbs])


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(dim=1)).eval()


def test_removing_leaves_the_logits() -> None:
    model = net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = live(model, Remove(node=layer("3", "softmax")))
    x = torch.randn(5, 4)
    assert torch.equal(changed(x), model[:3](x))
    assert isinstance(model[3], nn.Softmax)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not changed[3].training
    assert changed[0].weight is not model[0].weight


def test_replacing_keeps_what_means_the_same() -> None:
    changed = live(net(), Replace(node=layer("3", "softmax"), op="log_softmax"), Replace(node=layer("1"), op="elu"))
    assert repr(changed[3]) == "LogSoftmax(dim=1)"
    assert isinstance(changed[1], nn.ELU)
    wider = live(net(), Replace(node=layer("2"), op="linear", arguments={"out_features": 5}))
    assert wider(torch.zeros(1, 4)).shape == (1, 5)


def test_inserting_moves_the_items_behind() -> None:
    verbs = (
        InsertAfter(node=layer("0", gives=({"shape": (5, 8), "dtype": "float32"},)), op="relu"),
        InsertBefore(
            node=layer("2", reads=({"shape": (5, 8), "dtype": "float32"},)),
            op="batch_norm",
            arguments={"num_features": 8},
        ),
        Remove(node=layer("3", "softmax")),
    )
    changed = live(net().double(), *verbs)
    kinds = [type(module).__name__ for module in changed]
    assert kinds == ["Linear", "ReLU", "Tanh", "BatchNorm1d", "Linear", "Identity"]
    assert list(changed._modules) == list("012345")
    assert changed(torch.randn(2, 4, dtype=torch.float64)).shape == (2, 3)


def test_initializing_draws_without_touching_the_random_state() -> None:
    model, state = net(), torch.get_rng_state()
    changed = live(model, Initialize(nodes=(layer("0"), layer("2")), scheme="he_normal"))
    assert torch.equal(torch.get_rng_state(), state)
    assert not changed[0].bias.any()
    assert not torch.equal(changed[0].weight, model[0].weight)
    assert 0.3 < changed[0].weight.std().item() < 1.1


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.rnn = nn.LSTM(2, 2)


@pytest.mark.parametrize(
    "verb",
    [
        InsertAfter(node=layer("fc"), op="relu"),
        Remove(node=layer("rnn", "lstm")),
        Remove(node=layer("nowhere")),
        Remove(node=Node(id=1, op="softmax", kind="function", module="")),
        Replace(node=layer("fc"), op="what"),
        Replace(node=layer("fc"), op="group_norm"),
        Initialize(nodes=(layer("rnn"),), scheme="he_normal"),
        Initialize(nodes=(layer("fc"),), scheme="what"),
        ReplaceLoss(loss=Loss(), kind="bce"),
    ],
)
def test_what_needs_the_source_is_refused(verb: Verb) -> None:
    with pytest.raises(CannotApplyLive):
        live(Plain(), verb)


def test_every_class_is_one_of_torch() -> None:
    assert all(issubclass(getattr(nn, name), nn.Module) for name in CLASSES.values())


def test_both_writers_build_the_same_classes() -> None:
    written = {op: spelling.module for op, spelling in SPELLINGS.items() if op not in RECURRENT | {"threshold"}}
    assert written == CLASSES

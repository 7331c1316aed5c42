"""Spans of calls and constructions cover exactly the user's expression, wherever it stands."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nnlint.worker.recorder import Recorder
from nnlint.worker.sites import ConstructionSites, site

PROGRAM = """
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


def block(width, naïve="é"): return [nn.Linear(width, width), nn.ReLU()]


def helper(kind, *args, **kwargs):
    return kind(*args, **kwargs)


class Wide(nn.Linear):
    def __init__(self, n):
        super().__init__(n, n)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.loop = nn.ModuleList()
        for _ in range(2):
            self.loop.append(nn.Linear(16, 16))
        self.listed = nn.ModuleList([nn.Linear(16, 16, bias=i > 0) for i in range(2)])
        self.body = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), *block(16))
        self.named = nn.Sequential(OrderedDict([("fc", nn.Linear(16, 16)), ("act", nn.Sigmoid())]))
        self.add_module("added", nn.LayerNorm(16))
        self.helped = helper(nn.Linear, 16, 16)
        self.wide = Wide(16)
        self.over = nn.Linear(
            16,
            16,
        )
        self.deep = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x):
        x = F.relu(self.first(x))
        for layer in self.loop: x = layer(x) + x
        for layer in self.listed:
            x = layer(x)
        x = self.named(self.body(x)); x = self.added(x)
        naïve = "é"; x = torch.tanh(self.helped(x))
        x = self.over(
            self.wide(x)
        )
        y = x[:, 0] if x.dim() == 3 else x
        y = self.deep(y.unsqueeze(1)).squeeze(1)
        return nn.Softmax(dim=1)(y).mul(2) - -y


def build():
    return Net()
"""


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[torch.nn.Module, list[dict[str, Any]]]:
    path = tmp_path_factory.mktemp("program") / "prog.py"
    path.write_text(PROGRAM)
    spec = importlib.util.spec_from_file_location("traced_program", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with ConstructionSites():
        net = module.build()
    recorder = Recorder()
    recorder.adopt(net)
    with recorder:
        net(torch.randn(3, 8))
    return net, recorder.nodes


def text(span: dict[str, Any] | None) -> str | None:
    """Return what a span covers."""
    if span is None:
        return None
    lines = Path(span["path"]).read_text().split("\n")[span["line"] - 1 : span["end_line"]]
    lines[-1] = lines[-1][: span["end_column"] - 1]
    lines[0] = lines[0][span["column"] - 1 :]
    return " ".join(line.strip() for line in lines)


@pytest.mark.parametrize(
    ("path", "built"),
    [
        ("", "Net()"),
        ("first", "nn.Linear(8, 16)"),
        ("loop.0", "nn.Linear(16, 16)"),
        ("loop.1", "nn.Linear(16, 16)"),
        ("listed.0", "nn.Linear(16, 16, bias=i > 0)"),
        ("listed.1", "nn.Linear(16, 16, bias=i > 0)"),
        ("body.0", "nn.Linear(16, 16)"),
        ("body.1", "nn.Tanh()"),
        ("body.2", "nn.Linear(width, width)"),
        ("body.3", "nn.ReLU()"),
        ("named.fc", "nn.Linear(16, 16)"),
        ("named.act", "nn.Sigmoid()"),
        ("added", "nn.LayerNorm(16)"),
        ("helped", "kind(*args, **kwargs)"),
        ("wide", "Wide(16)"),
        ("over", "nn.Linear( 16, 16, )"),
        ("deep", "nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)"),
        ("deep.linear1", "nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)"),
    ],
)
def test_construction(traced: tuple[torch.nn.Module, list[dict[str, Any]]], path: str, built: str) -> None:
    net, _ = traced
    assert text(site(net.get_submodule(path))) == built


def test_sites_survive_copies(traced: tuple[torch.nn.Module, list[dict[str, Any]]]) -> None:
    net, _ = traced
    assert site(copy.deepcopy(net).first) == site(net.first)
    assert site(pickle.loads(pickle.dumps(net)).first) == site(net.first)


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("first", "self.first(x)"),
        ("loop.0", "layer(x)"),
        ("listed.1", "layer(x)"),
        ("body.0", None),
        ("body.2", None),
        ("named.fc", None),
        ("added", "self.added(x)"),
        ("helped", "self.helped(x)"),
        ("wide", "self.wide(x)"),
        ("over", "self.over( self.wide(x) )"),
        ("deep.linear1", None),
    ],
)
def test_call_of_a_layer(traced: tuple[torch.nn.Module, list[dict[str, Any]]], path: str, call: str | None) -> None:
    _, nodes = traced
    found = [n for n in nodes if n["kind"] == "layer" and n["module"] == path]
    assert [text(n.get("call")) for n in found] == [call]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("F.relu", "F.relu(self.first(x))"),
        ("+", "layer(x) + x"),
        ("torch.tanh", "torch.tanh(self.helped(x))"),
        ("Tensor.unsqueeze", "y.unsqueeze(1)"),
        ("Tensor.squeeze", "self.deep(y.unsqueeze(1)).squeeze(1)"),
        ("nn.Softmax", "nn.Softmax(dim=1)(y)"),
        ("Tensor.mul", "nn.Softmax(dim=1)(y).mul(2)"),
        ("-", "nn.Softmax(dim=1)(y).mul(2) - -y"),
    ],
)
def test_call_of_a_function(traced: tuple[torch.nn.Module, list[dict[str, Any]]], name: str, call: str) -> None:
    _, nodes = traced
    assert call in [text(n["call"]) for n in nodes if n.get("name") == name and "call" in n]


def test_what_is_built_nowhere_has_no_site() -> None:
    assert site(torch.nn.Linear(2, 2)) is None

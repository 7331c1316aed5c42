"""`Remove` in each way in which a layer or function can be written."""

# ruff: noqa: E501 - one spelling a line reads better

from __future__ import annotations

import pytest
from rewriting import applied, function, layer, program

from nnlint.facts import Node
from nnlint.fix import Remove
from nnlint.source.rewrite import CannotApply

HEAD = "import torch\nimport torch.nn as nn\n"


def removed(text: str, node: Node) -> str:
    return applied(text, Remove(node=node))


def forward(body: str, head: str = "import torch\nimport torch.nn.functional as F\n") -> str:
    return (
        head
        + "\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n"
        + "".join(f"        {line}\n" for line in body.split("\n"))
    )


@pytest.mark.parametrize(
    ("before", "call", "name", "after"),
    [
        ("return F.softmax(self.head(x), dim=1)", "F.softmax(self.head(x), dim=1)", "F.softmax", "return self.head(x)"),
        ("return self.head(x).softmax(-1)", "self.head(x).softmax(-1)", "Tensor.softmax", "return self.head(x)"),
        ("return self.head(x).softmax(-1)", "softmax(-1)", "Tensor.softmax", "return self.head(x)"),
        ("x = F.softmax(x, dim=1)\nreturn x", "F.softmax(x, dim=1)", "F.softmax", "return x"),
        ("x = x.softmax(dim=1)  # probabilities\nreturn x", "x.softmax(dim=1)", "Tensor.softmax", "return x"),
        ("return torch.softmax(a + b, 1) * 2", "torch.softmax(a + b, 1)", "torch.softmax", "return (a + b) * 2"),
        ("return torch.softmax(a + b, 1)", "torch.softmax(a + b, 1)", "torch.softmax", "return a + b"),
        ("return (a + b).softmax(1) * 2", "softmax(1)", "Tensor.softmax", "return (a + b) * 2"),
        ("return F.softmax(input=x, dim=1), x", "F.softmax(input=x, dim=1)", "F.softmax", "return x, x"),
        ("return F.softmax(\n    self.head(x),\n    dim=1,\n)", "F.softmax(\n            self.head(x),\n            dim=1,\n        )",
         "F.softmax", "return self.head(x)"),
        ("return F.softmax(\n    a\n    + b,\n    dim=1,\n)", "F.softmax(\n            a\n            + b,\n            dim=1,\n        )",
         "F.softmax", "return (a\n    + b)"),
        ("return (\n    self.head(x)\n    .softmax(-1)\n)", "softmax(-1)", "Tensor.softmax", "return (\n    self.head(x)\n)"),
        ("y = 1; x = F.softmax(x, dim=1); return x", "F.softmax(x, dim=1)", "F.softmax", "y = 1; return x"),
        ("x.sigmoid_()\nreturn x", "x.sigmoid_()", "Tensor.sigmoid_", "return x"),
        ("p = F.softmax(x, dim=1)\nreturn p", "F.softmax(x, dim=1)", "F.softmax", "p = x\nreturn p"),
        ("return F.softmax(F.relu(x), dim=1)", "F.softmax(F.relu(x), dim=1)", "F.softmax", "return F.relu(x)"),
    ],
)  # fmt: skip
def test_a_function_gives_way_to_its_input(before: str, call: str, name: str, after: str) -> None:
    text = forward(before)
    uses_f = "F." in after
    head = "import torch\nimport torch.nn.functional as F\n" if uses_f or "F." not in before else "import torch\n"
    assert removed(text, function(text, "softmax", call, name)) == forward(after, head)


def test_the_statement_that_builds_an_unused_layer_goes_too() -> None:
    text = program("""
        from torch import nn


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.out = nn.Linear(3, 1)
                self.out_act = nn.Sigmoid()  # 0 to 1

            def forward(self, x):
                return self.out_act(self.out(x))
    """)
    node = layer(text, "sigmoid", "nn.Sigmoid()", "self.out_act(self.out(x))", "out_act")
    assert removed(text, node) == text.replace("        self.out_act = nn.Sigmoid()  # 0 to 1\n", "").replace(
        "self.out_act(self.out(x))", "self.out(x)"
    )


@pytest.mark.parametrize("use", ["self.act(y)", 'getattr(self, "act")'])
def test_a_layer_that_is_used_elsewhere_stays(use: str) -> None:
    text = program(f"""
        from torch import nn


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.act = nn.Sigmoid()

            def forward(self, x, y):
                print({use})
                return self.act(x)
    """)
    after = removed(text, layer(text, "sigmoid", "nn.Sigmoid()", "self.act(x)", "act"))
    assert after == text.replace("return self.act(x)", "return x")


SEQUENTIALS = [
    ("nn.Sequential(\n    nn.Linear(2, 3),  # head\n    nn.Softmax(dim=1),\n)", "nn.Sequential(\n    nn.Linear(2, 3),  # head\n)"),
    ("nn.Sequential(\n    nn.Linear(2, 3),\n    nn.Softmax(dim=1)\n)", "nn.Sequential(\n    nn.Linear(2, 3)\n)"),
    ("nn.Sequential(\n    nn.Softmax(dim=1),\n    nn.Linear(2, 3),\n)", "nn.Sequential(\n    nn.Linear(2, 3),\n)"),
    ("nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))", "nn.Sequential(nn.Linear(2, 3))"),
    ("nn.Sequential(nn.Softmax(dim=1), nn.Linear(2, 3))", "nn.Sequential(nn.Linear(2, 3))"),
    ("nn.Sequential(nn.ReLU(), nn.Softmax(dim=1), nn.Linear(2, 3))", "nn.Sequential(nn.ReLU(), nn.Linear(2, 3))"),
    ("nn.Sequential(\n    nn.Linear(2, 3), nn.Softmax(dim=1),\n    nn.Linear(3, 3),\n)", "nn.Sequential(\n    nn.Linear(2, 3),\n    nn.Linear(3, 3),\n)"),
    ("nn.Sequential(nn.Linear(2, 3),\n              nn.Softmax(dim=1))", "nn.Sequential(nn.Linear(2, 3))"),
    ("nn.Sequential(nn.Linear(2, 3),  # head\n              nn.Softmax(dim=1))", "nn.Sequential(nn.Linear(2, 3)  # head\n              )"),
    ("nn.Sequential(*[nn.Linear(2, 3), nn.Softmax(dim=1)])", "nn.Sequential(*[nn.Linear(2, 3)])"),
    ('nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3)), ("softmax", nn.Softmax(dim=1))]))', 'nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3))]))'),
    ('nn.Sequential(OrderedDict({"fc": nn.Linear(2, 3), "softmax": nn.Softmax(dim=1)}))', 'nn.Sequential(OrderedDict({"fc": nn.Linear(2, 3)}))'),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), SEQUENTIALS)
def test_an_item_of_a_sequence(before: str, after: str) -> None:
    head = HEAD + "from collections import OrderedDict\n\nnet = "
    text = head + before + "\nprint(net)\n"
    assert removed(text, layer(text, "softmax", "nn.Softmax(dim=1)")) == head + after + "\nprint(net)\n"


STATEMENTS = [
    "layers = [nn.Linear(2, 3)]\nlayers.append(nn.Softmax(dim=1))\nnet = nn.Sequential(*layers)\n",
    'net = nn.Sequential()\nnet.add_module("fc", nn.Linear(2, 3))\nnet.add_module("act_3", nn.Softmax(dim=1))\n',
    "net = nn.Sequential(nn.Linear(2, 3))\nnet.append(nn.Softmax(dim=1))\n",
]


@pytest.mark.parametrize("body", STATEMENTS)
def test_a_statement_that_adds_a_layer(body: str) -> None:
    text = HEAD + body
    after = "".join(line for line in text.splitlines(keepends=True) if "Softmax" not in line)
    assert removed(text, layer(text, "softmax", "nn.Softmax(dim=1)")) == after


def test_an_if_that_would_be_empty_goes_with_its_statement() -> None:
    text = HEAD + program("""
        def mlp(last_act=None):
            layers = [nn.Linear(2, 3)]
            if last_act is not None:
                layers.append(last_act())
            return nn.Sequential(*layers)
    """)
    assert removed(text, layer(text, "softmax", "last_act()")) == text.replace(
        "    if last_act is not None:\n        layers.append(last_act())\n", ""
    )


def test_a_layer_bound_to_a_name_first() -> None:
    text = HEAD + "act = nn.Sigmoid()\nnet = nn.Sequential(nn.Linear(2, 3), act)\n"
    assert removed(text, layer(text, "sigmoid", "nn.Sigmoid()")) == HEAD + "net = nn.Sequential(nn.Linear(2, 3))\n"


def test_the_container_that_calls_a_layer_is_not_taken_for_the_layer() -> None:
    text = HEAD + program("""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))

            def forward(self, x):
                return self.net(x)
    """)
    node = layer(text, "softmax", "nn.Softmax(dim=1)", "self.net(x)", "net.1")
    assert removed(text, node) == text.replace(", nn.Softmax(dim=1)", "")


def test_several_items_at_once() -> None:
    text = HEAD + "net = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Softmax(dim=1))\n"
    verbs = [
        Remove(node=layer(text, "sigmoid", "nn.Sigmoid()", module="1")),
        Remove(node=layer(text, "softmax", "nn.Softmax(dim=1)", module="2", number=2)),
    ]
    assert applied(text, *verbs) == HEAD + "net = nn.Sequential(nn.Linear(2, 3))\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("net = nn.Sequential(nn.Linear(2, 3), nn.Softmax(1), nn.Linear(3, 3))\nprint(net[2].weight)\n", r"net\[2\]"),
        ("net = nn.ModuleList([nn.Linear(2, 3), nn.Softmax(1)])\n", "cannot take it out"),
        ("net = nn.Sequential(*[nn.Softmax(1) for _ in range(3)])\n", "cannot take it out"),
        ("net = Wrapper(nn.Softmax(1))\n", "cannot take it out"),
    ],
)
def test_nothing_is_half_done(body: str, reason: str) -> None:
    text = HEAD + body
    with pytest.raises(CannotApply, match=reason):
        removed(text, layer(text, "softmax", "nn.Softmax(1)"))


def test_a_loop_that_builds_many_is_left_alone() -> None:
    text = HEAD + "layers = []\nfor i in range(3):\n    layers.append(nn.Sigmoid())\nnet = nn.Sequential(*layers)\n"
    with pytest.raises(CannotApply, match="loop"):
        removed(text, layer(text, "sigmoid", "nn.Sigmoid()"))

"""`Replace`, `InsertAfter`, `InsertBefore`, `SetArgument`: the form that stands there is kept."""

# ruff: noqa: E501 - one spelling a line reads better

from __future__ import annotations

from typing import Any

import pytest
from rewriting import applied, function, layer, program, spot

from nnlint.facts import Tensor
from nnlint.fix import Code, InsertAfter, InsertBefore, Replace, SetArgument
from nnlint.source.rewrite import CannotApply

HEAD = "import torch\nimport torch.nn as nn\n"
NET = """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(8, 64)
            self.act = nn.Sigmoid()
            self.fc2 = nn.Linear(64, 3)

        def forward(self, x):
            x = self.act(self.fc1(x))
            return F.softmax(self.fc2(x), dim=1)
"""


@pytest.mark.parametrize(
    ("before", "op", "arguments", "after"),
    [
        ("nn.Softmax(dim=1)", "sigmoid", {}, "nn.Sigmoid()"),
        ("nn.Softmax(dim=1)", "log_softmax", {}, "nn.LogSoftmax(dim=1)"),
        ("nn.Softmax(1)", "log_softmax", {}, "nn.LogSoftmax(dim=1)"),
        ("nn.Sigmoid()", "leaky_relu", {"negative_slope": 0.1}, "nn.LeakyReLU(negative_slope=0.1)"),
        ("nn.ReLU(inplace=True)", "elu", {}, "nn.ELU(inplace=True)"),
        ("nn.Dropout(0.3)", "alpha_dropout", {}, "nn.AlphaDropout(p=0.3)"),
        ("nn.Linear(8, 64)", "linear", {"out_features": 32}, "nn.Linear(8, 32)"),
        ("nn.Linear(8, out_features=64)", "linear", {"out_features": 32, "bias": False}, "nn.Linear(8, out_features=32, bias=False)"),
        ("torch.nn.Tanh()", "relu", {}, "torch.nn.ReLU()"),
        ("nn.Tanh()", "batch_norm1d", {"num_features": 12}, "nn.BatchNorm1d(12)"),
    ],
)  # fmt: skip
def test_a_layer_where_it_is_built(before: str, op: str, arguments: dict[str, Any], after: str) -> None:
    head = (
        HEAD
        if "torch.nn." not in before
        else "import torch\nimport torch.nn\nfrom torch.nn import Sequential\nnn = 1\n"
    )
    ops = {
        "Softmax": "softmax",
        "Sigmoid": "sigmoid",
        "ReLU": "relu",
        "Dropout": "dropout",
        "Linear": "linear",
        "Tanh": "tanh",
    }
    text = f"{head}act = {before}  # here\n"
    op_before = ops[before.removeprefix("torch.").removeprefix("nn.").partition("(")[0]]
    node = layer(text, op_before, before)
    assert applied(text, Replace(node=node, op=op, arguments=arguments)) == f"{head}act = {after}  # here\n"


@pytest.mark.parametrize(
    ("head", "before", "op", "after"),
    [
        ("import torch\nimport torch.nn.functional as F\n", "F.softmax(fc(x), dim=1)", "sigmoid", "torch.sigmoid(fc(x))"),
        ("import torch\nimport torch.nn.functional as F\n", "F.softmax(fc(x), dim=1)", "log_softmax", "F.log_softmax(fc(x), dim=1)"),
        ("import torch\nimport torch.nn.functional as F\n", "torch.sigmoid(fc(x))", "relu", "torch.relu(fc(x))"),
        ("import torch\n", "torch.sigmoid(fc(x))", "gelu", "torch.nn.functional.gelu(fc(x))"),
        ("from torch import nn\n", "nn.functional.softmax(fc(x), -1)", "log_softmax", "nn.functional.log_softmax(fc(x), dim=-1)"),
        ("import torch.nn.functional as F\n", "F.softmax(fc(x), dim=1)", "relu", "F.relu(fc(x))"),
    ],
)  # fmt: skip
def test_a_function_where_it_is_called(head: str, before: str, op: str, after: str) -> None:
    text = f"{head}y = {before}\nz = F.relu(y)\n"
    result = applied(text, Replace(node=function(text, "softmax", before, before.partition("(")[0]), op=op))
    assert result == f"{head}y = {after}\nz = F.relu(y)\n"


def test_a_method() -> None:
    text = "import torch\ny = head(x).softmax(-1)\n"
    node = function(text, "softmax", "head(x).softmax(-1)", "Tensor.softmax")
    assert applied(text, Replace(node=node, op="sigmoid")) == "import torch\ny = head(x).sigmoid()\n"
    assert applied(text, Replace(node=node, op="log_softmax")) == "import torch\ny = head(x).log_softmax(dim=-1)\n"
    assert applied(text, Replace(node=node, op="gelu")) == "import torch\ny = torch.nn.functional.gelu(head(x))\n"


def test_imports_follow_a_name_that_was_imported_alone() -> None:
    text = "from torch.nn import Linear, Sequential, Softmax\n\nnet = Sequential(Linear(2, 3), Softmax(dim=1))\n"
    node = layer(text, "softmax", "Softmax(dim=1)")
    assert applied(text, Replace(node=node, op="sigmoid")) == (
        "from torch.nn import Linear, Sequential, Sigmoid\n\nnet = Sequential(Linear(2, 3), Sigmoid())\n"
    )


def test_imports_are_added_where_they_belong() -> None:
    text = '"""Doc."""\nimport os\n\nimport numpy as np\nfrom torch.nn.functional import softmax\n\ny = softmax(x, dim=1)\n'
    node = function(text, "softmax", "softmax(x, dim=1)")
    assert applied(text, Replace(node=node, op="sigmoid")) == (
        '"""Doc."""\nimport os\n\nimport numpy as np\nimport torch\n\ny = torch.sigmoid(x)\n'
    )


def test_one_call_of_a_shared_layer_becomes_a_function() -> None:
    from nnlint.facts import Facts, Graph, Model, Subject
    from nnlint.fix import Fix
    from nnlint.source.rewrite import rewrite

    text = program("""
        import torch
        from torch import nn


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.act = nn.Tanh()

            def forward(self, x, y):
                return self.act(x) + self.act(y)
    """)
    nodes = (
        layer(text, "tanh", "nn.Tanh()", "self.act(x)", "act", number=1),
        layer(text, "tanh", "nn.Tanh()", "self.act(y)", "act", number=2),
    )
    subject = Subject(id="net", target="net", path="net.py", status="traced")
    facts = Facts(subject=subject, model=Model(name="Net", graph=Graph(nodes=nodes)))
    one = Fix(title="", verbs=(Replace(node=nodes[1], op="relu"),))
    both = Fix(title="", verbs=tuple(Replace(node=node, op="relu") for node in nodes))
    read = {"/project/net.py": text}.__getitem__
    assert rewrite(one, read, facts) == {"/project/net.py": text.replace("self.act(y)", "torch.relu(y)")}
    assert rewrite(both, read, facts) == {"/project/net.py": text.replace("Tanh", "ReLU")}


def test_a_class_that_is_handed_over_is_changed_where_it_is_named() -> None:
    text = HEAD + program("""
        def mlp(sizes, hidden_act):
            layers = []
            for a, b in zip(sizes, sizes[1:]):
                layers += [nn.Linear(a, b), hidden_act()]
            return nn.Sequential(*layers)


        net = mlp([8, 8, 8], nn.Sigmoid)
    """)
    verbs = [Replace(node=layer(text, "sigmoid", "hidden_act()", module=f"{i}", number=i), op="relu") for i in (1, 3)]
    assert applied(text, *verbs) == text.replace("nn.Sigmoid", "nn.ReLU")


# -- inserts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.Sequential(\n    nn.Linear(2, 3),  # in\n    nn.Linear(3, 1),\n)", "nn.Sequential(\n    nn.Linear(2, 3),  # in\n    nn.ReLU(),\n    nn.Linear(3, 1),\n)"),
        ("nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))", "nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))"),
        ("nn.Sequential(\n    nn.Linear(2, 3)\n)", "nn.Sequential(\n    nn.Linear(2, 3),\n    nn.ReLU()\n)"),
        ("nn.Sequential(nn.Linear(2, 3),\n              nn.Linear(3, 1))", "nn.Sequential(nn.Linear(2, 3),\n              nn.ReLU(),\n              nn.Linear(3, 1))"),
        ("nn.Sequential(\n    nn.Flatten(), nn.Linear(2, 3),\n    nn.Linear(3, 1),\n)", "nn.Sequential(\n    nn.Flatten(), nn.Linear(2, 3), nn.ReLU(),\n    nn.Linear(3, 1),\n)"),
        ('nn.Sequential(OrderedDict([("fc1", nn.Linear(2, 3)), ("fc2", nn.Linear(3, 1))]))', 'nn.Sequential(OrderedDict([("fc1", nn.Linear(2, 3)), ("relu1", nn.ReLU()), ("fc2", nn.Linear(3, 1))]))'),
        ("nn.Sequential(*[nn.Linear(2, 3)])", "nn.Sequential(*[nn.Linear(2, 3), nn.ReLU()])"),
    ],
)  # fmt: skip
def test_an_item_behind_another(before: str, after: str) -> None:
    head = HEAD + "from collections import OrderedDict\nnet = "
    node = layer(head + before, "linear", "nn.Linear(2, 3)")
    assert applied(head + before, InsertAfter(node=node, op="relu")) == head + after


def test_a_statement_behind_another() -> None:
    text = HEAD + program("""
        layers = []
        lin = nn.Linear(2, 3)
        nn.init.zeros_(lin.bias)
        layers.append(lin)
        layers.append(nn.Linear(3, 1))
        net = nn.Sequential(*layers)
        model = nn.Sequential()
        model.add_module("dense_1", nn.Linear(4, 4))
    """)
    result = applied(text, InsertAfter(node=layer(text, "linear", "nn.Linear(2, 3)"), op="relu"))
    assert result == text.replace("layers.append(lin)\n", "layers.append(lin)\nlayers.append(nn.ReLU())\n")
    result = applied(text, InsertAfter(node=layer(text, "linear", "nn.Linear(4, 4)"), op="relu"))
    assert result == text + 'model.add_module("relu_1", nn.ReLU())\n'


def test_two_items_behind_one_stand_in_the_order_of_the_verbs() -> None:
    text = HEAD + "net = nn.Sequential(\n    nn.Linear(2, 3)\n)\n"
    node = layer(text, "linear", "nn.Linear(2, 3)")
    verbs = [
        InsertAfter(node=node, op="batch_norm1d", arguments={"num_features": 3}),
        InsertAfter(node=node, op="relu"),
    ]
    assert applied(text, *verbs) == HEAD + (
        "net = nn.Sequential(\n    nn.Linear(2, 3),\n    nn.BatchNorm1d(3),\n    nn.ReLU()\n)\n"
    )


def test_around_a_call() -> None:
    text = program(NET)
    node = layer(text, "linear", "nn.Linear(64, 3)", "self.fc2(x)", "fc2")
    assert applied(text, InsertAfter(node=node, op="relu")) == text.replace("self.fc2(x)", "F.relu(self.fc2(x))")
    assert applied(text, InsertBefore(node=node, op="relu")) == text.replace("self.fc2(x)", "self.fc2(F.relu(x))")
    assert applied(text, InsertAfter(node=node, op="sigmoid")) == text.replace("self.fc2(x)", "self.act(self.fc2(x))")


def test_a_layer_with_parameters_becomes_an_attribute() -> None:
    text = program(NET)
    node = layer(text, "linear", "nn.Linear(8, 64)", "self.fc1(x)", "fc1")
    node = node.model_copy(update={"reads": (Tensor(shape=(4, 8), dtype="float32"),)})
    result = applied(text, InsertBefore(node=node, op="batch_norm", arguments={"num_features": 8}))
    assert result == text.replace(
        "        self.fc1 =", "        self.norm1 = nn.BatchNorm1d(8)\n        self.fc1 ="
    ).replace("self.fc1(x)", "self.fc1(self.norm1(x))")


def test_a_name_in_use_is_not_taken_again() -> None:
    text = program(NET).replace("self.act", "self.drop2")
    node = layer(text, "linear", "nn.Linear(64, 3)", "self.fc2(x)", "fc2")
    result = applied(text, InsertBefore(node=node, op="dropout", arguments={"p": 0.5}))
    assert "self.drop2_2 = nn.Dropout(0.5)\n        self.fc2 =" in result
    assert "self.fc2(self.drop2_2(x))" in result


# -- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "name", "value", "position", "after"),
    [
        ("SGD(net.parameters(), lr=0.01)", "lr", 0.1, 1, "SGD(net.parameters(), lr=0.1)"),
        ("SGD(net.parameters(), 0.01)", "lr", 0.1, 1, "SGD(net.parameters(), 0.1)"),
        ("SGD(net.parameters())", "lr", 1e-5, 1, "SGD(net.parameters(), lr=1e-5)"),
        ("SGD(net.parameters(), lr=lr * 2)", "lr", 0.1, 1, "SGD(net.parameters(), lr=0.1)"),
        ("SGD(\n    net.parameters(),\n    lr=0.01,\n)", "momentum", 0.9, None, "SGD(\n    net.parameters(),\n    lr=0.01,\n    momentum=0.9,\n)"),
        ("DataLoader(data, 10, False)", "shuffle", True, 2, "DataLoader(data, 10, True)"),
        ("Adam(net.parameters())", "betas", (0.9, 0.99), None, "Adam(net.parameters(), betas=(0.9, 0.99))"),
        ("F.dropout(x, 0.5)", "training", Code("self.training"), 2, "F.dropout(x, 0.5, training=self.training)"),
        ("KL()", "reduction", "batchmean", None, 'KL(reduction="batchmean")'),
    ],
)  # fmt: skip
def test_an_argument(before: str, name: str, value: Any, position: int | None, after: str) -> None:
    text = f"lr = 2\nprint(lr)\ncalled = {before}\n"
    verb = SetArgument(call=spot(text, before), name=name, value=value, position=position)
    assert applied(text, verb) == f"lr = 2\nprint(lr)\ncalled = {after}\n"


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("LR = 0.5\nopt = SGD(p, lr=LR)\n", "LR = 0.5", "LR = 0.01"),
        ("LR: float = 0.5\nopt = SGD(p, lr=LR)\n", "= 0.5", "= 0.01"),
        ("LR = 0.5\nprint(LR)\nopt = SGD(p, lr=LR)\n", "lr=LR", "lr=0.01"),
        ("LR = 0.5\nLR = LR / 2\nopt = SGD(p, lr=LR)\n", "lr=LR", "lr=0.01"),
        ('a.add_argument("--lr", type=float, default=0.5)\nopt = SGD(p, lr=args.lr)\n', "0.5", "0.01"),
        ('a.add_argument("--lr", default=0.5)\nprint(args.lr)\nopt = SGD(p, lr=args.lr)\n', "lr=args.lr", "lr=0.01"),
        ("def train(lr=0.5):\n    opt = SGD(p, lr=lr)\n\ntrain()\n", "0.5", "0.01"),
        ("def train(lr=0.5):\n    opt = SGD(p, lr=lr)\n\ntrain(lr=0.2)\n", "0.2", "0.01"),
        ("def train(lr=0.5):\n    opt = SGD(p, lr=lr)\n\ntrain(0.2)\ntrain(0.3)\n", "lr=lr", "lr=0.01"),
        ("class A:\n    def __init__(self, q, lr=0.5):\n        self.o = SGD(p, lr=lr)\n\nA(1)\n", "0.5", "0.01"),
    ],
)
def test_a_value_is_changed_where_it_is_written(text: str, old: str, new: str) -> None:
    call = next(piece for piece in ("SGD(p, lr=LR)", "SGD(p, lr=args.lr)", "SGD(p, lr=lr)") if piece in text)
    verb = SetArgument(call=spot(text, call), name="lr", value=0.01, position=1)
    assert applied(text, verb) == text.replace(old, new)


@pytest.mark.parametrize(
    "call", ["SGD(*args)", "SGD(p, **options)", 'SGD([{"params": p, "lr": 1}], lr=2)', "SGD(p, lr=0.010)"]
)
def test_arguments_that_come_from_elsewhere_or_are_so_already(call: str) -> None:
    text = f"opt = {call}\n"
    with pytest.raises(CannotApply):
        applied(text, SetArgument(call=spot(text, call), name="lr", value=0.01, position=1))

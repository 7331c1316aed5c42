"""`Initialize`, `ReplaceLoss`, `ReplaceOptimizer`, `InsertStatement`."""

# ruff: noqa: E501 - one spelling a line reads better

from __future__ import annotations

from typing import Any, Literal

import pytest
from rewriting import applied, layer, program, spot

from nnlint.facts import Loss, Optimizer
from nnlint.fix import Initialize, InsertStatement, ReplaceLoss, ReplaceOptimizer
from nnlint.source.rewrite import CannotApply

HEAD = "import torch\nimport torch.nn as nn\n"


# -- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "before", "kind", "after"),
    [
        (HEAD, "nn.MSELoss()", "bce", "nn.BCELoss()"),
        (HEAD, "torch.nn.MSELoss(reduction='sum')", "huber", "torch.nn.HuberLoss(reduction='sum')"),
        (HEAD, "nn.BCELoss(w)", "bce_with_logits", "nn.BCEWithLogitsLoss(weight=w)"),
        (HEAD, "nn.SmoothL1Loss(beta=2, reduction='sum')", "mse", "nn.MSELoss(reduction='sum')"),
        (HEAD, "nn.NLLLoss(weight=w, ignore_index=0)", "cross_entropy", "nn.CrossEntropyLoss(weight=w, ignore_index=0)"),
        (HEAD, "nn.functional.mse_loss(p, y)", "bce_with_logits", "nn.functional.binary_cross_entropy_with_logits(p, y)"),
        ("import torch.nn.functional as F\n", "F.mse_loss(p, y, reduction='none')", "cross_entropy", "F.cross_entropy(p, y, reduction='none')"),
    ],
)  # fmt: skip
def test_a_loss(head: str, before: str, kind: str, after: str) -> None:
    text = f"{head}loss = {before}\n"
    assert applied(text, ReplaceLoss(loss=Loss(span=spot(text, before)), kind=kind)) == f"{head}loss = {after}\n"


def test_a_loss_imported_by_name() -> None:
    text = "from torch.nn import Linear, MSELoss\n\nloss = MSELoss()\nnet = Linear(2, 1)\n"
    assert applied(text, ReplaceLoss(loss=Loss(span=spot(text, "MSELoss()")), kind="bce")) == (
        "from torch.nn import BCELoss, Linear\n\nloss = BCELoss()\nnet = Linear(2, 1)\n"
    )


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("nn.CrossEntropyLoss(weight=w)", "`weight`"),
        ("nn.CrossEntropyLoss(label_smoothing=0.1)", "label_smoothing"),
        ("LOSSES[name]()", "not one of PyTorch's"),
        ("nn.BCELoss()", "already"),
        ("nn.MSELoss(**options)", r"\*\*kwargs"),
    ],
)
def test_a_loss_that_cannot_be_swapped(before: str, reason: str) -> None:
    text = f"{HEAD}loss = {before}\n"
    with pytest.raises(CannotApply, match=reason):
        applied(text, ReplaceLoss(loss=Loss(span=spot(text, before)), kind="bce"))


# -- optimizers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "kind", "arguments", "after"),
    [
        ("optim.SGD(net.parameters(), lr=0.1, momentum=0.9)", "Adam", {"lr": 0.001}, "optim.Adam(net.parameters(), lr=0.001)"),
        ("optim.SGD(net.parameters(), 0.1, 0.9)", "Adam", {"lr": 0.001}, "optim.Adam(net.parameters(), 0.001)"),
        ("optim.Adam(net.parameters())", "AdamW", {"weight_decay": 0.01}, "optim.AdamW(net.parameters(), weight_decay=0.01)"),
        ("optim.SGD(net.parameters(), lr=0.1)", "SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}, "optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True)"),
        ("torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99))", "NAdam", {"lr": 0.002}, "torch.optim.NAdam(net.parameters(), lr=0.002)"),
        ("optim.RMSprop(\n    net.parameters(),\n    lr=0.01,\n    alpha=0.9,\n)", "Adam", {}, "optim.Adam(\n    net.parameters(),\n    lr=0.01,\n)"),
    ],
)  # fmt: skip
def test_an_optimizer(before: str, kind: str, arguments: dict[str, Any], after: str) -> None:
    head = "import torch\nfrom torch import optim\nkept = optim.Optimizer\n"
    text = f"{head}opt = {before}\n"
    optimizer = Optimizer(kind=before.partition("(")[0].rpartition(".")[2], span=spot(text, before))
    assert (
        applied(text, ReplaceOptimizer(optimizer=optimizer, kind=kind, arguments=arguments)) == f"{head}opt = {after}\n"
    )


def test_an_optimizer_imported_by_name() -> None:
    text = "from torch.optim import SGD\n\nsgd = SGD(net.parameters(), lr=0.001, momentum=0.9)\n"
    optimizer = Optimizer(kind="SGD", span=spot(text, "SGD(net.parameters(), lr=0.001, momentum=0.9)"))
    assert applied(text, ReplaceOptimizer(optimizer=optimizer, kind="Adam", arguments={"lr": 0.01})) == (
        "from torch.optim import Adam\n\nsgd = Adam(net.parameters(), lr=0.01)\n"
    )


def test_an_optimizer_with_groups_is_left_alone() -> None:
    text = 'import torch\nopt = torch.optim.SGD([{"params": p, "momentum": 0.5}], lr=1)\n'
    span = spot(text, 'torch.optim.SGD([{"params": p, "momentum": 0.5}], lr=1)')
    with pytest.raises(CannotApply, match="groups"):
        applied(text, ReplaceOptimizer(optimizer=Optimizer(kind="SGD", span=span), kind="Adam", arguments={}))


# -- statements -------------------------------------------------------------------------------------------------------

LOOP = """
    for x, y in loader:
        loss = criterion(net(x), y)
        loss.backward()  # gradients
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("at", "where", "line", "place"),
    [
        ("loss.backward()", "before", "    optimizer.zero_grad()\n", "    loss.backward()"),
        ("net(x)", "before", "    optimizer.zero_grad()\n", "    loss = "),
        ("loss.backward()", "after", "    optimizer.zero_grad()\n", "    optimizer.step()"),
    ],
)
def test_a_statement_on_its_own_line(at: str, where: Literal["before", "after"], line: str, place: str) -> None:
    text = program(LOOP)
    result = applied(text, InsertStatement(at=spot(text, at), text="optimizer.zero_grad()", where=where))
    assert result == text.replace(place, line + place)


def test_a_statement_behind_the_last_line_and_behind_a_loop() -> None:
    text = program(LOOP).rstrip("\n")
    result = applied(text, InsertStatement(at=spot(text, "optimizer.step()"), text="scheduler.step()", where="after"))
    assert result == text + "\n    scheduler.step()"
    text = "def f():\n\tfor x in y:\n\t\tg(x)\n\t\t# done\n\n\treturn 1\n"
    result = applied(text, InsertStatement(at=spot(text, "for"), text="if a:\n    b()", where="after"))
    assert result == "def f():\n\tfor x in y:\n\t\tg(x)\n\tif a:\n\t\tb()\n\t\t# done\n\n\treturn 1\n"


def test_a_statement_beside_others_on_one_line() -> None:
    text = "for x in y: a(x); b(x)\n"
    result = applied(text, InsertStatement(at=spot(text, "b(x)"), text="c(x)"))
    assert result == "for x in y: a(x); c(x); b(x)\n"
    with pytest.raises(CannotApply, match="shares its line"):
        applied(text, InsertStatement(at=spot(text, "b(x)"), text="if x:\n    c(x)"))


def test_a_statement_uses_the_names_of_the_file() -> None:
    text = "from torch import nn\nfor x in y:\n    optimizer.step()\n"
    verb = InsertStatement(
        at=spot(text, "optimizer.step()"), text="torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)"
    )
    assert applied(text, verb) == text.replace(
        "    optimizer", "    nn.utils.clip_grad_norm_(net.parameters(), 1.0)\n    optimizer"
    )


def test_a_statement_that_stands_there_is_not_put_twice() -> None:
    text = program(LOOP)
    verb = InsertStatement(at=spot(text, "loss.backward()"), text="optimizer.zero_grad()")
    once = applied(text, verb)
    with pytest.raises(CannotApply, match="already"):
        applied(once, InsertStatement(at=spot(once, "loss.backward()"), text="optimizer.zero_grad()"))


# -- initialization ---------------------------------------------------------------------------------------------------

NET = """
    from torch import nn


    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.fc1 = nn.Linear(4, width)
            self.fc2 = nn.Linear(width, width)
            self.head = nn.Linear(width, 2, bias=False)
            # end

        def forward(self, x):
            return self.head(self.fc2(self.fc1(x)))
"""
LAYERS = {"fc1": "nn.Linear(4, width)", "fc2": "nn.Linear(width, width)", "head": "nn.Linear(width, 2, bias=False)"}


def initialized(text: str, scheme: str, *built: str, ops: str = "linear") -> str:
    nodes = tuple(layer(text, ops, piece, module=piece, number=i) for i, piece in enumerate(built))
    return applied(text, Initialize(nodes=nodes, scheme=scheme))


def test_all_layers_of_a_class() -> None:
    text = program(NET)
    assert initialized(text, "he_normal", *LAYERS.values()) == text.replace(
        "        # end\n",
        "        for module in self.modules():\n"
        "            if isinstance(module, nn.Linear):\n"
        '                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")\n'
        "                if module.bias is not None:\n"
        "                    nn.init.zeros_(module.bias)\n"
        "        # end\n",
    )


def test_some_layers_of_a_class() -> None:
    text = program(NET)
    assert initialized(text, "lecun_normal", LAYERS["fc1"], LAYERS["fc2"]) == text.replace(
        "        # end\n",
        "        for layer in (self.fc1, self.fc2):\n"
        '            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")\n'
        "            nn.init.zeros_(layer.bias)\n"
        "        # end\n",
    )
    assert initialized(text, "glorot_uniform", LAYERS["head"]) == text.replace(
        "        # end\n", "        nn.init.xavier_uniform_(self.head.weight)\n        # end\n"
    )


HAND_MADE = [
    ("nn.init.normal_(self.fc1.weight, std=0.05)", 'nn.init.kaiming_normal_(self.fc1.weight, nonlinearity="relu")'),
    ("self.fc1.weight.data.normal_(0, 1)", 'nn.init.kaiming_normal_(self.fc1.weight, nonlinearity="relu")'),
    ("for lin in (self.fc1, self.fc2):\n            nn.init.uniform_(lin.weight, -0.05, 0.05)", 'for lin in (self.fc1, self.fc2):\n            nn.init.kaiming_normal_(lin.weight, nonlinearity="relu")'),
    ("for m in self.modules():\n            if isinstance(m, nn.Linear):\n                nn.init.zeros_(m.weight)", 'for m in self.modules():\n            if isinstance(m, nn.Linear):\n                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")'),
    ("for p in self.parameters():\n            if p.dim() > 1:\n                nn.init.normal_(p, std=0.05)", 'for p in self.parameters():\n            if p.dim() > 1:\n                nn.init.kaiming_normal_(p, nonlinearity="relu")'),
    ("self.apply(init)", "self.apply(init)"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), HAND_MADE)
def test_what_was_made_by_hand_is_changed(before: str, after: str) -> None:
    function = "def init(m):\n    if isinstance(m, nn.Conv2d):\n        nn.init.zeros_(m.weight)\n    elif type(m) is nn.Linear:\n        nn.init.normal_(m.weight, std=0.05)\n\n\n"
    function = function if "apply" in before else ""
    text = program(NET).replace("# end", before).replace("class Net", function + "class Net")
    expected = text.replace(before, after).replace(
        "nn.init.normal_(m.weight, std=0.05)", 'nn.init.kaiming_normal_(m.weight, nonlinearity="relu")'
    )
    assert initialized(text, "he_normal", LAYERS["fc1"]) == expected
    with pytest.raises(CannotApply, match="already"):
        initialized(expected, "he_normal", LAYERS["fc1"])


def test_a_sequential_that_has_a_name() -> None:
    text = HEAD + "net = nn.Sequential(\n    nn.Linear(2, 3),\n    nn.ReLU(),\n    nn.Linear(3, 1),\n)\nnet.train()\n"
    every = initialized(text, "he_normal", "nn.Linear(2, 3)", "nn.Linear(3, 1)")
    assert every == text.replace(
        "net.train()",
        "for module in net.modules():\n"
        "    if isinstance(module, nn.Linear):\n"
        '        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")\n'
        "        nn.init.zeros_(module.bias)\n"
        "net.train()",
    )
    assert initialized(text, "he_normal", "nn.Linear(3, 1)") == text.replace(
        "net.train()",
        'nn.init.kaiming_normal_(net[2].weight, nonlinearity="relu")\nnn.init.zeros_(net[2].bias)\nnet.train()',
    )


def test_a_sequential_that_is_returned() -> None:
    text = HEAD + "def make():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))\n"
    assert initialized(text, "he_normal", "nn.Conv2d(3, 4, 3)", "nn.Conv2d(4, 4, 3)", ops="conv2d") == HEAD + (
        "def make():\n"
        "    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))\n"
        "    for module in net.modules():\n"
        "        if isinstance(module, nn.Conv2d):\n"
        '            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")\n'
        "            nn.init.zeros_(module.bias)\n"
        "    return net\n"
    )


def test_layers_that_a_loop_builds() -> None:
    text = HEAD + program("""
        def mlp(sizes, std):
            layers = []
            for a, b in zip(sizes, sizes[1:]):
                lin = nn.Linear(a, b)
                layers.append(lin)
            return nn.Sequential(*layers)
    """)
    assert initialized(text, "he_normal", "nn.Linear(a, b)") == text.replace(
        "        layers.append",
        '        nn.init.kaiming_normal_(lin.weight, nonlinearity="relu")\n'
        "        nn.init.zeros_(lin.bias)\n"
        "        layers.append",
    )


def test_added_modules() -> None:
    text = (
        HEAD
        + 'net = nn.Sequential()\nnet.add_module("a", nn.Linear(2, 2))\nnet.add_module("b", nn.Linear(2, 1))\nx = 1\n'
    )
    result = initialized(text, "glorot_normal", "nn.Linear(2, 2)", "nn.Linear(2, 1)")
    assert result == text.replace(
        "x = 1\n",
        "for module in net.modules():\n"
        "    if isinstance(module, nn.Linear):\n"
        "        nn.init.xavier_normal_(module.weight)\n"
        "        nn.init.zeros_(module.bias)\n"
        "x = 1\n",
    )


def test_two_schemes_in_one_class() -> None:
    text = program(NET)
    nodes = [layer(text, "linear", built, module=name) for name, built in LAYERS.items()]
    verbs = [
        Initialize(nodes=tuple(nodes[:2]), scheme="he_normal"),
        Initialize(nodes=(nodes[2],), scheme="glorot_uniform"),
    ]
    assert applied(text, *verbs) == text.replace(
        "        # end\n",
        "        for layer in (self.fc1, self.fc2):\n"
        '            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
        "            nn.init.zeros_(layer.bias)\n"
        "        nn.init.xavier_uniform_(self.head.weight)\n"
        "        # end\n",
    )

"""Statements and expressions: inserted at a place in the loop, moved, put under a `with`, replaced."""

# ruff: noqa: E501 - one spelling a line reads better

from __future__ import annotations

from typing import Any

import pytest
from rewriting import applied, program, spot

from nnlint.fix import InsertStatement, MoveStatement, ReplaceExpression, WrapStatement
from nnlint.source.rewrite import CannotApply

LOOP = program("""
    import torch
    from torch import nn

    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    plan = torch.optim.lr_scheduler.StepLR(opt, 3)

    for epoch in range(3):
        net.train()
        for x, y in loader:
            plan.step()  # one step further
            opt.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            opt.step()
        for x, y in held_back:
            # scored
            right += (net(x).argmax(1) == y).sum()

        print(epoch)
""")


def inserted(text: str, piece: str, new: str, nth: int = 0, names: tuple[str, ...] = (), **more: Any) -> str:
    more["clear_of"] = tuple(spot(text, other) for other in more.get("clear_of", ()))
    spans = tuple(spot(text, name) for name in names)
    return applied(text, InsertStatement(at=spot(text, piece, nth), text=new, names=spans, **more))


def test_behind_the_loop_over_the_batches() -> None:
    new = inserted(
        LOOP, "opt.step()", "{0}.step()", where="after_loop", names=("torch.optim.lr_scheduler.StepLR(opt, 3)",)
    )
    assert new == LOOP.replace("        opt.step()\n", "        opt.step()\n    plan.step()\n")


def test_behind_all_loops() -> None:
    assert inserted(LOOP, "opt.step()", "done = True", where="after_loops") == LOOP + "done = True\n"


def test_in_front_of_all_loops() -> None:
    new = inserted(LOOP, "opt.step()", "best = None", where="before_loops")
    assert new == LOOP.replace("for epoch", "best = None\nfor epoch")


def test_behind_the_imports() -> None:
    new = inserted(LOOP, "opt.step()", "torch.manual_seed(0)", where="after_imports")
    assert new == LOOP.replace("from torch import nn\n", "from torch import nn\n\ntorch.manual_seed(0)\n")


def test_in_front_of_the_whole_loop_that_scores() -> None:
    new = inserted(LOOP, "net(x)", "net.eval()", nth=1, clear_of=("loss.backward()",))
    assert new == LOOP.replace("    for x, y in held_back", "    net.eval()\n    for x, y in held_back")


@pytest.mark.parametrize(
    ("new", "names", "reason"),
    [("epoch = 3", (), "used for something else"), ("{0}.step()", ("net.train()",), "has no name")],
)
def test_what_cannot_be_inserted(new: str, names: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CannotApply, match=reason):
        inserted(LOOP, "opt.step()", new, names=names)


def test_a_name_of_another_function_is_out_of_sight() -> None:
    text = "def build(p):\n    opt = SGD(p)\n    return opt\n\n\ndef train(o):\n    for x in data:\n        o.step()\n"
    with pytest.raises(CannotApply, match="not known where it is needed"):
        inserted(text, "o.step()", "{0}.zero_grad()", names=("SGD(p)",))


# -- moved ------------------------------------------------------------------------------------------------------------


def moved(text: str, piece: str, to: str, where: Any) -> str:
    return applied(text, MoveStatement(statement=spot(text, piece), at=spot(text, to), where=where))


def test_behind_another_with_its_comment() -> None:
    line = "        plan.step()  # one step further\n"
    assert moved(LOOP, "plan.step()", "opt.step()", "after") == LOOP.replace(line, "").replace(
        "        opt.step()\n", f"        opt.step()\n{line}"
    )


def test_out_of_a_loop() -> None:
    assert moved(LOOP, "plan.step()", "opt.step()", "after_loop") == LOOP.replace(
        "        plan.step()  # one step further\n", ""
    ).replace("        opt.step()\n", "        opt.step()\n    plan.step()  # one step further\n")


def test_in_front_of_the_loops_over_several_lines() -> None:
    text = "for e in r:\n    for b in data:\n        opt = SGD(\n            net.parameters(),\n            lr=1,\n        )\n        go()\n"
    expected = "opt = SGD(\n    net.parameters(),\n    lr=1,\n)\nfor e in r:\n    for b in data:\n        go()\n"
    assert moved(text, "SGD(", "SGD(", "before_loops") == expected


@pytest.mark.parametrize(
    ("text", "piece", "to", "where", "reason"),
    [
        ("for rate in rates:\n    o = SGD(p, rate)\n    o.step()\n", "SGD", "SGD", "before_loops", "reads `rate`"),
        ("for a, (b, c) in z:\n    o = SGD(c)\n    o.step()\n", "SGD", "SGD", "before_loops", "reads `c`"),
        ("for a in z:\n    o = SGD(p)\n", "SGD", "SGD", "before_loops", "nothing would be left"),
        ("o = SGD(p); x = 1\nfor a in z:\n    o.step()\n", "SGD", "o.step()", "before", "shares its line"),
        ("def f():\n    a()\n    b()\n\n\nc()\n", "a()", "c()", "after", "leave its function"),
        ("a()\nb()\n", "a()", "b()", "after_loop", "no loop"),
    ],
)
def test_what_cannot_be_moved(text: str, piece: str, to: str, where: str, reason: str) -> None:
    with pytest.raises(CannotApply, match=reason):
        moved(text, piece, to, where)


# -- wrapped ----------------------------------------------------------------------------------------------------------


def wrapped(text: str, piece: str, nth: int = 0, clear_of: tuple[str, ...] = ()) -> str:
    spans = tuple(spot(text, other) for other in clear_of)
    return applied(text, WrapStatement(at=spot(text, piece, nth), header="with torch.no_grad():", clear_of=spans))


def test_the_loop_that_scores_is_wrapped() -> None:
    assert wrapped(LOOP, "net(x)", 1, ("loss.backward()",)) == LOOP.replace(
        "    for x, y in held_back:\n"
        "        # scored\n"
        "        right += (net(x).argmax(1) == y).sum()\n",
        "    with torch.no_grad():\n"
        "        for x, y in held_back:\n"
        "            # scored\n"
        "            right += (net(x).argmax(1) == y).sum()\n",
    )  # fmt: skip


def test_a_loop_that_calls_what_trains_is_not_wrapped() -> None:
    text = program("""
        import torch


        def learn_once():
            loss.backward()


        for epoch in range(3):
            once = learn_once()
            guess = net(
                x
            )
    """)
    assert wrapped(text, "net(") == text.replace(
        "    guess = net(\n        x\n    )",
        "    with torch.no_grad():\n        guess = net(\n            x\n        )",
    )


def test_both_go_together() -> None:
    clear = (spot(LOOP, "loss.backward()"),)
    verbs = [
        WrapStatement(at=spot(LOOP, "net(x)", 1), header="with torch.no_grad():", clear_of=clear),
        InsertStatement(at=spot(LOOP, "net(x)", 1), text="net.eval()", clear_of=clear),
    ]
    assert applied(LOOP, *verbs) == applied(LOOP, *reversed(verbs))
    assert "    net.eval()\n    with torch.no_grad():\n        for x, y in held_back:\n" in applied(LOOP, *verbs)


def test_a_text_of_several_lines_is_not_moved_to_the_right() -> None:
    with pytest.raises(CannotApply, match="several lines"):
        wrapped('import torch\nlog("""a\n  b""", net(x))\n', "net(x)")


# -- expressions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "piece", "new", "after"),
    [
        ("total += loss\n", "loss", "{self}.item()", "total += loss.item()\n"),
        ("total += loss * n  # all\n", "loss * n", "{self}.item()", "total += (loss * n).item()  # all\n"),
        ("total.append(a + b)\n", "a + b", "{self}.item()", "total.append((a + b).item())\n"),
        ("y = self.net.forward(x, mask=m)\n", "self.net.forward(x, mask=m)", "{owner}({args})", "y = self.net(x, mask=m)\n"),
        ("loss.backward()\n", "loss.backward()", "({owner} / 4).backward({args})", "(loss / 4).backward()\n"),
        ("(a + b).backward()\n", "(a + b).backward()", "({owner} / 4).backward({args})", "((a + b) / 4).backward()\n"),
        ("from torch.nn import utils\nutils.clip_grad_value_(net.parameters(), 0.5)\n", "utils.clip_grad_value_(net.parameters(), 0.5)", "torch.nn.utils.clip_grad_norm_({0}, 1.0)", "from torch.nn import utils\nutils.clip_grad_norm_(net.parameters(), 1.0)\n"),
        ("import torch\nbest = net.state_dict()\n", "net.state_dict()", "copy.deepcopy({self})", "import copy\n\nimport torch\nbest = copy.deepcopy(net.state_dict())\n"),
        ("import os\nimport sys\n\nimport torch\nbest = f()\n", "f()", "copy.deepcopy({self})", "import copy\nimport os\nimport sys\n\nimport torch\nbest = copy.deepcopy(f())\n"),
        ("from copy import deepcopy\nbest = f()\n", "f()", "copy.deepcopy({self})", "from copy import deepcopy\nbest = deepcopy(f())\n"),
    ],
)  # fmt: skip
def test_an_expression(text: str, piece: str, new: str, after: str) -> None:
    assert applied(text, ReplaceExpression(at=spot(text, piece), text=new)) == after


@pytest.mark.parametrize(
    ("text", "piece", "new", "reason"),
    [
        ("f(\n    a,  # first\n    b,\n)\n", "f(\n    a,  # first\n    b,\n)", "g({0})", "comment"),
        ("f(*a)\n", "f(*a)", "g({0})", "no part"),
        ("f(a)\n", "f(a)", "{owner}({args})", "no part"),
        ("f(a)\n", "f(a)", "f({args})", "already"),
    ],
)
def test_an_expression_that_stays(text: str, piece: str, new: str, reason: str) -> None:
    with pytest.raises(CannotApply, match=reason):
        applied(text, ReplaceExpression(at=spot(text, piece), text=new))

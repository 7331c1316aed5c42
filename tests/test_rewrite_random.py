"""Random small programs: what is inserted can be removed again, comments survive, the result compiles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from rewriting import applied, function, layer, spot

from nnlint.facts import Node
from nnlint.fix import InsertAfter, InsertBefore, InsertStatement, Remove, Replace, SetArgument

LAYERS = ("nn.Linear({0}, {0})", "nn.Conv1d({0}, {0}, 3,\n        padding=1)", "nn.Dropout(0.{0})", "Scale({0})")
HEADS = (
    "import torch\nimport torch.nn as nn\n",
    "from torch import nn\n",
    "import torch\nfrom torch import nn, optim\n",
)
USED = "def used():\n    return torch, nn, optim, Scale\n\n\n"


@dataclass(frozen=True)
class Program:
    """A program with a sequence of layers, and the source of each layer in it."""

    text: str
    layers: tuple[str, ...]


@st.composite
def sequences(draw: st.DrawFn) -> Program:
    """Return a program that builds a `Sequential`, a list that becomes one, or one by `append`."""
    kinds = draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=5))
    layers = tuple(kind.format(i + 2) for i, kind in enumerate(kinds))
    head = draw(st.sampled_from(HEADS)) + "\n\n" + USED
    comments = draw(st.lists(st.booleans(), min_size=len(layers), max_size=len(layers)))
    form = draw(st.sampled_from(["lines", "lines", "inline", "pairs", "aligned", "append"]))
    if form == "append":
        rows = [f"layers.append({layer}){f'  # c{i}' * c}\n" for i, (layer, c) in enumerate(zip(layers, comments))]
        return Program(head + "layers = []\n" + "".join(rows) + "net = nn.Sequential(*layers)\n", layers)
    opening, closing = draw(st.sampled_from([("nn.Sequential(", ")"), ("nn.Sequential(*[", "])")]))
    comma = draw(st.booleans())
    last = "," if comma else ""
    if form == "inline":
        body = ", ".join(layers)
    elif form == "aligned":
        body = (",\n" + " " * 20).join(layers)
    else:
        step = 2 if form == "pairs" else 1
        groups = [layers[i : i + step] for i in range(0, len(layers), step)]
        rows = []
        for i, group in enumerate(groups):
            end = "," if i + 1 < len(groups) else last
            rows.append("    " + ", ".join(group) + end + f"  # c{i}" * comments[i] + "\n")
        body = "\n" + "    # first\n" * draw(st.booleans()) + "".join(rows)
    text = f"{head}net = {opening}{body}{closing}  # net\nprint(net)\n"
    return Program(text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))), layers)


def comments(text: str) -> list[str]:
    return re.findall(r"# \w+", text)


def built(text: str, piece: str) -> Node:
    newline = "\r\n" if "\r\n" in text else "\n"
    return layer(text, "linear", piece.replace("\n", newline), module="0")


@settings(max_examples=150, deadline=None)
@given(sequences(), st.data())
def test_an_item_put_in_can_be_taken_out(program: Program, data: st.DataObject) -> None:
    piece = data.draw(st.sampled_from(program.layers))
    verb = data.draw(st.sampled_from([InsertAfter, InsertBefore]))
    longer = applied(program.text, verb(node=built(program.text, piece), op="mish"))
    compile(longer, "net.py", "exec")
    assert comments(longer) == comments(program.text)
    assert longer.count("nn.Mish()") == 1
    at = longer.index("nn.Mish()") < longer.index(piece.partition("\n")[0])
    assert at == (verb is InsertBefore)
    assert applied(longer, Remove(node=built(longer, "nn.Mish()"))) == program.text


@settings(max_examples=150, deadline=None)
@given(sequences(), st.data())
def test_items_taken_out_leave_the_others(program: Program, data: st.DataObject) -> None:
    gone = data.draw(st.lists(st.sampled_from(program.layers), min_size=1, unique=True))
    verbs = [Remove(node=built(program.text, piece)) for piece in gone]
    shorter = applied(program.text, *verbs)
    compile(shorter, "net.py", "exec")
    left = shorter.replace("\r\n", "\n")
    assert [piece for piece in program.layers if piece in left] == [p for p in program.layers if p not in gone]
    lines = program.text.replace("\r\n", "\n").split("\n")
    apart = [line for line in lines if not any(part in line for p in gone for part in (p, *p.split("\n")))]
    assert set(comments("\n".join(apart))) <= set(comments(shorter))


STEPS = ("x = F.relu(self.fc(x))", "x = self.fc(x)  # c", "y = x * 2 + x", "x = (\n            self.fc(x)\n        )")
RETURNS = (
    "self.fc(x)",
    "self.fc(x) + y",
    "(self.fc(x), y)",
    "self.fc(\n            x,  # in\n        )",
    "-self.fc(x) ** 2",
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(STEPS), max_size=3),
    st.sampled_from(RETURNS),
    st.sampled_from(["import torch\n", "import torch\nimport torch.nn.functional as F\n", ""]),
    st.sampled_from(["relu", "gelu", "sigmoid"]),
)
def test_a_call_around_another_can_be_taken_off(steps: list[str], returned: str, head: str, op: str) -> None:
    rows = "".join(f"        {step}\n" for step in ["y = 0", *steps])
    loaded = ("torch" if "import torch\n" in head else 0, "F" if " F" in head else 0)
    text = (
        f"import os\n{head}from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        f"        self.fc = nn.Linear(2, 2)\n        print(os, {loaded[0]}, {loaded[1]})\n\n"
        f"    def forward(self, x):\n{rows}        return {returned}\n"
    )
    calls = [m.start() for m in re.finditer(r"self\.fc\(", text)]
    call = returned.lstrip("-(").partition(" + ")[0].partition(", y")[0].partition(" **")[0]
    nth = len([c for c in calls if text.startswith(call, c)]) - 1
    node = layer(text, "linear", "nn.Linear(2, 2)", module="fc")
    node = node.model_copy(update={"call": spot(text, call, nth)})
    wrapped = applied(text, InsertAfter(node=node, op=op))
    compile(wrapped, "net.py", "exec")
    assert comments(wrapped) == comments(text)
    around = re.search(rf"(\S*\b{op}\()(self\.fc\((?:[^()]|\n)*\)\))", wrapped[wrapped.index("return") :])
    assert around is not None
    whole = around.group(1).lstrip("-(") + around.group(2)
    last = wrapped.count(whole) - 1
    kind = "torch" if whole.startswith("torch") else "F"
    off = applied(wrapped, Remove(node=function(wrapped, op, whole, f"{kind}.{op}", nth=last)))
    assert off == text


VALUES = st.one_of(
    st.integers(-5, 5), st.floats(1e-8, 1e8), st.booleans(), st.none(), st.text("a\"'\\é\n", max_size=4),
    st.tuples(st.integers(), st.floats(0, 1)),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(VALUES, st.sampled_from(["f(1)", "f(1, a=2)", "f(\n    1,\n    a=2,  # two\n)", "f()", "f(1, 2)"]))
def test_a_value_reads_back_as_it_was(value: object, call: str) -> None:
    text = f"def f(b=0, a=0):\n    return a\n\n\nresult = {call}  # end\n"
    if (call != "f()" and value == 2 and not isinstance(value, bool)) or ("\n" in str(value)):
        return
    changed = applied(text, SetArgument(call=spot(text, call), name="a", value=value, position=1))
    assert comments(changed) == comments(text)
    scope: dict[str, object] = {}
    exec(changed, scope)
    assert scope["result"] == value
    assert type(scope["result"]) is type(value)


@settings(max_examples=60, deadline=None)
@given(sequences(), st.integers(0, 3), st.sampled_from(["before", "after"]))
def test_a_statement_stands_beside_its_line(program: Program, which: int, where: str) -> None:
    target = ("net = ", "nn.Sequential(", "return torch", "def used")[which]
    result = applied(program.text, InsertStatement(at=spot(program.text, target), text="new = 1", where=where))
    compile(result, "net.py", "exec")
    lines, old = result.splitlines(), program.text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip() == "new = 1")
    assert lines[:at] + lines[at + 1 :] == old
    assert (target in lines[at + 1]) if where == "before" else (target not in "".join(lines[at + 1 :]))


@settings(max_examples=60, deadline=None)
@given(sequences(), st.data())
def test_a_replaced_layer_can_be_put_back(program: Program, data: st.DataObject) -> None:
    piece = data.draw(st.sampled_from(program.layers))
    text = program.text.replace(piece.replace("\n", "\r\n" if "\r\n" in program.text else "\n"), "nn.Tanh()")
    other = applied(text, Replace(node=built(text, "nn.Tanh()"), op="leaky_relu", arguments={"negative_slope": 0.2}))
    assert other == text.replace("nn.Tanh()", "nn.LeakyReLU(negative_slope=0.2)")
    back = applied(other, Replace(node=built(other, "nn.LeakyReLU(negative_slope=0.2)"), op="tanh"))
    assert back == text

"""Whatever stands in a file, the reader answers: with an outline, or with one error that names the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnlint.source import SourceError, decode, outline

ROOT = Path(__file__).resolve().parent
PROGRAMS = [
    p.read_text() for p in sorted([*(ROOT / "programs").glob("*.py"), *(ROOT.parent / "examples").glob("*.py")])
]
WORDS = sorted({w for p in PROGRAMS for w in re.findall(r"\w+", p)})


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A program that somebody was in the middle of writing: lines gone, doubled, swapped, words exchanged, cut off."""
    lines = draw(st.sampled_from(PROGRAMS)).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["drop", "double", "swap", "word", "indent", "foreign"]))
        if how == "drop":
            lines[at : at + 2] = [""]
        elif how == "double":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        elif how == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "indent":
            lines[at] = "    " + lines[at]
        elif how == "foreign":
            lines.insert(at, draw(st.sampled_from(PROGRAMS)).split("\n")[0])
        else:
            old, new = draw(st.sampled_from(WORDS)), draw(st.sampled_from(WORDS))
            lines = [re.sub(rf"\b{old}\b", new, line) for line in lines]
    text = "\n".join(lines)
    return text[: draw(st.integers(len(text) // 2, len(text)))]


def answers(text: str) -> None:
    try:
        found = outline(Path("train.py"), text)
    except SourceError:
        return
    assert found.path == "train.py"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken())
def test_broken_programs(text: str) -> None:
    answers(text)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    try:
        text = decode("train.py", data)
    except SourceError:
        return
    answers(text)


LOOP = "import torch\nfrom torch import nn\nm = nn.Linear(2, 2)\no = torch.optim.SGD(m.parameters(), 0.1)\n"
TURN = "    l = nn.functional.mse_loss(m(x), y)\n    o.zero_grad()\n    l.backward()\n    o.step()\n"
GENERATED = {
    "python 2": "print 'hello'\nexec code in ns\n",
    "a sum of 5000": "x = " + "+".join(["1"] * 5000),
    "80 calls in each other": "x = " + "f(" * 80 + ")" * 80,
    "95 branches in each other": "".join(" " * i + "if a:\n" for i in range(95)) + " " * 95 + "b = 1\n",
    "400 functions that call each other twice": "".join(
        f"def f{i}(x):\n    f{i + 1}(x)\n    f{i + 1}(x)\n" for i in range(400)
    ),
    "a turn of 600 branches": f"{LOOP}for x, y in d:\n"
    + "".join(f"    if x > {i}:\n        print({i})\n" for i in range(600))
    + TURN,
    "300 trainings": LOOP + "".join(f"for x, y in d{i}:\n{TURN}m.eval()\nprint(m(x))\nm.train()\n" for i in range(300)),
    "300 sums": f"{LOOP}for x, y in d:\n{TURN}" + "".join(f"    t{i} += l\n" for i in range(300)),
    "300 scalers": "from sklearn.preprocessing import StandardScaler\n"
    "from sklearn.model_selection import train_test_split\n"
    + "".join(f"x{i} = StandardScaler().fit_transform(x{i - 1})\na, b = train_test_split(x{i})\n" for i in range(300)),
    "one name 2000 times": "x = 0\n" + "".join(f"x = x + {i}\n" for i in range(2000)),
}  # fmt: skip


@pytest.mark.parametrize("name", GENERATED)
def test_generated_code(name: str) -> None:
    answers(GENERATED[name])

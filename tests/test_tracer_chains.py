"""The span of a call is exactly the expression that makes it, however it is laid out over lines."""

from __future__ import annotations

import ast
import linecache
import random
import sys
from pathlib import Path
from types import FrameType

import pytest

from nnlint.worker.sites import span_of

Spans = list[dict[str, object]]


class Thing:
    """Whatever is done with it, it notes from where."""

    def __init__(self, spans: Spans) -> None:
        self.spans = spans

    def here(self, *_: object, **__: object) -> Thing:
        self._note(sys._getframe(1))
        return self

    def __call__(self, *_: object, **__: object) -> Thing:
        self._note(sys._getframe(1))
        return self

    def __add__(self, _: object) -> Thing:
        return self

    def __getitem__(self, _: object) -> Thing:
        return self

    @property
    def part(self) -> Thing:
        return self

    def _note(self, frame: FrameType) -> None:
        span = span_of(frame)
        assert span is not None
        self.spans.append(span)


def text(span: dict[str, object], source: str) -> str | None:
    """Return what a span covers, None where it has no columns."""
    if "column" not in span:
        return None
    lines = source.split("\n")[int(str(span["line"])) - 1 : int(str(span["end_line"]))]
    lines[-1] = lines[-1][: int(str(span["end_column"])) - 1]
    lines[0] = lines[0][int(str(span["column"])) - 1 :]
    return "\n".join(lines)


def noted(source: str, path: Path) -> list[str | None]:
    """Run a program on a `Thing` called `x`, and return what the spans of its calls cover."""
    path.write_text(source, encoding="utf-8")
    linecache.checkcache(str(path))
    spans: Spans = []
    exec(compile(source, str(path), "exec"), {"x": Thing(spans), "é": Thing(spans)})
    return [text(span, source) for span in spans]


def calls(source: str) -> set[str | None]:
    """Return the text of every call in a program."""
    tree = ast.parse(source)
    return {ast.get_source_segment(source, node) for node in ast.walk(tree) if isinstance(node, ast.Call)}


CHAINS = [
    "(\n    x(1)\n    .here()\n    .here(\n        2,\n    )\n)",
    "(\n    é('é')  # what .here() is\n    # a line between\n    .here('é').here()\n)",
    "x \\\n    .here() \\\n    .here()",
    "(x +\n 1).here()",
    "((x + 1)\n .here())",
    "(\n (x  # (\n + 1)  # )\n ).here()",
    "(((x))\n.here())",
    "x[\n0\n].here().part.part[\n1].here()",
    "x.part.\\\n    here(x\n    .here(x(\n)))",
    "(x\n.part\n.part\n.here())",
    "x(\n    x\n    .here(),\n    k=x.here(\n),\n)\\\n.here()",
    "(\nx).here()",
    "(x\n + x(1)).here()",
]


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_begins_where_it_begins(chain: str, tmp_path: Path) -> None:
    source = f"y = {chain}\n"
    found = noted(source, tmp_path / "chain.py")
    assert found
    assert set(found) <= calls(source)
    assert None not in found


@pytest.mark.parametrize(
    "chain",
    [
        "(x if 0 else\n x)\n.here()",
        "(x if x else\n x).here()",
        "(x\n.part\n.here\n)()",
        "(x\n.here)()",
        "(\n (y := x(1))\n.here())",
        "(x\n or\n x)\n.here()",
    ],
)
def test_what_cannot_be_told_has_no_columns(chain: str, tmp_path: Path) -> None:
    source = f"y = ({chain})\n"
    assert set(noted(source, tmp_path / "chain.py")) <= calls(source) | {None}


def chain(draw: random.Random, depth: int) -> str:
    """Return a random expression, laid out at random, inside parentheses."""
    gap = draw.choice(["", "", " ", "\n", "\n    ", " # a .here() (b\n", "\n\n  "])
    if not depth or draw.random() < 0.1:
        return draw.choice(["x", "é", f"({gap}x)"])
    inner = chain(draw, depth - 1)
    other = chain(draw, depth // 2) if draw.random() < 0.4 else ""
    kind = draw.randrange(7)
    if kind < 3:
        return f"{inner}{gap}.{draw.choice(['', ' '])}here({gap}{other}{gap})"
    if kind == 3:
        return f"{inner}({other}{gap})"
    if kind == 4:
        return f"{inner}{gap}.part"
    if kind == 5:
        return f"({gap}{inner} + {gap}{other or 1}{gap})"
    return f"{inner}[{gap}{other or 0}]"


def test_any_layout_at_all(tmp_path: Path) -> None:
    draw, seen, missing = random.Random(0), 0, 0
    for _ in range(400):
        source = f"y = (\n{chain(draw, 7)}\n)\n"
        found = noted(source, tmp_path / "chain.py")
        assert set(found) <= calls(source) | {None}, source
        seen, missing = seen + len(found), missing + found.count(None)
    assert seen > 800
    assert missing < seen / 50

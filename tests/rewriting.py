"""Facts for programs given as text: where a piece of it stands, and layers and functions written there."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from nnlint.facts import Node, Span
from nnlint.fix import Fix, Verb
from nnlint.source.rewrite import rewrite

PATH = "/project/net.py"


def program(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def spot(text: str, piece: str, nth: int = 0, path: str = PATH) -> Span:
    """Return the span of the `nth` place at which `piece` stands in `text`."""
    at = -1
    for _ in range(nth + 1):
        at = text.index(piece, at + 1)

    def place(offset: int) -> tuple[int, int]:
        return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1

    (line, column), (end_line, end_column) = place(at), place(at + len(piece))
    return Span(path=path, line=line, column=column, end_line=end_line, end_column=end_column)


def layer(
    text: str, op: str, built: str, call: str | None = None, module: str = "0", *, nth: int = 0, number: int = 1
) -> Node:
    """Return a layer that is built at the `nth` `built` and called at `call`."""
    span = spot(text, call) if call else None
    return Node(id=number, op=op, kind="layer", name=built, module=module, call=span, built=spot(text, built, nth))


def function(text: str, op: str, call: str, name: str = "", *, nth: int = 0, number: int = 1) -> Node:
    """Return a function that is called at the `nth` `call`."""
    return Node(id=number, op=op, kind="function", name=name or f"F.{op}", module="", call=spot(text, call, nth))


def applied(text: str, *verbs: Verb, path: str = PATH) -> str:
    """Return `text` after a fix of these verbs."""
    return rewrite(Fix(title="a fix", verbs=verbs), {path: text}.__getitem__)[path]


def reads(files: Mapping[str, str]) -> object:
    return files.__getitem__

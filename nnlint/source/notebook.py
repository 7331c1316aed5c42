"""A notebook read as one Python program, and changes of that program written back into its cells.

The code cells stand one after another, each under a marker line that names it. What IPython understands and Python
does not (`%matplotlib inline`, `!pip install`, `net?`, `%%time`, a cell of another language) is turned into comments
that can be turned back. Everything in the file but the changed lines stays as it is, byte for byte.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .text import SourceError, split_lines

SUFFIX = ".ipynb"

_MARKER = re.compile(r"# %% nnlint cell (\d+)\Z")
_MAGIC = "# nnlint-magic: "
_TIMED = "# nnlint-timed: "
_RUN = re.compile(r"%(time|timeit|prun|memit|capture|snakeviz)(\s+(?:-\S+\s+(?:\d+\s+)?)*)(?=\S)")
_STILL_PYTHON = re.compile(r"%%(time|timeit|capture|prun|memit|snakeviz|heat|scalene|notify)\b")
_LINE = re.compile(r"\s*(%|!|\?|[\w.]+\?{1,2}\s*(?:#.*)?\Z)")
_ASSIGNED = re.compile(r"(\s*)([A-Za-z_][\w.]*\s*=\s*)([%!].*)\Z")


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells of the file from 1, and the line of the program at which it begins."""

    number: int
    start: int


def is_notebook(path: str | Path) -> bool:
    """Whether a path is that of a notebook."""
    return str(path).endswith(SUFFIX)


def program(path: str | Path, data: bytes) -> str:
    """Return a notebook's code cells as one program. Raises SourceError for what is no notebook in Python."""
    parts = []
    for number, cell in _code(path, data):
        parts += [f"# %% nnlint cell {number}", *_python(split_lines(cell))]
    return "\n".join(parts) + "\n" if parts else ""


def cells(text: str) -> list[Cell]:
    """Return where in a program its cells begin."""
    found = []
    for line, row in enumerate(split_lines(text), 1):
        marker = _MARKER.match(row)
        if marker:
            found.append(Cell(int(marker[1]), line + 1))
    return found


def place(found: list[Cell], line: int) -> tuple[int, int] | None:
    """Return the number of the cell in which a line of the program stands, and the line in it."""
    inside = [cell for cell in found if cell.start <= line]
    return (inside[-1].number, line - inside[-1].start + 1) if inside else None


def written(path: str | Path, data: bytes, text: str) -> bytes:
    """Return the notebook's file with the cells as they stand in the program `text`.

    Raises SourceError where a marker was lost.
    """
    before = {number: split_lines(cell) for number, cell in _code(path, data)}
    after = _split(text)
    if list(after) != list(before):
        raise SourceError(path, 0, "its cells cannot be told apart after the change")
    raw = data.decode("utf-8")
    spans = _spans(raw)
    for number in sorted(before, reverse=True):
        rows = [_back(row) for row in after[number]]
        if rows != before[number]:
            start, end = spans[number - 1]
            raw = raw[:start] + _dumped(raw[start:end], rows) + raw[end:]
    return raw.encode("utf-8")


def _split(text: str) -> dict[int, list[str]]:
    rows = split_lines(text)
    if rows and rows[-1] == "":
        rows.pop()
    found: dict[int, list[str]] = {}
    head: list[str] = []
    current = head
    for row in rows:
        marker = _MARKER.match(row)
        if marker:
            current = found[int(marker[1])] = head if not found else []
        else:
            current.append(row)
    return found


# -- the file


def _code(path: str | Path, data: bytes) -> Iterator[tuple[int, str]]:
    try:
        notebook = json.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise SourceError(path, line, "is not a notebook: its JSON cannot be read") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        old = isinstance(notebook, dict) and "worksheets" in notebook
        help = "convert it: jupyter nbconvert --to notebook --nbformat 4" if old else ""
        raise SourceError(path, 0, "is not a notebook" + (" of version 4" if old else ": it has no cells"), help)
    language = _language(notebook)
    if language != "python":
        raise SourceError(path, 0, f"is a notebook in {language}, not in Python")
    for number, cell in enumerate(notebook["cells"], 1):
        if not isinstance(cell, dict) or not isinstance(cell.get("source"), (str, list)):
            raise SourceError(path, 0, f"is not a notebook: its cell {number} has no source")
        if cell.get("cell_type") == "code":
            source = cell["source"]
            yield number, source if isinstance(source, str) else "".join(str(row) for row in source)


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    for key in ("kernelspec", "language_info"):
        entry = metadata.get(key) if isinstance(metadata, dict) else None
        name = (entry.get("language") or (entry.get("name") if key == "language_info" else "")) if entry else ""
        if name:
            return "python" if str(name).lower().startswith(("python", "ipython")) else str(name)
    return "python"


def _spans(raw: str) -> list[tuple[int, int]]:
    """Return where each cell's `source` value stands in the text of the file."""
    found: list[tuple[int, int]] = []
    decoder = json.JSONDecoder()
    for key, at, _ in _members(raw, _blank(raw, 0), decoder):
        if key == "cells":
            for start in _items(raw, at, decoder):
                spans = [(a, b) for name, a, b in _members(raw, start, decoder) if name == "source"]
                found.append(spans[-1])
    return found


def _blank(raw: str, at: int) -> int:
    while raw[at] in " \t\r\n":
        at += 1
    return at


def _members(raw: str, at: int, decoder: json.JSONDecoder) -> Iterator[tuple[str, int, int]]:
    at = _blank(raw, at + 1)
    while raw[at] != "}":
        key, at = decoder.raw_decode(raw, at)
        start = _blank(raw, _blank(raw, at) + 1)
        _, end = decoder.raw_decode(raw, start)
        yield key, start, end
        at = _blank(raw, end)
        at = _blank(raw, at + 1) if raw[at] == "," else at


def _items(raw: str, at: int, decoder: json.JSONDecoder) -> Iterator[int]:
    at = _blank(raw, at + 1)
    while raw[at] != "]":
        yield at
        _, end = decoder.raw_decode(raw, at)
        at = _blank(raw, end)
        at = _blank(raw, at + 1) if raw[at] == "," else at


def _dumped(old: str, rows: list[str]) -> str:
    """Return a source in the form of the old one: one string or a list, its indentation, its way with umlauts."""
    ascii_only = old.isascii() and "\\u" in old
    if old.startswith('"'):
        return json.dumps("\n".join(rows), ensure_ascii=ascii_only)
    texts = [row + "\n" for row in rows[:-1]] + ([rows[-1]] if rows and rows[-1] else [])
    first = _blank(old, 1)
    lead = old[1:first]
    tail = re.search(r"\s*\]\Z", old)
    strings = [json.dumps(text, ensure_ascii=ascii_only) for text in texts]
    between = lead if "\n" in lead else " "
    return "[" + lead + f",{between}".join(strings) + (tail[0] if tail else "]")


# -- what Python does not understand


def _python(rows: list[str]) -> list[str]:
    """Return a cell's lines with what is IPython's alone as comments."""
    first = next((n for n, row in enumerate(rows) if row.strip()), None)
    if first is not None and rows[first].startswith("%%"):
        if not _STILL_PYTHON.match(rows[first]):
            return [_MAGIC + row if row else "#" + _MAGIC for row in rows]
        rest = _python(rows[first + 1 :])
        return [*rows[:first], _MAGIC + rows[first], *rest]
    if _parses(rows):
        return rows
    found: list[str] = []
    for row in rows:
        found.append(_line(row) if _opens(found) else row)
    return found


def _parses(rows: list[str]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("\n".join(rows))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _line(row: str) -> str:
    assigned = _ASSIGNED.match(row)
    if assigned:
        return f"{assigned[1]}{assigned[2]}None  {_MAGIC}{assigned[3]}"
    if not _LINE.match(row):
        return row
    indent = row[: len(row) - len(row.lstrip())]
    timed = _RUN.match(row.lstrip())
    if timed:
        return f"{indent}{row.lstrip()[timed.end() :]}  {_TIMED}{timed[0]}"
    return f"{indent}pass  {_MAGIC}{row.lstrip()}"


def _back(row: str) -> str:
    """Return a line as the notebook has it."""
    if row == "#" + _MAGIC:
        return ""
    if row.startswith(_MAGIC):
        return row[len(_MAGIC) :]
    code, magic, rest = row.partition("  " + _MAGIC)
    if magic:
        return code.removesuffix("pass") + rest if code.strip() == "pass" else code.removesuffix("None") + rest
    code, timed, rest = row.partition("  " + _TIMED)
    indent = code[: len(code) - len(code.lstrip())]
    return indent + rest + code.lstrip() if timed else row


def _opens(rows: list[str]) -> bool:
    """Whether the next line begins a statement: no bracket, no string, no backslash before it is open."""
    text = "\n".join(rows)
    if text.endswith("\\"):
        return False
    depth, quote, at = 0, "", 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif text.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
            elif char == "\n" and len(quote) == 1:
                quote = ""
        elif char in "\"'":
            quote = char * 3 if text.startswith(char * 3, at) else char
            at += len(quote) - 1
        elif char == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        at += 1
    return not (len(quote) == 3 or depth > 0)

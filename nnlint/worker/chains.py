"""Where a call in a chain of methods begins, when the chain runs over several lines.

The interpreter notes for `x.relu()` on one line where `x` begins, but where the name stands on a line of its own

    x = (
        self.conv(x)
        .relu()
    )

it notes the name `relu` alone. The instruction before the method is looked up made what it is called on; that one knows
where it begins.
"""

from __future__ import annotations

import dis
import linecache
import re
from collections.abc import Sequence
from typing import Any

Place = tuple[int, int]
"""A line from 1 and an offset in UTF-8 bytes from 0."""

_NOTHING = frozenset({"CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOP"})

_LOOKS_UP = frozenset({"LOAD_METHOD", "LOAD_ATTR"})


def begins_late(path: str, line: int, offset: int) -> bool:
    """Whether the place is that of a name behind a dot, at which no expression begins."""
    before = linecache.getline(path, line).encode()[:offset].rstrip()
    while not before and line > 1:
        line -= 1
        before = linecache.getline(path, line).encode().partition(b"#")[0].rstrip(b" \t\r\n\f\\")
    return before.endswith(b".")


def beginning(path: str, opcodes: bytes, positions: Sequence[Any], at: int) -> Place | None:
    """Return where the call at unit `at` of a code object really begins, None where that cannot be told."""
    line, _, offset, _ = positions[at]
    if not begins_late(path, line, offset):
        return line, offset
    called = dis.opname[opcodes[2 * at]] not in _LOOKS_UP
    if called and not _is_called(path, line, offset):
        return None
    looked_up = at - 1 if called else at
    while looked_up >= 0 and not _looks_up(opcodes, positions, looked_up, (line, offset)):
        looked_up -= 1
    made = looked_up - 1
    while made >= 0 and dis.opname[opcodes[2 * made]] in _NOTHING:
        made -= 1
    if looked_up < 0 or made < 0 or None in positions[made]:
        return None
    start = beginning(path, opcodes, positions, made)
    if start is None:
        return None
    closed = _closing(path, (positions[made][1], positions[made][3]), (line, offset))
    return None if closed is None else _opening(path, start, closed)


def _looks_up(opcodes: bytes, positions: Sequence[Any], unit: int, place: Place) -> bool:
    return dis.opname[opcodes[2 * unit]] in _LOOKS_UP and (positions[unit][0], positions[unit][2]) == place


def _is_called(path: str, line: int, offset: int) -> bool:
    """Whether the name at a place has its arguments right behind it: no parenthesis closes in between."""
    return re.match(rb"\s*[^\W\d][\w\x80-\xff]*[ \t]*\(", linecache.getline(path, line).encode()[offset:]) is not None


def _closing(path: str, end: Place, name: Place) -> int | None:
    """Return the number of parentheses that close between an expression and the dot behind it."""
    between = b""
    for line in range(end[0], name[0] + 1):
        text = linecache.getline(path, line).encode()
        text = text[: name[1]] if line == name[0] else text
        between += (text[end[1] :] if line == end[0] else text).partition(b"#")[0]
    return between.count(b")") if re.fullmatch(rb"[\s\\)]*\.[\s\\]*", between) else None


def _opening(path: str, start: Place, count: int) -> Place | None:
    """Return the place of the so-manieth parenthesis before `start`, None where something else stands in between."""
    line, offset = start
    while count:
        before = linecache.getline(path, line).encode()[:offset].rstrip(b" \t(")
        text = linecache.getline(path, line).encode()[:offset]
        opened = [i for i in range(len(before), len(text)) if text[i : i + 1] == b"("]
        if opened:
            taken = opened[-count:]
            count -= len(taken)
            offset = taken[0]
            if not count:
                break
        if before.strip():
            return None
        line -= 1
        if line < 1:
            return None
        offset = len(linecache.getline(path, line).encode().partition(b"#")[0].rstrip(b" \t\r\n\f\\"))
    return line, offset

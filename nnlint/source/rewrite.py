"""A fix becomes text: the changed files, the edits of an editor, a diff, and the writing back.

Comments, layout, line ends, encoding and byte order mark stay as they are. What cannot be done cleanly is not done:
CannotApply says why.
"""

from __future__ import annotations

import codecs
import difflib
import os
import re
import stat
import tempfile
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..facts import Facts, Plain
from ..fix import Fix
from .notebook import is_notebook, program, written
from .text import SourceError
from .writers import WRITERS
from .writers.changes import CannotApply
from .writers.document import parses
from .writers.sweep import sweep
from .writers.workspace import Workspace

__all__ = [
    "CannotApply",
    "Edit",
    "Rewritten",
    "edits",
    "read_source",
    "rewrite",
    "rewrite_all",
    "unified_diff",
    "write",
]

Read = Callable[[str], str]


class Edit(Plain):
    """Put `text` between two places: lines and columns from 1, in code points, end exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Rewritten:
    """What `rewrite_all` did: new texts by path, the fixes in them, and the fixes left out with the reason."""

    files: dict[str, str]
    applied: tuple[Fix, ...]
    left: tuple[tuple[Fix, str], ...]


def rewrite(fix: Fix, read: Read, facts: Facts | None = None) -> dict[str, str]:
    """Return the new text of every file that a fix changes.

    `facts` are those of the subject that the fix is for: they tell which layers share a line of source. Raises
    CannotApply where one of the verbs has no clean form; then nothing is changed.
    """
    return _rewrite([(fix, facts)], read)


def rewrite_all(fixes: Sequence[Fix], read: Read, facts: Sequence[Facts | None] | None = None) -> Rewritten:
    """Apply as many fixes as go together, earlier ones first. `facts` are those of each fix's subject."""
    jobs = list(zip(fixes, facts or [None] * len(fixes), strict=True))
    try:
        return Rewritten(_rewrite(jobs, read) if jobs else {}, tuple(fixes), ())
    except CannotApply:
        pass  # at least one does not go with the others: find out which
    done: list[tuple[Fix, Facts | None]] = []
    files: dict[str, str] = {}
    left: list[tuple[Fix, str]] = []
    for job in jobs:
        try:
            files = _rewrite([*done, job], read)
            done.append(job)
        except CannotApply as error:
            left.append((job[0], error.reason))
    return Rewritten(files, tuple(fix for fix, _ in done), tuple(left))


def _rewrite(jobs: Sequence[tuple[Fix, Facts | None]], read: Read) -> dict[str, str]:
    work = Workspace(read)
    for fix, facts in jobs:
        subject = [verb for other, its in jobs if its is facts for verb in other.verbs]
        work.begin(subject, facts)
        for verb in fix.verbs:
            if type(verb) not in WRITERS:
                raise CannotApply(f"nnlint cannot write `{type(verb).__name__}`")
            WRITERS[type(verb)](work, verb)
    files = {}
    for doc in work.documents():
        text = work.finish(doc)
        if text == doc.text:
            continue
        text = sweep(doc.path, doc.text, text, doc.abandoned)
        if not parses(text.removeprefix("\ufeff")):
            raise CannotApply(f"the changed {Path(doc.path).name} would not be valid Python")
        files[doc.path] = text
    if not files:
        raise CannotApply("the source already reads so")
    return files


# -- for editors and eyes ---------------------------------------------------------------------------------------------


def edits(path: str, old: str, new: str) -> tuple[Edit, ...]:
    """Return small edits that turn `old` into `new`, in order, none touching another."""
    before, after = _lines(old), _lines(new)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    found = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        whole = [("".join(before[i:j]), "".join(after[k:m]), starts[i])]
        by_line = list(zip(before[i:j], after[k:m], starts[i:j]))
        for one, other, offset in by_line if j - i == m - k else whole:
            start, end, text = _trimmed(one, other)
            if start != end or text:
                found.append(_edit(path, starts, before, offset + start, offset + end, text))
    return tuple(found)


def _trimmed(old: str, new: str) -> tuple[int, int, str]:
    """Return the part of `old` that differs, and what stands there in `new`."""
    head = _alike(old, new)
    if old[head - 1 : head] == "\r":  # never between the two code points of a line break
        head -= 1
    tail = _alike(old[head:][::-1], new[head:][::-1])
    return head, len(old) - tail, new[head : len(new) - tail]


def _alike(one: str, other: str) -> int:
    """Return how many code points two texts begin with in common."""
    return next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))


def _edit(path: str, starts: list[int], lines: list[str], start: int, end: int, text: str) -> Edit:
    def place(offset: int) -> tuple[int, int]:
        line = max(i for i, s in enumerate(starts) if s <= offset)
        if line == len(lines) and lines and not lines[-1].endswith(("\n", "\r")):
            line -= 1
        return line + 1, offset - starts[line] + 1

    (line, column), (end_line, end_column) = place(start), place(end)
    return Edit(path=path, line=line, column=column, end_line=end_line, end_column=end_column, text=text)


def _lines(text: str) -> list[str]:
    """Split as Python does, line breaks kept (`str.splitlines` also splits at form feeds)."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)


def unified_diff(path: str, old: str, new: str, context: int = 3) -> str:
    """Return a diff as `diff -u` and git write it; "" where nothing differs."""
    rows = _diff_rows(path, old, new, context)
    return "".join(row if row.endswith("\n") else row + "\n\\ No newline at end of file\n" for row in rows)


def _diff_rows(path: str, old: str, new: str, context: int) -> Iterator[str]:
    before = [re.sub(r"\r\n|\r", "\n", line) for line in _lines(old)]
    after = [re.sub(r"\r\n|\r", "\n", line) for line in _lines(new)]
    return difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", n=context)


# -- files ------------------------------------------------------------------------------------------------------------


def read_source(path: str) -> str:
    """Return the text of a Python file, line ends as they are, a byte order mark left out; of a notebook its cells.

    Raises OSError, and SyntaxError or UnicodeError where its encoding is not what it says.
    """
    data = Path(path).read_bytes()
    if is_notebook(path):
        try:
            return program(path, data)
        except SourceError as error:
            raise SyntaxError(error.message) from error
    encoding, _ = _encoding(data)
    return data.removeprefix(codecs.BOM_UTF8).decode(encoding)


def _encoding(data: bytes) -> tuple[str, bytes]:
    """Return the encoding of a file as Python reads it, and its byte order mark."""
    rows = iter(data.splitlines(keepends=True)[:2])
    encoding, _ = tokenize.detect_encoding(lambda: next(rows, b""))
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    return ("utf-8" if encoding == "utf-8-sig" else encoding), mark


def write(files: Mapping[str, str]) -> None:
    """Write texts to their files, each at once or not at all. Raises OSError.

    Encoding, byte order mark, line ends and permissions stay as they are; a link stays a link to the changed file.
    """
    encoded = {}
    for path, text in files.items():
        real = Path(path).resolve()
        encoded[real] = _notebook(real, text) if is_notebook(real) else _encoded(real.read_bytes(), text)
    for real, data in encoded.items():
        handle, scratch = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(scratch, stat.S_IMODE(real.stat().st_mode))
            os.replace(scratch, real)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise


def _notebook(path: Path, text: str) -> bytes:
    try:
        return written(path, path.read_bytes(), text)
    except SourceError as error:
        raise OSError(error.message) from error


def _encoded(old: bytes, text: str) -> bytes:
    encoding, mark = _encoding(old)
    text = text.removeprefix("\ufeff")
    if b"\r\n" in old and "\r" not in text and old.count(b"\r\n") == old.count(b"\n"):
        text = text.replace("\n", "\r\n")  # read with line ends made equal
    return mark + text.encode(encoding)

"""What stands between commas: arguments of a call, elements of a list, names of an import."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import libcst as cst

from .document import Document

Entry = cst.Arg | cst.BaseElement | cst.BaseDictElement | cst.ImportAlias
Holder = cst.Call | cst.List | cst.Tuple | cst.Set | cst.Dict | cst.ImportFrom


class Items:
    """The entries of one holder. What is dropped and added is laid out together, in the layout that stands there."""

    def __init__(self, doc: Document, holder: Holder) -> None:
        self.doc = doc
        self.holder = holder
        self.entries: Sequence[Entry] = _entries(holder)
        self._dropped: set[int] = set()
        self._added: dict[int, list[str]] = {}

    @classmethod
    def of(cls, doc: Document, holder: Holder) -> Items:
        """Return the one plan that `doc` has for `holder`."""
        return doc.items.setdefault(holder, cls(doc, holder))

    def index(self, node: cst.CSTNode) -> int:
        """Return which entry is, or holds, `node`."""
        for i, entry in enumerate(self.entries):
            if entry is node or self.doc.inside(node, entry):
                return i
        raise ValueError("not an entry")

    def drop(self, index: int) -> None:
        """Plan to take an entry out with its comma."""
        self._dropped.add(index)

    def add_after(self, index: int, text: str) -> None:
        """Plan to put `text` behind entry `index` (-1: before the first). The same text counts once."""
        texts = self._added.setdefault(index, [])
        if text not in texts:
            texts.append(text)

    def write(self) -> None:
        """Hand the planned changes to the document."""
        dropped = set(self._dropped)
        for index, texts in sorted(self._added.items()):
            if index + 1 in dropped:
                dropped.discard(index + 1)
                start, end = self._reach(index + 1)
                self.doc.changes.replace(start, end, self._joined(index + 1, texts))
            elif not self.entries:
                self.doc.changes.insert(self.doc.end(self.holder) - 1, ", ".join(texts))
            else:
                self._insert(index, texts)
        for first, last in _runs(dropped):
            self._delete(first, last)

    # -- places ---------------------------------------------------------------------------------------------------

    def _reach(self, index: int) -> tuple[int, int]:
        entry = self.entries[index]
        if isinstance(entry, cst.Element):
            return self.doc.outer(entry.value)
        if isinstance(entry, cst.DictElement):
            return self.doc.outer(entry.key)[0], self.doc.outer(entry.value)[1]
        if isinstance(entry, (cst.StarredElement, cst.StarredDictElement)):
            return self.doc.start(entry), self.doc.outer(entry.value)[1]
        return self.doc.start(entry), self.doc.end(entry)

    def _comma(self, index: int) -> int | None:
        """Return the offset behind an entry's comma."""
        comma = self.entries[index].comma
        return self.doc.end(comma) if isinstance(comma, cst.Comma) else None

    def _alone(self, index: int) -> bool:
        """Return whether an entry has its lines for itself."""
        start, end = self._reach(index)
        return self.doc.opens_line(start) and self.doc.closes_line(self._comma(index) or end)

    def _shares_lines(self) -> bool:
        reaches = [self._reach(i) for i in range(len(self.entries))]
        return any(self.doc.line(a[1]) == self.doc.line(b[0]) for a, b in pairwise(reaches))

    def _separator(self, index: int) -> str:
        start = self._reach(index)[0]
        if self.doc.opens_line(start) and not self._shares_lines():
            return "," + self.doc.newline + self.doc.indent(start)
        return ", "

    def _joined(self, index: int, texts: list[str]) -> str:
        return self._separator(index).join(texts)

    # -- changes --------------------------------------------------------------------------------------------------

    def _insert(self, index: int, texts: list[str]) -> None:
        doc, changes = self.doc, self.doc.changes
        if index < 0:
            start = self._reach(0)[0]
            between = "," + doc.newline + doc.indent(start) if doc.opens_line(start) else ", "
            changes.insert(start, between.join([*texts, ""]))
            return
        end, comma = self._reach(index)[1], self._comma(index)
        following = self._reach(index + 1)[0] if index + 1 < len(self.entries) else None
        own_lines = not self._shares_lines() and (
            self._alone(index) or (following is not None and doc.opens_line(following))
        )
        if own_lines:
            indent = doc.newline + doc.indent(following if following is not None else self._reach(index)[0])
            if comma is None:
                changes.insert(end, ",")
            joined = f",{indent}".join(texts) + ("," if comma is not None else "")
            changes.insert(doc.line_end(comma or end), indent + joined)
        elif self.doc.opens_line(self._reach(index)[0]) and not self._shares_lines():
            changes.insert(end, "".join(self._separator(index) + text for text in texts))
        elif comma is None:
            changes.insert(end, "".join(f", {text}" for text in texts))
        else:
            changes.insert(comma, "".join(f" {text}," for text in texts))

    def _delete(self, first: int, last: int) -> None:
        doc, changes = self.doc, self.doc.changes
        start, end = self._reach(first)[0], self._reach(last)[1]
        comma = self._comma(last)
        behind = comma or end
        before = self._comma(first - 1) if first else None
        following = self._reach(last + 1)[0] if last + 1 < len(self.entries) else None
        if doc.opens_line(start) and doc.closes_line(behind):
            changes.delete(doc.line_start(start), doc.next_line(behind))
            if comma is None and before is not None:
                changes.delete(before - 1, before)
        elif following is not None and doc.line(following) == doc.line(behind):
            changes.delete(start, following)
        elif before is not None and following is not None:
            changes.delete(before, behind)
        elif before is None:
            alone = following is None or "#" in doc.text[behind:following]
            changes.delete(start, behind if alone else following or behind)
        elif "#" in doc.text[before:start]:
            changes.delete(start, behind)
            if comma is None:
                changes.delete(before - 1, before)
        else:
            changes.delete(before if comma else before - 1, behind)


def _entries(holder: Holder) -> Sequence[Entry]:
    if isinstance(holder, cst.Call):
        return holder.args
    if isinstance(holder, cst.ImportFrom):
        return () if isinstance(holder.names, cst.ImportStar) else holder.names
    return holder.elements


def _runs(indexes: set[int]) -> list[tuple[int, int]]:
    """Return the runs of neighbouring indexes as first and last."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs

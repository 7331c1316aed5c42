"""Changes to one text: what is deleted and inserted where, and how several of them are put together."""

from __future__ import annotations

from dataclasses import dataclass

BEHIND, BETWEEN, AHEAD = range(3)
"""Where an insertion belongs: to what stands left of it, to neither side, to what stands right of it."""


class CannotApply(Exception):
    """A fix has no clean form in this source. `reason` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Change:
    """Put `text` in the place of the code points `start` to `end` (exclusive)."""

    start: int
    end: int
    text: str
    side: int = BETWEEN


class Changes:
    """Changes in the coordinates of the original text. The same change made twice counts once."""

    def __init__(self) -> None:
        self._made: dict[Change, None] = {}

    def __len__(self) -> int:
        return len(self._made)

    def delete(self, start: int, end: int) -> None:
        """Take out the code points `start` to `end`."""
        if end > start:
            self._made[Change(start, end, "")] = None

    def replace(self, start: int, end: int, text: str) -> None:
        """Put `text` in the place of the code points `start` to `end`."""
        self._made[Change(start, end, text)] = None

    def insert(self, at: int, text: str, side: int = BETWEEN) -> None:
        """Put `text` in front of the code point `at`, behind what was put there before."""
        self._made[Change(at, at, text, side)] = None

    def wrap(self, start: int, end: int, before: str, after: str) -> None:
        """Put `before` and `after` around `start` to `end`, outside of what was put there before."""
        self._made[Change(start, start, before, AHEAD)] = None
        self._made[Change(end, end, after, BEHIND)] = None

    def apply(self, text: str) -> str:
        """Return the changed text. Raises CannotApply where two changes meet at one place."""
        pieces: list[str] = []
        at = 0
        for change in self._in_order(text):
            pieces += [text[at : change.start], change.text]
            at = change.end
        return "".join(pieces) + text[at:]

    def _in_order(self, text: str) -> list[Change]:
        inserts: dict[tuple[int, int], list[Change]] = {}
        spans: list[Change] = []
        for change in self._made:
            if change.start == change.end:
                inserts.setdefault((change.start, change.side), []).append(change)
            else:
                spans.append(change)
        merged = _merge(spans, text)
        points: list[Change] = []
        for (at, side), group in inserts.items():
            if any(span.start < at < span.end for span in merged):
                raise _clash(text, at)
            points += reversed(group) if side == AHEAD else group
        # At one place: what closes the left side, what stands between, what opens the right side, then the deletion.
        return sorted(points + merged, key=lambda c: (c.start, c.start != c.end, c.side))


def _merge(spans: list[Change], text: str) -> list[Change]:
    """Join deletions that overlap; two other changes of the same code points are a clash."""
    merged: list[Change] = []
    for span in sorted(spans, key=lambda c: (c.start, c.end)):
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
        elif span.text or merged[-1].text:
            raise _clash(text, span.start)
        else:
            merged[-1] = Change(merged[-1].start, max(merged[-1].end, span.end), "")
    return merged


def _clash(text: str, at: int) -> CannotApply:
    return CannotApply(f"two changes meet in line {text.count(chr(10), 0, at) + 1}")

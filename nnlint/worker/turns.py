"""The order of calls in one turn of the training loop, worked out from the calls as they came."""

from __future__ import annotations

import linecache
from itertools import pairwise
from types import FrameType
from typing import Any

from .sites import span_of, user_frame

_MOST = 4000
"""Calls kept: a script with many forwards to a step is cut here."""

Key = tuple[str, str, int, int]


class Turns:
    """Notes calls by kind and place, and cuts them into turns."""

    def __init__(self) -> None:
        self._seen: list[tuple[Key, dict[str, Any]]] = []
        self._known: dict[Key, dict[str, Any]] = {}

    def note(self, kind: str, frame: FrameType | None) -> None:
        """Note a call that the user's code makes in or behind `frame`."""
        self.place(kind, span_of(user_frame(frame)))

    def place(self, kind: str, span: dict[str, Any] | None) -> None:
        """Note a call whose place is known; what has no place in the user's code is left out."""
        if span is None or len(self._seen) >= _MOST:
            return
        key = (kind, span["path"], span["line"], span.get("column") or 0)
        call = self._known.get(key)
        if call is None:
            call = self._known[key] = {"kind": kind, "span": span}
            on = _on(kind, span)
            if on:
                call["on"] = on
        self._seen.append((key, call))

    def calls(self) -> list[dict[str, Any]] | None:
        """Return one turn's calls as `Call` dicts; None where fewer than two whole turns were seen.

        A turn begins with the first call that comes back after a step. What some turns leave out is conditional.
        """
        keys = [key for key, _ in self._seen]
        steps = [n for n, key in enumerate(keys) if key[0] == "step"]
        if len(steps) < 2:
            return None
        repeated = set(keys[: steps[0] + 1]) & set(keys[steps[0] + 1 :])
        begin = next((key for key in keys if key in repeated), None)
        if begin is None:
            return None
        cuts = [n for n, key in enumerate(keys) if key == begin]
        turns = [_once(keys[a:b]) for a, b in pairwise(cuts)]
        whole = [turn for turn in turns if any(key[0] == "step" for key in turn)]
        if not whole:
            return None
        longest = max(whole, key=len)
        if any(key not in longest for turn in turns for key in turn):
            return None  # turns of several kinds
        return [
            {**self._known[key], "conditional": key[0] != "loss" and not all(key in turn for turn in turns)}
            for key in longest
        ]  # fmt: skip

    def backwards_to_a_step(self) -> int | None:
        """Return how many backward passes come to one step of one optimizer; None where that differs."""
        counts, backwards = [], 0
        for key, _ in self._seen:
            if key[0] == "backward":
                backwards += 1
            elif key[0] == "step":
                counts.append(backwards)
                backwards = 0
        return counts[1] if len(counts) > 1 and len(set(counts[1:])) == 1 and counts[0] == counts[1] else None


def _once(keys: list[Key]) -> list[Key]:
    return list(dict.fromkeys(keys))


_METHODS = {"zero_grad": ".zero_grad(", "backward": ".backward(", "step": ".step(", "scheduler_step": ".step("}


def _on(kind: str, span: dict[str, Any]) -> str | None:
    """Return what a call is made on, as the user wrote it."""
    method = _METHODS.get(kind)
    if span.get("column") is None or span["line"] != span["end_line"]:
        return None
    text = linecache.getline(span["path"], span["line"])[span["column"] - 1 : span["end_column"] - 1]
    if method is None:
        name = text.partition("(")[0]
        return name if kind in ("forward", "loss") and name.replace(".", "_").isidentifier() else None
    name, found, rest = text.rpartition(method)
    if kind == "step" and found and rest.rstrip(")").replace(".", "_").isidentifier():
        return rest.rstrip(")")  # scaler.step(optimizer)
    return name if found and name.replace(".", "_").isidentifier() else None

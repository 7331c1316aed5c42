"""Changes of a configuration: made to its data, shown in words, and written with comments and order kept."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from .reading import Key, Written, dumped, parsed, plain
from .schema import Blueprint

SHORT = {
    "data": "task", "optimizer": "kind", "schedule": "kind", "clip": "norm", "early_stopping": "patience",
    "swa": "start", "dropout": "rate",
}  # fmt: skip
"""Blocks that may be written as a plain value, and the key which that sets."""

REMOVED = object()
"""The value of a key that is taken out."""


@dataclass(frozen=True)
class Change:
    """`key` gets another value; REMOVED takes it out."""

    key: Key
    value: Any


def after(written: Written, changes: Iterable[Change]) -> Written | None:
    """Return the configuration as these changes leave it; None where it would be none."""
    data = plain(written.tree)
    for change in changes:
        _set(data, change)
    try:
        blueprint = Blueprint.model_validate(data)
    except ValidationError:
        return None
    return Written(written.path, written.text, written.tree, blueprint)


def in_words(written: Written, changes: Sequence[Change]) -> str:
    """Return `model.output: softmax -> none, optimizer.rate: 0.01 -> 0.001`."""
    words = []
    for change in changes:
        before, now = _get(plain(written.tree), change.key), change.value
        shown = ["-" if value is REMOVED else _shown(value) for value in (before, now)]
        words.append(f"{'.'.join(map(str, change.key))}: {shown[0]} -> {shown[1]}")
    return ", ".join(words)


def rewritten(written: Written, changes: Sequence[Change]) -> str:
    """Return the text of the configuration with these changes; lines that they do not concern stay as they are."""
    base, tree = parsed(written.text), parsed(written.text)
    for change in changes:
        _set(tree, change)
    old, new = (dumped(data, written.text).splitlines(keepends=True) for data in (base, tree))
    own = written.text.splitlines(keepends=True)
    if own and not own[-1].endswith("\n"):
        own[-1] += "\n"
    if len(own) == len(old):
        result: list[str] = []
        for _, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            result += own[i:j] if old[i:j] == new[k:m] else new[k:m]
        text = "".join(result)
        try:
            if plain(parsed(text)) == plain(tree):
                return text
        except Exception:  # two layouts that do not go together: ruamel's own is taken for the whole
            return "".join(new)
    return "".join(new)


def _set(tree: Any, change: Change) -> None:
    """Make one change; a block that is a plain value becomes one of keys."""
    *above, last = change.key
    for part in above:
        try:
            inner = tree[part]
        except (KeyError, IndexError):
            inner = None
        if not isinstance(inner, dict | list):
            inner = {} if inner is None else {SHORT.get(str(part), "kind"): inner}
            tree[part] = inner
            inner = tree[part]
        tree = inner
    if change.value is not REMOVED:
        tree[last] = copy.deepcopy(change.value)
    elif isinstance(tree, dict):
        tree.pop(last, None)
    elif isinstance(last, int) and last < len(tree):
        del tree[last]


def _get(tree: Any, key: Key) -> Any:
    for above, part in zip(("", *map(str, key)), key, strict=False):
        if not isinstance(tree, dict | list):
            return tree if SHORT.get(above) == part else REMOVED  # a plain value that stands for its block
        try:
            tree = tree[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return REMOVED
    return tree


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)

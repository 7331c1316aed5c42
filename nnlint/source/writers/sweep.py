"""What a change left without use: attributes and names that only built what is gone, and imports."""

from __future__ import annotations

import re
from collections.abc import Iterable

import libcst as cst

from .document import Document
from .items import Items
from .names import Names, dotted_name
from .statements import drop_statement, write_drops


def sweep(path: str, old: str, new: str, abandoned: Iterable[str]) -> str:
    """Return `new` without what `old` used and `new` does not: layers among `abandoned`, and imports."""
    abandoned = list(abandoned)
    if abandoned:
        doc = Document(path, new)
        names = Names(doc)
        for name in abandoned:
            _drop_layer(doc, names, name)
        new = _written(doc)
    if fewer := _lost_words(old, new):
        doc = Document(path, new)
        _drop_imports(doc, fewer)
        new = _written(doc)
    return new


def _written(doc: Document) -> str:
    write_drops(doc)
    for items in doc.items.values():
        items.write()
    return doc.changes.apply(doc.text)


def _drop_layer(doc: Document, names: Names, name: str) -> None:
    """Drop `self.act = nn.Sigmoid()` where nothing else in the file says `act`."""
    uses = doc.uses(name)
    last = name.rpartition(".")[2]
    if len(uses) != 1 or _in_strings(doc, last):
        return
    target = doc.parent(uses[0])
    statement = doc.parent(target) if isinstance(target, cst.AssignTarget) else None
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return
    value = statement.value
    made = names.resolve(value.func if isinstance(value, cst.Call) else value)
    if made is not None and made.startswith("torch."):
        drop_statement(doc, statement)


def _in_strings(doc: Document, word: str) -> bool:
    return any(re.search(rf"\b{re.escape(word)}\b", s.value) for s in doc.all(cst.SimpleString))


def _lost_words(old: str, new: str) -> set[str]:
    """Return the words that stand less often in `new` than in `old`."""

    def count(text: str) -> dict[str, int]:
        words: dict[str, int] = {}
        for word in re.findall(r"[^\W\d]\w*", text):
            words[word] = words.get(word, 0) + 1
        return words

    left = count(new)
    return {word for word, times in count(old).items() if left.get(word, 0) < times}


def _drop_imports(doc: Document, words: set[str]) -> None:
    """Drop imports whose name is among `words` and used nowhere."""
    if doc.path.endswith("__init__.py"):
        return
    used = doc.variables()
    statements: list[cst.Import | cst.ImportFrom] = [*doc.all(cst.Import), *doc.all(cst.ImportFrom)]
    for statement in statements:
        if isinstance(statement.names, cst.ImportStar):
            continue
        gone = [i for i, alias in enumerate(statement.names) if _unused(doc, alias, words, used)]
        if len(gone) == len(statement.names):
            drop_statement(doc, statement)
        elif isinstance(statement, cst.ImportFrom):
            for i in gone:
                Items.of(doc, statement).drop(i)


def _unused(doc: Document, alias: cst.ImportAlias, words: set[str], used: set[str]) -> bool:
    name = dotted_name(alias.asname.name if alias.asname else alias.name)
    if "." in name or name not in words or name in used:
        return False
    # `import torch.nn.functional` also loads what it names, and `__all__` or a doctest may speak of a name.
    return not _in_strings(doc, name)

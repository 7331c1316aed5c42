"""The text writer of `SaveState`: an optimizer's state into a checkpoint, and back out of it."""

from __future__ import annotations

import libcst as cst

from ...facts import Span
from ...fix import SaveState
from .changes import CannotApply
from .document import Document, last_name
from .items import Items
from .layers import binding
from .places import bound_name
from .statements import insert_beside
from .workspace import Workspace


def write_save_state(work: Workspace, verb: SaveState) -> None:
    """Write `SaveState`: the entry where the checkpoint is written, the line where it is read. Raises CannotApply."""
    doc, other = work.document(verb.saved.path), work.document(verb.loaded.path)
    save, load = doc.call_at(verb.saved), other.call_at(verb.loaded)
    if save is None or load is None or not save.args:
        raise CannotApply("the place that writes or reads the checkpoint was not found")
    holder = _dictionary(doc, save.args[0].value)
    at, key = _weights(doc, holder)
    new = key.quote + _key(str(key.evaluated_value), verb.what) + key.quote
    name = _visible(doc, verb.thing, holder)
    value = f"{name}.state_dict()"
    Items.of(doc, holder).add_after(at, f"{new}: {value}")
    read = load.args[0].value if load.args else None
    if not isinstance(read, cst.Subscript) or other.code(read).count(str(key.evaluated_value)) != 1:
        raise CannotApply("the checkpoint is read in another form than it is written")
    source = other.code(read.value)
    text = f"{_visible(other, verb.thing, load)}.load_state_dict({source}[{new}])"
    insert_beside(other, _behind(other, load, verb.thing), text, "after")


def _behind(doc: Document, load: cst.Call, thing: Span) -> cst.CSTNode:
    """Return the statement that loads the weights, or the one that builds the thing where that comes later."""
    loads = doc.statement_at(Span(path=doc.path, line=doc.line(doc.start(load)), column=None))
    builds = doc.statement_at(thing) if thing.path == doc.path else None
    if loads is None:
        raise CannotApply("the statement that reads the checkpoint was not found")
    if builds is not None and doc.scope(builds) is doc.scope(loads) and doc.start(builds) > doc.start(loads):
        return builds
    return loads


def _dictionary(doc: Document, value: cst.BaseExpression) -> cst.Dict:
    if isinstance(value, cst.Name):
        scope = doc.scope(value)
        made = [d for d in doc.all(cst.Dict) if binding(doc, d) == value.value and doc.scope(d) is scope]
        value = made[0] if len(made) == 1 else value
    if not isinstance(value, cst.Dict):
        raise CannotApply("the checkpoint is not written as a dictionary in one place")
    return value


def _weights(doc: Document, holder: cst.Dict) -> tuple[int, cst.SimpleString]:
    """Return which entry holds the model's weights, and its key."""
    for i, entry in enumerate(holder.elements):
        if isinstance(entry, cst.DictElement) and isinstance(entry.key, cst.SimpleString):
            made = entry.value
            if isinstance(made, cst.Call) and last_name(made.func) == "state_dict":
                return i, entry.key
    raise CannotApply("the checkpoint holds no `state_dict()` under a name")


def _key(weights: str, what: str) -> str:
    """Return a key in the manner of the one of the weights: `optimizer_state_dict` beside `model_state_dict`."""
    for word in ("model", "net", "network"):
        if word in weights:
            return weights.replace(word, what)
    return what + ("_state_dict" if weights.endswith("_state_dict") else "")


def _visible(doc: Document, thing: Span, seen_from: cst.CSTNode) -> str:
    """Return the name of the thing where it is needed: the one it is bound to, else a parameter's of the same name."""
    if thing.path == doc.path:
        try:
            return bound_name(doc, thing, seen_from)
        except CannotApply:
            statement = doc.statement_at(thing)
            target = statement.targets[0].target if isinstance(statement, cst.Assign) else None
            scope = doc.scope(seen_from)
            taken = [p.name.value for p in scope.params.params] if isinstance(scope, cst.FunctionDef) else []
            if isinstance(target, cst.Name) and target.value in taken:
                return target.value
            raise
    raise CannotApply("it is built in another file")

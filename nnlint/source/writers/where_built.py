"""Where statements about layers can stand: behind the `__init__` or the `Sequential` that builds them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import libcst as cst

from .changes import CannotApply
from .document import Document, last_name
from .layers import binding, in_loop, is_sequential
from .names import Names


@dataclass(frozen=True)
class Place:
    """Statements go behind `statement`, where `owner` (`self`, `model`) holds all that is built in `holder`.

    `returned` says that `statement` is a `return` whose value first needs the name `owner`. `local` is the name of
    the one layer where each has to be treated by itself.
    """

    statement: cst.CSTNode
    holder: cst.CSTNode
    owner: str
    returned: bool = False
    local: str | None = None


def place_of(doc: Document, names: Names, built: cst.Call) -> Place:
    """Return the place for statements about the layer that `built` builds. Raises CannotApply where there is none."""
    made_by = doc.above(built, cst.ClassDef)
    if made_by is not None:
        return Place(_last_statement(doc, made_by), made_by, "self")
    scope = doc.scope(built)
    if (name := binding(doc, built)) is not None and in_loop(doc, built):
        statement = doc.parent(built)
        assert statement is not None
        return Place(statement, scope, name, local=name)
    sequential = _sequential(doc, names, built)
    if sequential is None:
        sequential = _sequential_of_list(doc, names, scope)
    if sequential is None:
        return _behind_additions(doc, built, scope)
    statement = next(above for above in doc.ancestors(sequential) if isinstance(above, cst.BaseSmallStatement))
    owner = binding(doc, sequential)
    if owner is not None:
        holder = statement if doc.inside(built, statement) else scope
        return _behind_last_addition(doc, owner, Place(statement, holder, owner))
    if isinstance(statement, cst.Return) and statement.value is sequential:
        taken = {name.value for name in doc.all(cst.Name) if doc.inside(name, scope)}
        fresh = next((n for n in ("net", "model", "layers_") if n not in taken), "sequential")
        return Place(statement, scope, fresh, returned=True)
    raise CannotApply("the `Sequential` that holds the layers has no name")


def _last_statement(doc: Document, holder: cst.ClassDef) -> cst.CSTNode:
    for function in doc.all(cst.FunctionDef):
        if function.name.value == "__init__" and doc.scope(function) is holder:
            last = function.body.body[-1]
            return last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    raise CannotApply(f"`{holder.name.value}` has no `__init__`")


def _sequential(doc: Document, names: Names, built: cst.Call) -> cst.Call | None:
    """Return the outermost `Sequential` in whose call a construction stands."""
    calls = [
        above for above in doc.ancestors(built) if isinstance(above, cst.Call) and is_sequential(names, above.func)
    ]
    return calls[-1] if calls else None


def _sequential_of_list(doc: Document, names: Names, scope: cst.CSTNode) -> cst.Call | None:
    """Return the one `Sequential(*layers)` of a function."""
    found = [
        call
        for call in doc.all(cst.Call)
        if doc.scope(call) is scope and is_sequential(names, call.func) and any(arg.star for arg in call.args)
    ]
    return found[0] if len(found) == 1 else None


def _behind_additions(doc: Document, built: cst.Call, scope: cst.CSTNode) -> Place:
    """Return the place behind the last `model.add_module(...)` where `built` stands in one of these."""
    adding = doc.above(built, cst.Call)
    if adding is None or not isinstance(adding.func, cst.Attribute) or last_name(adding.func) not in ADDING:
        raise CannotApply("there is no one place behind which all layers are built")
    owner = doc.code(adding.func.value)
    statement = doc.parent(adding)
    assert statement is not None
    return _behind_last_addition(doc, owner, Place(statement, scope, owner))


ADDING = ("add_module", "append")


def _behind_last_addition(doc: Document, owner: str, place: Place) -> Place:
    scope = doc.scope(place.statement)
    for call in doc.all(cst.Call):
        statement = doc.parent(call)
        if (
            isinstance(statement, cst.Expr)
            and isinstance(call.func, cst.Attribute)
            and call.func.attr.value in ADDING
            and doc.code(call.func.value) == owner
            and doc.scope(call) is scope
            and doc.start(call) > doc.start(place.statement)
        ):
            place = replace(place, statement=statement)
    return place

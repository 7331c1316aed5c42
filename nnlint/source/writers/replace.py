"""The text writer of `Replace`: another operation in the form (layer, function, method) that stands there."""

from __future__ import annotations

from typing import Any

import libcst as cst

from ...facts import Node
from ...fix import Replace
from .arguments import listed, named_arguments, written
from .changes import CannotApply
from .document import Document
from .layers import construction, function_op, in_loop, is_method, label, module_op, own_call
from .names import Names
from .operations import SPELLINGS, Spelling, spelling
from .set_argument import set_argument
from .source_of import single_source
from .workspace import Workspace

KEPT = frozenset({"inplace", "p", "dim", "training", "num_features", "eps", "device", "dtype"})
"""Arguments that mean the same in whatever operation has them."""


def write_replace(work: Workspace, verb: Replace) -> None:
    """Write `Replace`. Raises CannotApply where the source has no clean form for it."""
    node = verb.node
    new = spelling(verb.op, _rank(node))
    if new is None:
        raise CannotApply(f"nnlint cannot write `{verb.op}`")
    if node.kind == "layer":
        _replace_layer(work, verb, new)
        return
    doc = work.document(node.call.path) if node.call else None
    call = own_call(doc, node) if doc else None
    if doc is None or call is None:
        raise CannotApply(f"the call of {label(node)} was not found in the source")
    work.check_alone(node, "call", covered_by=Replace)
    if is_method(work.names(doc), node, call):
        _replace_method(work, doc, call, verb, new)
    else:
        _replace_function(work, doc, call, verb, new)


def _rank(node: Node) -> int | None:
    return len(node.shape) or None


def _spelling_of(op: str | None) -> Spelling:
    return SPELLINGS.get(op or "", Spelling())


def _replace_layer(work: Workspace, verb: Replace, new: Spelling) -> None:
    node = verb.node
    if node.built is None:
        raise CannotApply(f"it is not known where {label(node)} is built")
    doc = work.document(node.built.path)
    names = work.names(doc)
    call = construction(doc, node)
    old = module_op(names, call)
    others = [n for n in work.sharing(node, "built") if n.id not in {a.id for a in work.asked(Replace)}]
    if others and _replace_call(work, verb, new):
        return
    work.check_alone(node, "built", covered_by=Replace)
    if in_loop(doc, call) and not work.knows and len({n.module for n in work.asked(Replace)}) < 2:
        raise CannotApply(f"{label(node)} is built in a loop that builds other layers too")
    full = f"torch.nn.{new.module}"
    if old is None:
        _replace_class(doc, names, call, full, verb.arguments)
    elif _spelling_of(old).module == new.module:
        for name, value in verb.arguments.items():
            set_argument(doc, call, name, value, new.takes.index(name) if name in new.takes else None)
    else:
        kept = _kept(named_arguments(call, _spelling_of(old).takes), new.takes, verb.arguments)
        names.rename(call.func, full)
        arguments = listed(verb.arguments, new) + [f"{n}={doc.code(a.value)}" for n, a in kept.items()]
        _rewrite_arguments(doc, call, arguments)


def _replace_call(work: Workspace, verb: Replace, new: Spelling) -> bool:
    """Write a function in the place of one call of a layer that is called elsewhere too; False where it cannot be."""
    node = verb.node
    doc = work.document(node.call.path) if node.call else None
    call = own_call(doc, node) if doc else None
    if doc is None or call is None or new.state or not new.functions or len(call.args) != 1:
        return False
    if [n for n in work.sharing(node, "call") if n.id != node.id]:
        return False
    _rewrite_function(doc, work.names(doc), call, new, _options(verb.arguments))
    return True


def _replace_class(doc: Document, names: Names, call: cst.Call, full: str, arguments: dict[str, Any]) -> None:
    """Replace `nn.Sigmoid` where the construction is `act()` and `act` stands for that class alone."""
    source = single_source(doc, call.func)
    if source is None or call.args or arguments or not (names.resolve(source) or "").startswith("torch.nn."):
        raise CannotApply(f"`{doc.code(call)}` in line {doc.line(doc.start(call))} builds a class chosen elsewhere")
    doc.changes.replace(*doc.outer(source), names.spell(full, like=names.resolve(source)))


def _kept(old: dict[str, cst.Arg], takes: tuple[str, ...], given: dict[str, Any]) -> dict[str, cst.Arg]:
    return {n: a for n, a in old.items() if n in KEPT and n in takes and n not in given}


def _options(arguments: dict[str, Any]) -> list[str]:
    return [f"{name}={written(value)}" for name, value in arguments.items()]


def _rewrite_arguments(doc: Document, call: cst.Call, arguments: list[str]) -> None:
    """Put other arguments in the place of a call's."""
    if [doc.text[doc.start(arg) : doc.end(arg)] for arg in call.args] != arguments:
        start = doc.text.index("(", doc.outer(call.func)[1]) + 1
        end = doc.end(call) - 1
        if start < end:
            doc.changes.replace(start, end, ", ".join(arguments))
        else:
            doc.changes.insert(end, ", ".join(arguments))


def _replace_function(work: Workspace, doc: Document, call: cst.Call, verb: Replace, new: Spelling) -> None:
    names = work.names(doc)
    if new.state or not new.functions:
        raise CannotApply(f"`{verb.op}` has no functional form")
    if isinstance(doc.parent(call), cst.Expr):
        raise CannotApply(f"{label(verb.node)} works in place")
    old = _spelling_of(function_op(names, call))
    kept: dict[str, cst.Arg] = {}
    if old.functions:
        kept = _kept(named_arguments(call, old.options, skip=1), new.options, verb.arguments)
    options = _options(verb.arguments) + [f"{n}={doc.code(a.value)}" for n, a in kept.items()]
    _rewrite_function(doc, names, call, new, options)
    if names.resolve(call.func) is None and isinstance(call.func, (cst.Name, cst.Attribute)):
        doc.abandoned[doc.code(call.func)] = None


def _rewrite_function(doc: Document, names: Names, call: cst.Call, new: Spelling, options: list[str]) -> None:
    """Put another function around the first argument of a call, with other options behind it."""
    first = call.args[0] if call.args else None
    if first is None or first.star or (first.keyword is not None and first.keyword.value != "input"):
        raise CannotApply(f"the input of `{doc.code(call.func)}` was not found in its call")
    names.rename(call.func, *new.functions)
    if [doc.text[doc.start(a) : doc.end(a)] for a in call.args[1:]] != options:
        doc.changes.replace(doc.end(first), doc.end(call) - 1, "".join(f", {option}" for option in options))


def _replace_method(work: Workspace, doc: Document, call: cst.Call, verb: Replace, new: Spelling) -> None:
    assert isinstance(call.func, cst.Attribute)
    names = work.names(doc)
    name, receiver = call.func.attr, call.func.value
    in_place = name.value.endswith("_")
    if new.state or not (new.method or new.functions):
        raise CannotApply(f"`{verb.op}` has no functional form")
    if in_place and new.method not in ("relu", "sigmoid", "tanh"):
        raise CannotApply(f"`{verb.op}` has no form that works in place")
    kept = _kept(named_arguments(call, _spelling_of(verb.node.op).options), new.options, verb.arguments)
    options = _options(verb.arguments) + [f"{n}={doc.code(a.value)}" for n, a in kept.items()]
    if new.method:
        doc.changes.replace(doc.start(name), doc.end(name), new.method + "_" * in_place)
        _rewrite_arguments(doc, call, options)
        return
    start, end = doc.outer(receiver)
    doc.changes.insert(doc.start(call), names.spell(*new.functions) + "(")
    doc.changes.replace(end, doc.end(call), "".join(f", {option}" for option in options) + ")")
    if start != doc.start(call):
        doc.changes.delete(doc.start(call), start)

"""The text writer of `Initialize`: a scheme for the weights of some layers, in the place of what set them before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from ...facts import Node
from ...facts.graph import CONVOLUTIONS
from ...fix import Initialize
from .changes import CannotApply
from .document import Document
from .init_calls import InitCall, init_calls
from .layers import binding, construction, in_loop, item_of, label, module_op
from .names import Names
from .operations import SPELLINGS
from .statements import insert_beside
from .where_built import Place, place_of
from .workspace import Workspace

SCHEMES: dict[str, tuple[str, str]] = {
    "he_normal": ("kaiming_normal_", ', nonlinearity="relu"'),
    "he_uniform": ("kaiming_uniform_", ', nonlinearity="relu"'),
    "lecun_normal": ("kaiming_normal_", ', nonlinearity="linear"'),
    "lecun_uniform": ("kaiming_uniform_", ', nonlinearity="linear"'),
    "glorot_normal": ("xavier_normal_", ""),
    "glorot_uniform": ("xavier_uniform_", ""),
    "orthogonal": ("orthogonal_", ""),
    "zeros": ("zeros_", ""),
    "ones": ("ones_", ""),
}
WITH_BIAS = CONVOLUTIONS | {"linear"}


@dataclass(frozen=True)
class Built:
    """A layer that is to be initialized: its construction and whether it has a bias."""

    node: Node
    call: cst.Call
    bias: bool


def write_initialize(work: Workspace, verb: Initialize) -> None:
    """Write `Initialize`. Raises CannotApply where a layer's construction or a place for the statements is missing."""
    if verb.scheme not in SCHEMES:
        raise CannotApply(f"nnlint cannot write the scheme `{verb.scheme}`")
    by_path: dict[str, list[Node]] = {}
    for node in verb.nodes:
        if node.kind != "layer" or node.built is None or node.op not in WITH_BIAS | {"embedding"}:
            raise CannotApply(f"it is not known where the weights of {label(node)} are made")
        by_path.setdefault(node.built.path, []).append(node)
    if not by_path:
        raise CannotApply("no layer is named")
    for path, nodes in by_path.items():
        doc = work.document(path)
        _initialize(doc, work.names(doc), [_built(doc, node) for node in nodes], verb.scheme)


def _built(doc: Document, node: Node) -> Built:
    call = construction(doc, node)
    if node.parameters:
        bias = any(name.rpartition(".")[2].startswith("bias") for name in node.parameters)
    else:
        bias = node.op in WITH_BIAS and not any(a.keyword and a.keyword.value == "bias" for a in call.args)
    return Built(node, call, bias)


def _initialize(doc: Document, names: Names, layers: Sequence[Built], scheme: str) -> None:
    left = list(layers)
    for init in init_calls(doc, names):
        means = [layer for layer in left if _means(doc, names, init, layer)]
        if not means:
            continue
        left = [layer for layer in left if layer not in means]
        if init.call not in doc.notes:  # else another scheme of the same fix was first
            doc.notes[init.call] = None
            _change(doc, names, init, scheme)
    by_place: dict[Place, list[Built]] = {}
    for layer in left:
        by_place.setdefault(place_of(doc, names, layer.call), []).append(layer)
    for place, group in by_place.items():
        _add(doc, names, place, group, scheme)


def _means(doc: Document, names: Names, init: InitCall, layer: Built) -> bool:
    """Return whether a call by hand sets the weight of a layer."""
    if init.built is not None:
        return init.built is layer.call
    if init.paths:
        ours = doc.above(init.call, cst.ClassDef) is doc.above(layer.call, cst.ClassDef)
        return ours and _path(doc, names, layer.call) in init.paths
    return layer.node.op in init.ops


def _path(doc: Document, names: Names, call: cst.Call) -> str | None:
    """Return the expression that names a layer: `self.fc1`, or `self.net[2]` for an item of a `Sequential`."""
    if in_loop(doc, call):
        return None
    name = binding(doc, call)
    if name is not None:
        return name
    item = item_of(doc, names, call)
    if item is None or not isinstance(item.holder, cst.Call) or any(arg.star for arg in item.holder.args[: item.index]):
        return None
    holder = binding(doc, item.holder)
    return f"{holder}[{item.index}]" if holder else None


def _change(doc: Document, names: Names, init: InitCall, scheme: str) -> None:
    text = _statement(names, doc.code(init.weight), scheme)
    if init.biases:  # these schemes know no fan of a vector
        line = doc.above(init.call, cst.SimpleStatementLine)
        if line is None or len(line.body) > 1:
            raise CannotApply(
                f"line {doc.line(doc.start(init.call))} sets all parameters, biases too, and holds more than that"
            )
        indent = doc.indent(doc.first(line)) + doc.module.default_indent
        text = f"if {doc.code(init.weight)}.dim() > 1:{doc.newline}{indent}{text}"
    if doc.code(init.call) != text:
        doc.changes.replace(doc.start(init.call), doc.end(init.call), text)


def _statement(names: Names, weight: str, scheme: str) -> str:
    function, options = SCHEMES[scheme]
    return f"{names.spell(f'torch.nn.init.{function}')}({weight}{options})"


# -- new statements ---------------------------------------------------------------------------------------------------


def _add(doc: Document, names: Names, place: Place, layers: Sequence[Built], scheme: str) -> None:
    """Add statements behind the place at which these layers are built."""
    if place.local is not None:
        text = "\n".join(_rows(names, place.local, layers, scheme))
    else:
        text = _for_some(doc, names, place, layers, scheme) or _for_kinds(doc, names, place, layers, scheme)
    if place.returned:
        statement = place.statement
        assert isinstance(statement, cst.Return)
        assert statement.value is not None
        start, end = doc.start(statement), doc.outer(statement.value)[0]
        doc.changes.replace(start, end, f"{place.owner} = ")
        text += f"\nreturn {place.owner}"
    insert_beside(doc, place.statement, text, "after")


def _rows(names: Names, layer: str, layers: Sequence[Built], scheme: str, indent: str = "") -> list[str]:
    rows = [indent + _statement(names, f"{layer}.weight", scheme)]
    if any(built.bias for built in layers):
        zeros = f"{names.spell('torch.nn.init.zeros_')}({layer}.bias)"
        if all(built.bias for built in layers):
            rows.append(indent + zeros)
        else:
            rows += [f"{indent}if {layer}.bias is not None:", f"{indent}    {zeros}"]
    return rows


def _for_some(doc: Document, names: Names, place: Place, layers: Sequence[Built], scheme: str) -> str | None:
    """Return statements that name each layer; None where all of their kind are meant, or one has no name."""
    calls = {built.call for built in layers}
    ops = {built.node.op for built in layers}
    alike = [c for c in doc.all(cst.Call) if doc.inside(c, place.holder) and module_op(names, c) in ops]
    if calls >= set(alike) and len(calls) > 1:
        return None
    if any(in_loop(doc, call) for call in calls):
        return None
    paths = [_path(doc, names, built.call) for built in layers]
    if place.returned:
        paths = [f"{place.owner}[{item.index}]" if (item := item_of(doc, names, b.call)) else None for b in layers]
    if None in paths:
        return None
    named = list(dict.fromkeys(str(path) for path in paths))
    if len(named) == 1:
        return "\n".join(_rows(names, named[0], layers, scheme))
    variable = _free_name(doc, place, ("layer", "module", "m"))
    rows = [f"for {variable} in ({', '.join(named)}):"]
    return "\n".join(rows + _rows(names, variable, layers, scheme, "    "))


def _for_kinds(doc: Document, names: Names, place: Place, layers: Sequence[Built], scheme: str) -> str:
    """Return a loop over all modules that are of these kinds."""
    kinds = sorted({names.spell(f"torch.nn.{SPELLINGS[built.node.op].module}") for built in layers})
    classes = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
    variable = _free_name(doc, place, ("module", "layer", "m"))
    rows = [f"for {variable} in {place.owner}.modules():", f"    if isinstance({variable}, {classes}):"]
    return "\n".join(rows + _rows(names, variable, layers, scheme, "        "))


def _free_name(doc: Document, place: Place, wanted: Sequence[str]) -> str:
    scope = doc.scope(place.statement)
    taken = {use.value for use in doc.all(cst.Name) if doc.inside(use, scope)}
    return next((name for name in wanted if name not in taken), wanted[0] + "_")

"""Weights that are initialized by hand: the calls that set them, and the layers that these mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from .document import Document, last_name
from .layers import binding
from .names import Names
from .operations import OP_OF_MODULE

IN_PLACE = frozenset(
    {"normal_", "uniform_", "zero_", "fill_", "copy_", "trunc_normal_", "xavier_uniform_", "xavier_normal_",
     "kaiming_uniform_", "kaiming_normal_", "constant_", "ones_", "zeros_", "orthogonal_"}
)  # fmt: skip
EVERY = frozenset(OP_OF_MODULE.values())


@dataclass(frozen=True)
class InitCall:
    """A statement's call that sets weights.

    `weight` is the expression that is set. The layers meant are those built by `built`, those bound to one of `paths`
    (`self.fc1`, `net[0]`), or those of the operations in `ops` wherever they stand. `biases` says that it sets biases
    alike, as a loop over all parameters does.
    """

    call: cst.Call
    weight: cst.BaseExpression
    built: cst.Call | None = None
    paths: tuple[str, ...] = ()
    ops: frozenset[str] = frozenset()
    biases: bool = False


def init_calls(doc: Document, names: Names) -> list[InitCall]:
    """Return the calls in a file that set a layer's weight."""
    found: list[InitCall] = []
    for call in doc.all(cst.Call):
        if isinstance(doc.parent(call), cst.Expr) and (weight := _weight(names, call)) is not None:
            found.extend(_meant(doc, names, call, weight))
    return found


def _weight(names: Names, call: cst.Call) -> cst.BaseExpression | None:
    """Return what a call sets, where that may be a weight: `m.weight`, or `p` of a loop over parameters."""
    full = names.resolve(call.func) or ""
    if full.startswith("torch.nn.init."):
        target = call.args[0].value if call.args and not call.args[0].star else None
    elif isinstance(call.func, cst.Attribute) and call.func.attr.value in IN_PLACE and not full:
        target = call.func.value
    else:
        return None
    while isinstance(target, cst.Attribute) and target.attr.value == "data":
        target = target.value
    if isinstance(target, cst.Attribute):
        return target if target.attr.value == "weight" else None
    return target if isinstance(target, cst.Name) else None


def _meant(doc: Document, names: Names, call: cst.Call, weight: cst.BaseExpression) -> Iterator[InitCall]:
    if isinstance(weight, cst.Name):
        loop = _loop(doc, weight, weight.value)
        if loop is not None and _asks_parameters(loop.iter):
            yield InitCall(call, weight, ops=EVERY, biases=not _is_guarded(doc, call, loop))
        return
    assert isinstance(weight, cst.Attribute)
    layer = weight.value
    if not isinstance(layer, cst.Name):
        yield InitCall(call, weight, paths=(doc.code(layer),))
        return
    loop = _loop(doc, weight, layer.value)
    if loop is not None:
        if isinstance(loop.iter, (cst.Tuple, cst.List)):
            yield InitCall(call, weight, paths=tuple(doc.code(element.value) for element in loop.iter.elements))
        else:
            yield InitCall(call, weight, ops=_kinds(doc, names, call, layer.value))
        return
    scope = doc.scope(weight)
    if isinstance(scope, cst.FunctionDef) and any(p.name.value == layer.value for p in scope.params.params):
        yield InitCall(call, weight, ops=_kinds(doc, names, call, layer.value))
        return
    for built in doc.all(cst.Call):
        if binding(doc, built) == layer.value and doc.scope(built) is scope:
            yield InitCall(call, weight, built=built)


def _loop(doc: Document, at: cst.CSTNode, name: str) -> cst.For | None:
    """Return the loop around `at` that binds `name`, alone or as a part of a tuple."""
    for above in doc.ancestors(at):
        if isinstance(above, cst.For) and any(
            isinstance(part, cst.Name) and part.value == name
            for part in [above.target, *[e.value for e in getattr(above.target, "elements", ())]]
        ):
            return above
        if isinstance(above, cst.FunctionDef):
            return None
    return None


def _asks_parameters(expression: cst.BaseExpression) -> bool:
    return isinstance(expression, cst.Call) and last_name(expression.func) in ("parameters", "named_parameters")


def _is_guarded(doc: Document, call: cst.Call, loop: cst.For) -> bool:
    """Return whether a test that tells weights from biases stands between a loop over parameters and the call."""
    tests = [doc.code(test) for test in _tests(doc, call) if doc.inside(test, loop)]
    return any(word in test for test in tests for word in ("dim()", "ndim", "shape", "size()", "weight"))


def _tests(doc: Document, node: cst.CSTNode) -> list[cst.BaseExpression]:
    """Return the tests of the `if`s under which a node stands (not those whose `else` holds it)."""
    way = [node, *doc.ancestors(node)]
    return [a.test for below, a in pairwise(way) if isinstance(a, cst.If) and a.body is below]


def _kinds(doc: Document, names: Names, call: cst.Call, layer: str) -> frozenset[str]:
    """Return the operations that `isinstance(m, nn.Linear)` and its like let through; all where nothing asks."""
    for test in _tests(doc, call):
        asks = [test, *_under(test)]
        if not any(isinstance(n, cst.Name) and n.value == layer for n in asks):
            continue
        classes = {OP_OF_MODULE.get(names.resolve(n) or "") for n in asks if isinstance(n, (cst.Name, cst.Attribute))}
        text = doc.code(test)
        if "__name__" in text:
            classes |= {op for name, op in OP_OF_MODULE.items() if f'"{name[9:]}"' in text or f"'{name[9:]}'" in text}
            classes |= {op for op in EVERY if '"Conv"' in text and op.startswith("conv")}
        known = frozenset(op for op in classes if op)
        if known:
            return known
    return EVERY


def _under(node: cst.CSTNode) -> list[cst.CSTNode]:
    found = list(node.children)
    for child in node.children:
        found += _under(child)
    return found

"""Which loss a training minimizes: back from `loss.backward()` to what computed it."""

from __future__ import annotations

import ast
from typing import Any

from ..facts import Missing
from .flow import Frame, Lost, Place
from .hand_written import HandWritten
from .objects import Objects
from .program import last_name
from .scopes import FUNCTIONS
from .terms import KINDS, OWNERS, Term, distinct, is_zero, origin, shorten

_REDUCING = frozenset(
    {"mean", "sum", "item", "squeeze", "view", "reshape", "float", "double", "to", "cuda", "clone", "half"}
)


class Losses:
    """Reads losses."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.program, self.flow, self.values = objects.program, objects.flow, objects.values
        self.by_hand = HandWritten(objects)
        self._active: set[int] = set()

    def terms(self, node: ast.expr, frame: Frame | None = None, path: tuple[int, ...] = ()) -> list[Term]:
        """Return what an expression to be minimized is the sum of. Raises Lost."""
        if id(node) in self._active:
            return []
        if len(self._active) > 30:
            raise Lost("the loss is handed on too often")
        self._active.add(id(node))
        try:
            return self._terms(node, frame, path)
        finally:
            self._active.discard(id(node))

    def _terms(self, node: ast.expr, frame: Frame | None, path: tuple[int, ...]) -> list[Term]:
        match node:
            case ast.Name():
                return self._name(node, frame, path)
            case ast.Attribute() if self.flow.own_class(node.value) is not None:
                owner = self.flow.own_class(node.value)
                assert owner is not None
                return self._merge(self.flow.attributes(owner, node.attr, frame), path)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right) if not path:
                return self._sum(node, left, right, frame)
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=right) if not path:
                return self._scaled(node, left, right, frame)
            case ast.Call():
                return self._call(node, frame, path)
            case ast.Tuple(elts=elts) | ast.List(elts=elts) if path and path[0] < len(elts):
                return self.terms(elts[path[0]], frame, path[1:])
            case ast.Dict(keys=keys, values=values) if not path:
                for key, value in zip(keys, values):
                    if isinstance(key, ast.Constant) and key.value == "loss":
                        return self.terms(value, frame)
            case ast.IfExp(body=body, orelse=orelse):
                sides = [s for s in (body, orelse) if not is_zero(s)]
                return self._alternatives([self.terms(s, frame, path) for s in sides]) if sides else []
            case ast.UnaryOp() if not path:
                return [self.by_hand.term(node, frame)]
        return [Term(node, frame, name=shorten(node))]

    def _name(self, node: ast.Name, frame: Frame | None, path: tuple[int, ...]) -> list[Term]:
        scope = self.program.scope.get(node)
        found = scope.lookup(node.id) if scope else None
        if found is None:
            raise Lost(f"`{node.id}` is not defined in this file")
        here = frame if frame is not None and frame.function is found[0].node else None
        sums: list[Term] = []
        starts: list[Place] = []
        for binding in self.flow.live(node, *found, here):
            if binding.kind == "change" and binding.value is not None:
                if isinstance(binding.node, ast.AugAssign) and isinstance(binding.node.op, (ast.Add, ast.Sub)):
                    sums += self.terms(binding.value, here)
            elif binding.kind == "with" and isinstance(binding.value, ast.Call) and binding.value.args:
                starts.append(Place(binding.value.args[0], here))
            elif binding.kind == "assign" and binding.value is not None:
                starts.append(Place(binding.value, here, binding.path))
            else:
                starts += self.flow.definitions(node, frame)
        is_list = any(isinstance(s.node, ast.List) and not s.node.elts for s in starts)
        starts = [s for s in starts if not is_zero(s.node)]
        merged = distinct(self._merge(starts, path) + sums)
        return merged if merged or not is_list else distinct(self._appended(node, here))

    def _appended(self, name: ast.Name, frame: Frame | None) -> list[Term]:
        """Return the terms of what is appended to a list of losses."""
        found: list[Term] = []
        for call in self.program.calls_by_name.get("append", ()):
            here = self.program.function_of(call) is self.program.function_of(name)
            if here and isinstance(call.func, ast.Attribute) and last_name(call.func.value) == name.id and call.args:
                found += self.terms(call.args[0], frame)
        return found

    def _merge(self, places: list[Place], path: tuple[int, ...]) -> list[Term]:
        """Return the terms of a name that several statements set: one after another (`loss = loss + x`), or one of."""
        found = [terms for p in places if (terms := self.terms(p.node, p.frame, p.path + path))]
        if len(found) <= 1:
            return found[0] if found else []
        if any(self._reads_itself(p) for p in places):
            return distinct([t for terms in found for t in terms])
        return self._alternatives(found)

    def _reads_itself(self, place: Place) -> bool:
        parent = self.program.parent.get(place.node)
        targets = [t.id for t in getattr(parent, "targets", []) if isinstance(t, ast.Name)]
        return any(isinstance(n, ast.Name) and n.id in targets for n in ast.walk(place.node))

    def _alternatives(self, found: list[list[Term]]) -> list[Term]:
        """Several statements set the loss: the same terms twice are one, anything else is left open."""
        first = found[0]
        same = all([(t.kind, origin(t)) for t in f] == [(t.kind, origin(t)) for t in first] for f in found)
        if same:
            return first
        kinds = {t.kind for f in found for t in f}
        if all(len(f) == 1 for f in found):
            kind = first[0].kind if len(kinds) == 1 else Missing("it is one of several losses")
            return [
                Term(first[0].node, first[0].frame, first[0].built if len(kinds) == 1 else None, kind, first[0].name)
            ]
        raise Lost("the loss is one of several sums")

    def _sum(self, node: ast.expr, left: ast.expr, right: ast.expr, frame: Frame | None) -> list[Term]:
        sides = [s for s in (left, right) if not self._is_constant(s, frame)]
        found = [t for side in sides if not self._is_penalty(side, frame) for t in self.terms(side, frame)]
        hand = [t for t in found if t.kind == "custom" and t.built is None]
        known = [t for t in found if t not in hand]
        if not known:
            return [self.by_hand.term(node, frame)]
        return distinct(found)

    def _scaled(self, node: ast.expr, left: ast.expr, right: ast.expr, frame: Frame | None) -> list[Term]:
        """A loss times or over a number is that loss; anything else is written by hand."""
        for one, factor in ((left, right), (right, left)):
            if self._is_number(factor, frame):
                found = self.terms(one, frame)
                if any(t.kind != "custom" for t in found):
                    return found
        return [self.by_hand.term(node, frame)]

    def _is_number(self, node: ast.expr, frame: Frame | None) -> bool:
        if self._is_constant(node, frame) or (
            isinstance(node, ast.Call) and self.program.qualified(node.func) == "len"
        ):
            return True
        name = (last_name(node) or "").lower()
        return (
            name.startswith(("accum", "lambda", "lam", "alpha", "beta", "gamma", "weight", "grad_acc"))
            or "accum" in name
        )

    def _is_constant(self, node: ast.expr, frame: Frame | None) -> bool:
        return isinstance(self.values.maybe(node, None, frame), (int, float))

    def _is_penalty(self, node: ast.expr, frame: Frame | None) -> bool:
        """Return whether an addend is a norm of the weights: it reads no prediction."""
        nodes: list[ast.AST] = list(ast.walk(node))
        for one in ast.walk(node):
            if isinstance(one, ast.Name):
                try:
                    nodes += [n for p in self.flow.definitions(one, frame) for n in ast.walk(p.node)]
                except Lost:
                    continue
        return any(
            isinstance(n, ast.Attribute) and n.attr in ("parameters", "named_parameters", "weight") for n in nodes
        )

    def _call(self, call: ast.Call, frame: Frame | None, path: tuple[int, ...]) -> list[Term]:
        dotted = self.program.qualified(call.func)
        if dotted is not None:
            return self._library(call, dotted, frame)
        function = self.program.definition(call.func)
        if isinstance(function, FUNCTIONS):
            return self._inside(call, function, frame, path)
        if isinstance(call.func, ast.Attribute):
            built = self.objects.only(call.func, frame)
            if built is not None:
                return self._called(call, frame, built, path)
            if call.func.attr in _REDUCING and not path:
                return self._reduced(call, call.func.value, frame)
            method = self.flow.callee(call)
            if method is not None:
                return self._inside(call, method, frame, path)
        return self._called(call, frame, self.objects.only(call.func, frame), path)

    def _library(self, call: ast.Call, dotted: str, frame: Frame | None) -> list[Term]:
        owner, _, name = dotted.rpartition(".")
        if owner in OWNERS and name in KINDS and name[:1].islower():
            return [Term(call, frame, None, KINDS[name], f"F.{name}" if owner.endswith("functional") else name)]
        if dotted in ("torch.mean", "torch.sum", "torch.stack", "torch.cat", "sum") and call.args:
            return self._reduced(call, call.args[0], frame)
        if dotted.startswith("torch."):
            return [self.by_hand.term(call, frame)]
        return [Term(call, frame, kind=Missing(f"`{dotted}` comes from another module"), name=shorten(call.func))]

    def _reduced(self, call: ast.Call, inner: ast.expr, frame: Frame | None) -> list[Term]:
        """`criterion(...).mean()` is that loss; a mean of arithmetic is a loss written by hand."""
        if isinstance(inner, (ast.List, ast.Tuple)) and inner.elts:
            return distinct([t for e in inner.elts for t in self.terms(e, frame)])
        try:
            found = self.terms(inner, frame)
        except Lost:
            found = []
        named = [t for t in found if isinstance(t.kind, str) and t.kind != "custom"]
        return found if named and len(named) == len(found) else [self.by_hand.term(call, frame)]

    def _inside(self, call: ast.Call, function: Any, frame: Frame | None, path: tuple[int, ...]) -> list[Term]:
        if frame is not None and frame.depth > 6:
            raise Lost("the loss is handed on too often")
        inner = Frame(function, call, frame)
        returned = [r for r in self.flow.returned(function) if self.flow.is_live(r, inner)]
        found = [self.terms(r, inner, path) for r in returned]
        found = [f for f in found if f]
        if not found:
            raise Lost(f"`{function.name}` returns no loss that can be followed")
        return found[0] if len(found) == 1 else self._alternatives(found)

    def _called(self, call: ast.Call, frame: Frame | None, built: Place | None, path: tuple[int, ...]) -> list[Term]:
        """Return the terms for a call of an object (`criterion(out, y)`) or of a name for a function."""
        if built is None:
            return [Term(call, frame, kind=Missing(self._why(call.func, frame)), name=shorten(call.func))]
        node = built.node
        dotted = self.program.qualified(node.func if isinstance(node, ast.Call) else node)
        partial = dotted == "functools.partial" and isinstance(node, ast.Call) and bool(node.args)
        if partial:
            dotted = self.program.qualified(node.args[0])  # type: ignore[attr-defined]
        owner, _, name = (dotted or "").rpartition(".")
        if owner in OWNERS and name in KINDS:
            function = partial or not isinstance(node, ast.Call)
            shown = f"F.{name}" if function else name
            return [Term(call, frame, built if isinstance(node, ast.Call) else None, KINDS[name], shown)]
        definition = self.program.definition(node.func) if isinstance(node, ast.Call) else None
        if isinstance(definition, ast.ClassDef):
            return self._own(call, frame, built, definition, path)
        why = f"`{dotted}` comes from another module" if dotted else "it is computed in a way that cannot be followed"
        shown = shorten(node.func if isinstance(node, ast.Call) else node)
        return [Term(call, frame, built, Missing(why), shown)]

    def _own(
        self, call: ast.Call, frame: Frame | None, built: Place, own: ast.ClassDef, path: tuple[int, ...]
    ) -> list[Term]:
        """Return the terms for a call of a class of the file: the user's own loss, or a model that returns its loss."""
        forward = self.objects.modules.method_of(own, "forward")
        try:
            inner = self._inside(call, forward, frame, path) if forward is not None else []
        except Lost:
            inner = []
        known = [t for t in inner if isinstance(t.kind, str) and t.kind != "custom"]
        model = self.objects.is_trained(call.func)
        if known and len(known) == len(inner):
            if model or len(inner) > 1:
                return inner
            return [Term(call, frame, built, inner[0].kind, own.name)]
        if model:
            return [Term(call, frame, kind=Missing(f"`{own.name}` computes it itself"), name=shorten(call.func))]
        return [Term(call, frame, built, self._own_kind(own), own.name)]

    def _own_kind(self, definition: ast.ClassDef) -> str | Missing:
        """A loss class of the file is written by hand, unless it derives from a loss of torch."""
        for cls in self.flow.lineage(definition):
            for base in cls.bases:
                name = (self.program.qualified(base) or "").rpartition(".")[2]
                if name in KINDS:
                    return Missing(f"`{definition.name}` derives from `{name}`")
        return "custom" if self.objects.modules.is_class(definition) else Missing(f"`{definition.name}` is no module")

    def _why(self, func: ast.expr, frame: Frame | None) -> str:
        try:
            made = self.objects.made(func, frame)
        except Lost as lost:
            return lost.why
        return "it is one of several losses" if len(made) > 1 else "it is computed in a way that cannot be followed"

"""What an object was built by: from `optimizer.step()` back to `torch.optim.SGD(...)`, across functions and classes."""

from __future__ import annotations

import ast
from functools import cached_property

from .flow import Frame, Lost, Place
from .members import Table
from .modules import MOVES, WRAPPERS, Modules
from .program import last_name
from .scopes import FUNCTIONS

_DEPTH = 25
_PREPARING = frozenset({"prepare", "setup", "setup_dataloaders", "prepare_data_loader", "prepare_model"})
"""Methods of Accelerate and Fabric that return what they were handed, wrapped."""


class Objects:
    """Follows objects to the expressions that build them."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self.values = modules.values
        self.program = modules.program
        self.flow = modules.values.flow
        self._active: set[tuple[int, tuple[int, ...]]] = set()

    def made(self, node: ast.AST, frame: Frame | None = None, path: tuple[int, ...] = ()) -> list[Place]:
        """Return the expressions that may have built an object: calls, or names of other modules. Raises Lost.

        Moves to a device, wrappers, parameters, attributes of `self` and functions of the file are seen through.
        """
        key = (id(node), path)
        if key in self._active:
            return []
        if len(self._active) > _DEPTH:
            raise Lost("it is handed on too often")
        self._active.add(key)
        try:
            return list({(id(p.node), p.path): p for p in self._made(node, frame, path)}.values())
        finally:
            self._active.discard(key)

    def _made(self, node: ast.AST, frame: Frame | None, path: tuple[int, ...]) -> list[Place]:
        match node:
            case ast.Name() if self.program.qualified(node) or self.program.definition(node):
                return [Place(node, frame, path)]
            case ast.Name():
                return self._all(self.flow.definitions(node, frame), path)
            case ast.Attribute() if self.program.qualified(node):
                return [Place(node, frame, path)]
            case ast.Attribute():
                return self._attribute(node, frame, path)
            case ast.Subscript():
                return self._item(node, frame, path)
            case ast.Call():
                return self._call(node, frame, path)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                taken = self.values.maybe(test, None, frame)
                if isinstance(taken, (bool, int, str)):
                    return self.made(body if taken else orelse, frame, path)
                return self.made(body, frame, path) + self.made(orelse, frame, path)
            case ast.Tuple(elts=elts) | ast.List(elts=elts) if path and path[0] < len(elts):
                return self.made(elts[path[0]], frame, path[1:])
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.made(value, frame, path)
            case ast.Lambda():
                return [Place(node, frame, path)]
        raise Lost(f"`{_short(node)}` is made when the program runs")

    def _all(self, places: list[Place], path: tuple[int, ...]) -> list[Place]:
        return [found for p in places for found in self.made(p.node, p.frame, p.path + path)]

    def _attribute(self, node: ast.Attribute, frame: Frame | None, path: tuple[int, ...]) -> list[Place]:
        owner = self.flow.own_class(node.value)
        if owner is not None:
            return self._all(self.flow.attributes(owner, node.attr, frame), path)
        for holder in self.made(node.value, frame):
            call = holder.node
            definition = self.program.definition(call.func) if isinstance(call, ast.Call) else None
            if isinstance(definition, ast.ClassDef) and isinstance(call, ast.Call):
                init = self.modules.init_of(definition)
                inner = Frame(init, call, holder.frame) if init is not None else None
                return self._all(self.flow.attributes(definition, node.attr, inner), path)
        raise Lost(f"`{_short(node)}` is known only when the program runs")

    def _item(self, node: ast.Subscript, frame: Frame | None, path: tuple[int, ...]) -> list[Place]:
        key = self.values.maybe(node.slice, None, frame)
        if isinstance(key, int) and not isinstance(key, bool) and key >= 0:
            try:
                return self.made(node.value, frame, (key, *path))
            except Lost:
                pass
        for place in self._containers(node.value, frame):
            if isinstance(place, ast.DictComp):
                return self.made(place.value, None, path)
            table = self.values.maybe(place, None, frame)
            if isinstance(table, Table) and key is not None:
                entry = self.values.members.entry(table, key)
                return self.made(entry.node, entry.frame, path)
            if isinstance(place, ast.Dict):
                return [found for value in place.values for found in self.made(value, frame, path)]
        raise Lost(f"`{_short(node)}` is known only when the program runs")

    def _containers(self, node: ast.expr, frame: Frame | None) -> list[ast.expr]:
        """Return the dictionaries that an expression may stand for."""
        if isinstance(node, ast.Name):
            return [c for p in self.flow.definitions(node, frame) for c in self._containers(p.node, p.frame)]
        if isinstance(node, ast.Attribute):
            owner = self.flow.own_class(node.value)
            places = self.flow.attributes(owner, node.attr, frame) if owner else []
            return [c for p in places for c in self._containers(p.node, p.frame)]
        return [node]

    def _call(self, call: ast.Call, frame: Frame | None, path: tuple[int, ...]) -> list[Place]:
        dotted = self.program.qualified(call.func)
        name = last_name(call.func)
        if dotted in WRAPPERS and call.args:
            return self.made(call.args[0], frame, path)
        if dotted is None and isinstance(call.func, ast.Attribute):
            if name in MOVES:
                return self.made(call.func.value, frame, path)
            if name in _PREPARING and call.args:
                at, rest = (path[0], path[1:]) if path else (0, ())
                return self.made(call.args[at], frame, rest) if at < len(call.args) else []
        function = self.program.definition(call.func)
        if not isinstance(function, (*FUNCTIONS, ast.ClassDef)) and dotted is None:
            function = self.flow.callee(call)
        if isinstance(function, FUNCTIONS) and (frame is None or frame.depth < 6):
            inner = Frame(function, call, frame)
            returned = self.flow.returned(function)
            return [found for r in returned if self.flow.is_live(r, inner) for found in self.made(r, inner, path)]
        return [Place(call, frame, path)]

    def only(self, node: ast.AST, frame: Frame | None = None) -> Place | None:
        """Return what built an object where just one expression can have; None where that cannot be told."""
        try:
            made = [p for p in self.made(node, frame) if not p.path]
        except Lost:
            return None
        return made[0] if len(made) == 1 else None

    def is_model(self, node: ast.AST, frame: Frame | None = None) -> bool:
        """Return whether an expression stands for a model: by what built it, else by what the file asks of it."""
        if self.modules.makes(node):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "forward":
            return self.is_model(node.value, frame)
        owner = self.flow.own_class(node)
        if owner is not None:
            return self.modules.is_class(owner)
        try:
            if any(self.modules.makes(p.node) for p in self.made(node, frame)):
                return True
        except Lost:
            pass
        return self.is_trained(node)

    def is_trained(self, node: ast.AST) -> bool:
        """Return whether `.parameters()` is asked of the same expression somewhere in the file."""
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return False
        return ast.dump(node) in self._trained

    @cached_property
    def _trained(self) -> frozenset[str]:
        calls = self.program.calls_by_name.get("parameters", [])
        return frozenset(ast.dump(c.func.value) for c in calls if isinstance(c.func, ast.Attribute))


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else text[:37] + "..."

"""Where a value comes from: names, attributes of `self`, parameters back to their call sites, results of functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .options import command_line_default
from .program import Program, last_name
from .reaching import reaching
from .scopes import FUNCTIONS, Binding, Function, Scope

_RUNNERS = frozenset({"typer.run", "fire.Fire", "absl.app.run", "defopt.run", "tyro.cli"})
"""Functions that call what they are handed without arguments of the script's own."""
_EVERYWHERE = frozenset(
    {"step", "backward", "zero_grad", "train", "eval", "to", "item", "mean", "sum", "view", "size", "update", "get",
     "append", "forward", "apply", "parameters", "state_dict", "load_state_dict", "reset_parameters", "log", "exp"}
)  # fmt: skip
"""Methods that tensors, optimizers, modules and dictionaries have as well."""


class Lost(Exception):
    """A value that cannot be told from the source, with the reason."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Frame:
    """One call of a function: what its parameters are in it."""

    function: Function
    call: ast.Call
    outer: Frame | None = None

    @property
    def depth(self) -> int:
        """How many calls deep it is."""
        return 1 + (self.outer.depth if self.outer else 0)


@dataclass(frozen=True)
class Place:
    """An expression, the call in which it is evaluated, and the element of it that is meant."""

    node: ast.expr
    frame: Frame | None = None
    path: tuple[int, ...] = ()


class Flow:
    """Follows values through one file. Raises Lost rather than guess."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.is_live: Callable[[ast.AST, Frame | None], bool] = lambda node, frame: True
        """Whether a statement can run at all; replaced by whoever can evaluate conditions."""

    def definitions(self, name: ast.Name, frame: Frame | None = None) -> list[Place]:
        """Return every expression that a name may stand for. Raises Lost where one of them cannot be told."""
        scope_here = self.program.scope.get(name)
        found = scope_here.lookup(name.id) if scope_here else None
        if found is None:
            raise Lost(f"`{name.id}` is not defined in this file")
        scope, bindings = found
        here = frame if frame is not None and frame.function is scope.node else None
        live = self.live(name, scope, bindings, here)
        return [place for b in live for place in self._defined(name.id, b, scope, here)]

    def live(self, use: ast.Name, scope: Scope, bindings: list[Binding], frame: Frame | None) -> list[Binding]:
        """Return the bindings that a place may read, dead branches left out."""
        found = reaching(self.program, use, scope, bindings)
        return [b for b in found if self.is_live(b.node, frame)] if len(found) > 1 else found

    def _defined(self, name: str, binding: Binding, scope: Scope, frame: Frame | None) -> list[Place]:
        if binding.kind in ("assign", "with") and binding.value is not None:
            return [Place(binding.value, frame, binding.path)]
        if binding.kind == "parameter" and isinstance(scope.node, FUNCTIONS):
            return self.parameter(scope.node, name, frame)
        line = getattr(binding.node, "lineno", 0)
        words = {"change": "is changed", "each": "changes in the loop", "import": "is imported"}
        raise Lost(f"`{name}` {words.get(binding.kind, 'is set')} at line {line}")

    def parameter(self, function: Function, name: str, frame: Frame | None = None) -> list[Place]:
        """Return what a parameter may be: by the call in `frame`, else by every call in the file."""
        if frame is not None and frame.function is function:
            return [self.argument(function, frame.call, name, frame.outer)]
        calls = self.calls_of(function)
        if not calls:
            raise Lost(f"`{function.name}` is not called in this file, which leaves its `{name}` open")
        return [self.argument(function, call, name) for call in calls]

    def argument(self, function: Function, call: ast.Call, name: str, frame: Frame | None = None) -> Place:
        """Return what one call hands to a parameter, its default where nothing is handed."""
        spec = function.args
        if any(a is not None and a.arg == name for a in (spec.vararg, spec.kwarg)):
            raise Lost(f"`{name}` collects arguments")
        for keyword in call.keywords:
            if keyword.arg == name:
                return Place(keyword.value, frame)
        positional = [*spec.posonlyargs, *spec.args]
        bound = self.program.class_of(function) is not None and not _is_static(function)
        names = [a.arg for a in positional[1 if bound else 0 :]]
        runs = self._is_runner(call)
        handed = [] if runs else call.args
        if name in names:
            at = names.index(name)
            if any(isinstance(a, ast.Starred) for a in handed[: at + 1]):
                raise Lost(f"`{name}` comes out of an unpacked argument")
            if at < len(handed):
                return Place(handed[at], frame)
        if any(k.arg is None for k in call.keywords):
            raise Lost(f"`{name}` may be among unpacked arguments")
        default = command_line_default(function, name) or default_of(function, name)
        if default is None:
            raise Lost(f"`{name}` of `{function.name}` has no value here")
        return Place(default)

    def calls_of(self, function: Function) -> list[ast.Call]:
        """Return all calls of a function of this file. Raises Lost where it is also used in other ways."""
        program = self.program
        owner = program.class_of(function)
        name = owner.name if owner is not None and function.name == "__init__" else function.name
        calls = [c for c in program.calls_by_name.get(name, ()) if self._calls(c, function, owner)]
        if owner is None or function.name == "__init__":
            calls += self._runner_calls(function) if owner is None else []
            self._no_other_use(name, function if owner is None else owner, calls)
        return calls

    def _calls(self, call: ast.Call, function: Function, owner: ast.ClassDef | None) -> bool:
        if owner is None or function.name == "__init__":
            return self.program.definition(call.func) is (function if owner is None else owner)
        same = self.program.methods.get(function.name, [])
        if not isinstance(call.func, ast.Attribute) or self.program.qualified(call.func):
            return False
        if len(same) > 1:
            raise Lost(f"several classes have a method `{function.name}`")
        return not _is_super(call.func.value)

    def _no_other_use(self, name: str, definition: ast.AST, calls: list[ast.Call]) -> None:
        expected = {id(c.func) for c in calls} | {id(a) for c in calls if self._is_runner(c) for a in c.args}
        for node in self.program.loads.get(name, ()):
            if id(node) in expected or self.program.definition(node) is not definition:
                continue
            parent = self.program.parent.get(node)
            if isinstance(parent, ast.ClassDef):
                raise Lost(f"`{name}` has subclasses")
            if isinstance(parent, ast.Call) and last_name(parent.func) in ("isinstance", "super", "issubclass"):
                continue
            if isinstance(
                parent, (ast.Attribute, ast.ImportFrom, ast.arg, ast.Subscript, ast.BinOp, ast.AnnAssign, *FUNCTIONS)
            ):
                continue
            raise Lost(f"`{name}` is handed on at line {node.lineno}, which may call it")

    def _runner_calls(self, function: Function) -> list[ast.Call]:
        return [
            self.program.parent[node]  # type: ignore[misc]
            for node in self.program.loads.get(function.name, ())
            if self._is_runner(self.program.parent.get(node)) and self.program.definition(node) is function
        ]

    def _is_runner(self, node: ast.AST | None) -> bool:
        return isinstance(node, ast.Call) and self.program.qualified(node.func) in _RUNNERS

    def own_class(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class for a name that is the first parameter of one of its methods (`self`)."""
        if not isinstance(node, ast.Name) or node not in self.program.scope:
            return None
        found = self.program.scope[node].lookup(node.id)
        if found is None or not isinstance(found[0].node, FUNCTIONS) or found[1][0].kind != "parameter":
            return None
        function = found[0].node
        first = [*function.args.posonlyargs, *function.args.args][:1]
        if _is_static(function) or not first or first[0].arg != node.id:
            return None
        return self.program.class_of(function)

    def attributes(self, owner: ast.ClassDef, name: str, frame: Frame | None = None) -> list[Place]:
        """Return every expression assigned to an attribute in a class of this file, its bases included."""
        for cls in self.lineage(owner):
            places: list[Place] = []
            for target in self.program.attribute_writes.get(name, ()):
                if self.own_class(target.value) is cls:
                    here = frame if frame and self.program.function_of(target) is frame.function else None
                    if self.is_live(target, here):
                        places.append(self._written(target, here))
            for binding in self.program.inside[cls].bindings.get(name, ()):
                if binding.kind == "assign" and binding.value is not None and not places:
                    places.append(Place(binding.value, None, binding.path))
            if places:
                return places
        raise Lost(f"`{name}` is not set in `{owner.name}`")

    def lineage(self, owner: ast.ClassDef) -> Iterator[ast.ClassDef]:
        """Yield a class and its bases as far as this file defines them."""
        todo, seen = [owner], set()
        while todo:
            cls = todo.pop(0)
            if id(cls) not in seen:
                seen.add(id(cls))
                yield cls
                bases = [self.program.definition(b) for b in cls.bases]
                todo.extend(b for b in bases if isinstance(b, ast.ClassDef))

    def method_of(self, owner: ast.ClassDef, name: str) -> Function | None:
        """Return a method of a class, or of a base of it in this file."""
        for cls in self.lineage(owner):
            method = self.program.own_methods.get(cls, {}).get(name)
            if method is not None:
                return method
        return None

    def _written(self, target: ast.Attribute, frame: Frame | None) -> Place:
        path: tuple[int, ...] = ()
        node: ast.AST = target
        while True:
            parent = self.program.parent[node]
            if isinstance(parent, (ast.Tuple, ast.List)):
                path = (parent.elts.index(node), *path)  # type: ignore[arg-type]
                node = parent
            elif isinstance(parent, (ast.Assign, ast.AnnAssign)) and parent.value is not None:
                if (
                    isinstance(parent.value, (ast.Tuple, ast.List))
                    and len(path) == 1
                    and path[0] < len(parent.value.elts)
                ):
                    return Place(parent.value.elts[path[0]], frame)
                return Place(parent.value, frame, path)
            else:
                raise Lost(f"`{target.attr}` is changed at line {target.lineno}")

    def returned(self, function: Function) -> list[ast.expr]:
        """Return the expressions that a function returns, unless it is a generator."""
        found = []
        for node in self.program.below(function):
            if isinstance(node, (ast.Yield, ast.YieldFrom)):
                raise Lost(f"`{function.name}` is a generator")
            if isinstance(node, ast.Return) and node.value is not None:
                found.append(node.value)
        return found

    def callee(self, call: ast.Call) -> Function | None:
        """Return the function or method of this file that a call enters; None where it cannot be told."""
        definition = self.program.definition(call.func)
        if isinstance(definition, FUNCTIONS):
            return definition
        if isinstance(call.func, ast.Attribute) and self.program.qualified(call.func) is None:
            owner = self.own_class(call.func.value)
            owner = owner or self._class_of_object(call.func.value)
            if owner is not None:
                return self.method_of(owner, call.func.attr)
            same = self.program.methods.get(call.func.attr, [])
            if len(same) == 1 and call.func.attr not in _EVERYWHERE:
                return same[0]
        return None

    def _class_of_object(self, node: ast.expr) -> ast.ClassDef | None:
        """Return the class of this file whose construction a name is assigned from, or that is constructed here."""
        try:
            places = self.definitions(node) if isinstance(node, ast.Name) else [Place(node)]
        except Lost:
            return None
        calls = [p.node for p in places if isinstance(p.node, ast.Call) and not p.path]
        found = self.program.definition(calls[0].func) if len(calls) == len(places) == 1 else None
        return found if isinstance(found, ast.ClassDef) else None


def default_of(function: Function, name: str) -> ast.expr | None:
    """Return the expression of a parameter's default; None where it has none."""
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    for argument, default in zip(reversed(positional), reversed(spec.defaults)):
        if argument.arg == name:
            return default
    for argument, kw_default in zip(spec.kwonlyargs, spec.kw_defaults):
        if argument.arg == name:
            return kw_default
    return None


def _is_static(function: Function) -> bool:
    return any(last_name(d) == "staticmethod" for d in function.decorator_list)


def _is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "super"

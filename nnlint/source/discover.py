"""Find the models of a file without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..facts import Recipe, Span
from . import comments
from .effects import Effects
from .flow import Lost
from .linked import link
from .modules import MOVES, Modules
from .naming import Naming, header
from .outline import Candidate, Hint, Outline
from .portable import Portable
from .program import Program, last_name
from .recipe import read_recipe
from .text import too_deep
from .values import Values


def outline(path: Path, text: str, named: str | None = None, configured: Sequence[Candidate] = ()) -> Outline:
    """Return what a file holds: its models in order of preference, its recipe, what an import would set going.

    `named` is what the user wrote behind the path (`Net`, `Net(10, width=64)`). Raises SourceError for text that is
    not Python, for a `named` that the file does not hold, and for a model comment that cannot be understood.
    """
    try:
        return _Discovery(path, text).outline(named, configured)
    except RecursionError as error:
        raise too_deep(path) from error


def module_name(path: Path) -> tuple[str | None, Path]:
    """Return a file's dotted name where it stands in a package (else None), and the folder for `sys.path`."""
    path = path.absolute()
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier() and folder.parent != folder:
        parts.insert(0, folder.name)
        folder = folder.parent
    in_package = folder != path.parent and all(p.isidentifier() for p in parts)
    return (".".join(parts), folder) if in_package else (None, path.parent)


class _Changed(Lost):
    """A model that is built, then given other layers."""


class _Discovery:
    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text
        self.program = Program(str(path), text)
        self.values = Values(self.program)
        self.effects = Effects(self.program, self.values.flow)
        self.modules = Modules(self.values, self.effects)
        self.portable = Portable(self.modules, self.effects.guards)
        self.reasons: list[Hint] = []
        """Why there is no candidate, where there is none."""
        self.changed: set[str] = set()

    def outline(self, named: str | None, configured: Sequence[Candidate]) -> Outline:
        said = comments.models(str(self.path), self.text)
        spoken = tuple(
            Candidate(expression=m.expression, how="comment", span=self._comment_span(m), input=m.input) for m in said
        )
        candidates = (
            Naming(self.path, self.modules, self.portable).candidates(named, spoken)
            if named
            else (*spoken, *configured, *self._found())
        )
        remarks = []
        for comment, near in comments.misspelt(self.text):
            help = f"did you mean `{near}`?" if near else f"known: {', '.join(comments.DIRECTIVES)}"
            remarks.append(Hint(line=comment.line, message=f"unknown comment `nnlint: {comment.word}`", help=help))
        module, root = module_name(self.path)
        at_import = self.effects.at_import()
        recipe, direct = self._recipe(root)
        return Outline(
            path=str(self.path),
            module=module,
            root=str(root),
            classes=tuple(c.name for c in self.modules.classes),
            candidates=tuple(candidates),
            has_main_guard=bool(self.effects.guards),
            trains_at_import=self.effects.trains(at_import),
            reads_data_at_import=self.effects.reads(at_import),
            recipe=recipe,
            loss_reads_model_directly=direct,
            hints=(*remarks, *(() if candidates else self.reasons)),
        )

    def _recipe(self, root: Path) -> tuple[Recipe, bool]:
        """Read the recipe, values and functions of the project's other modules followed."""
        linked = link(self.path, self.text, root)
        if linked is None:
            return read_recipe(self.modules, self.effects)
        values = Values(linked)
        effects = Effects(linked, values.flow)
        return read_recipe(Modules(values, effects), effects)

    def _comment_span(self, model: comments.ModelComment) -> Span:
        at = model.comment
        return Span(path=str(self.path), line=at.line, column=at.column, end_line=at.line, end_column=at.end_column)

    def _found(self) -> Iterator[Candidate]:
        """Yield what the file itself offers, best first."""
        yield from self._instances()
        yield from self._constructions()
        yield from self._factories()
        yield from self._classes()

    def _instances(self) -> list[Candidate]:
        """Module-level names that hold a model; what is handed to another one is left out."""
        program = self.program
        found: dict[str, Candidate] = {}
        for name, bindings in program.inside[program.tree].bindings.items():
            for binding in bindings:
                value = binding.value
                if binding.kind != "assign" or binding.path or value is None or name in found:
                    continue
                guarded = any(program.within(binding.node, g) for g in self.effects.guards)
                if not guarded and self.modules.makes(value) and not self._is_part(name):
                    span = program.span(_construction(value))
                    found[name] = Candidate(expression=name, how="instance", span=span, trained=self._is_trained(name))
        return sorted(found.values(), key=lambda c: not c.trained)

    def _is_part(self, name: str) -> bool:
        """Return whether a name is handed to the construction of another model."""
        return any(self._is_handed_on(node) for node in self.program.loads.get(name, ()))

    def _is_handed_on(self, node: ast.AST) -> bool:
        """Return whether a name is itself (not an attribute of it) an argument of another model's construction."""
        inner = node
        for outer in self.program.ancestors(node):
            if isinstance(outer, ast.Call):
                return inner is not outer.func and self._builds(outer)
            if not isinstance(outer, (ast.List, ast.Tuple, ast.Dict, ast.Starred, ast.keyword)):
                return False
            inner = outer
        return False

    def _builds(self, call: ast.Call) -> bool:
        """Return whether a call makes a new model (a move or a wrapper does not)."""
        moved = isinstance(call.func, ast.Attribute) and call.func.attr in MOVES
        wrapped = (self.program.qualified(call.func) or "").endswith((".compile", "Parallel"))
        return not moved and not wrapped and self.modules.makes(call)

    def _is_trained(self, name: str) -> bool:
        """Return whether `name.parameters()` (or of a part of it) is asked for."""
        for node in self.program.loads.get(name, ()):
            for outer in self.program.ancestors(node):
                if not isinstance(outer, (ast.Attribute, ast.Subscript)):
                    break
                if isinstance(outer, ast.Attribute) and outer.attr in ("parameters", "named_parameters"):
                    return True
        return False

    def _constructions(self) -> list[Candidate]:
        """Constructions anywhere whose arguments the source shows, those of trained models first."""
        found: dict[str, Candidate] = {}
        for call in self.program.calls:
            if not self._is_outermost(call):
                continue
            trained = self._trains_result(call)
            if not trained and self._is_plain_layer(call):
                continue
            try:
                self._check_unchanged(call)
                expression = self.portable.expression(call)
            except _Changed as lost:
                self.changed.add(last_name(call.func) or "")
                self._cannot(call, lost)
                continue
            except Lost as lost:
                self._cannot(call, lost)
                continue
            if expression not in found or trained > found[expression].trained:
                span = self.program.span(call)
                found[expression] = Candidate(expression=expression, how="construction", span=span, trained=trained)
        return sorted(found.values(), key=lambda c: not c.trained)

    def _is_outermost(self, call: ast.Call) -> bool:
        """Return whether a call builds a whole model: no part of another one, no body of a class or factory."""
        if not self._builds(call) or self.modules.holder(call) is not None:
            return False
        function = self.program.function_of(call)
        if function is not None and self.modules.is_factory(function):
            return False
        for outer in self.program.ancestors(call):
            if isinstance(outer, ast.Call) and self._builds(outer):
                return False
            if isinstance(outer, (ast.stmt, ast.Lambda)):
                break
        target = self._target(call)
        return target is None or not self._is_part_inside(target, call)

    def _is_plain_layer(self, node: ast.AST) -> bool:
        """Return whether an expression is a single torch layer: a model only where it is trained."""
        dotted = self.program.qualified(node.func) if isinstance(node, ast.Call) else None
        return dotted is not None and dotted.startswith("torch.nn.") and dotted != "torch.nn.Sequential"

    def _check_unchanged(self, call: ast.Call) -> None:
        """Refuse a construction whose result gets other layers afterwards. Raises Lost."""
        name = self._target(call)
        function = self.program.function_of(call)
        for node in self.program.loads_by_function.get((name, function), ()) if name else ():
            parent = self.program.parent[node]
            if isinstance(parent, ast.Attribute):
                outer = self.program.parent[parent]
                added = parent.attr in ("add_module", "append", "register_module", "insert", "extend")
                if isinstance(parent.ctx, ast.Store) or (added and isinstance(outer, ast.Call)):
                    raise _Changed(f"`{name}` gets other layers at line {parent.lineno}")

    def _target(self, call: ast.Call) -> str | None:
        """Return the name that a construction is assigned to."""
        for outer in self.program.ancestors(call):
            if isinstance(outer, ast.Assign) and len(outer.targets) == 1:
                return last_name(outer.targets[0])
            if isinstance(outer, ast.stmt):
                break
        return None

    def _is_part_inside(self, name: str, call: ast.Call) -> bool:
        scope = self.program.function_of(call)
        return any(self._is_handed_on(node) for node in self.program.loads_by_function.get((name, scope), ()))

    def _trains_result(self, call: ast.Call) -> bool:
        target = self._target(call)
        if target is not None and self._is_trained(target):
            return True
        return any(
            isinstance(outer, ast.Call) and not self._builds(outer) and not isinstance(outer.func, ast.Attribute)
            for outer in self.program.ancestors(call)
        )

    def _cannot(self, call: ast.Call, lost: Lost) -> None:
        name = last_name(call.func) or "the model"
        message = f"what `{name}(...)` builds cannot be told from the source: {lost.why}"
        help = f"add a comment `# nnlint: model {name}(...) input=...`, or let it run with --run"
        self.reasons.append(Hint(line=call.lineno, message=message, help=help, unbuilt=True))

    def _factories(self) -> Iterator[Candidate]:
        for function in self.program.functions:
            if function not in self.program.tree.body or not self.modules.is_factory(function):
                continue
            if function.name in self.changed:
                continue
            used = any(self.modules.holder(n) or self._in_factory(n) for n in self.program.loads.get(function.name, ()))
            if used or self.modules.open_arguments(function, bound=False):
                continue
            span = header(self.program, function)
            yield Candidate(expression=f"{function.name}()", how="factory", span=span)

    def _in_factory(self, node: ast.AST) -> bool:
        function = self.program.function_of(node)
        return function is not None and self.modules.is_factory(function)

    def _classes(self) -> Iterator[Candidate]:
        for cls in self.modules.classes:
            if cls not in self.program.tree.body or self.modules.is_loss(cls) or not self._is_root(cls):
                continue
            missing = self.modules.open_arguments(self.modules.init_of(cls), bound=True)
            span = header(self.program, cls)
            if missing:
                message = f"`{cls.name}` needs {', '.join(f'`{m}`' for m in missing)}"
                help = f"add a comment `# nnlint: model {cls.name}(...) input=...`"
                self.reasons.append(Hint(line=cls.lineno, message=message, help=help, unbuilt=True))
            else:
                yield Candidate(expression=f"{cls.name}()", how="class", span=span)

    def _is_root(self, cls: ast.ClassDef) -> bool:
        """Return whether no other module of the file is made of this class, or derived from it."""
        for node in self.program.loads.get(cls.name, ()):
            if self.program.definition(node) is not cls:
                continue
            parent = self.program.parent[node]
            if isinstance(parent, ast.Call) and last_name(parent.func) in ("super", "isinstance"):
                continue
            if isinstance(parent, ast.ClassDef):
                return False
            holder = self.modules.holder(node)
            if (holder is not None and holder is not cls) or self._in_factory(node):
                return False
            if any(isinstance(o, ast.Call) and o.func is not node and self._builds(o) for o in self._inside(node)):
                return False
        return True

    def _inside(self, node: ast.AST) -> Iterator[ast.AST]:
        for outer in self.program.ancestors(node):
            if isinstance(outer, ast.stmt):
                return
            yield outer


def _construction(node: ast.expr) -> ast.expr:
    """Return the call that builds, moves taken off."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MOVES:
        node = node.func.value
    return node

"""A file together with the modules of its own project that it imports: one program, nothing executed.

An imported name is bound to the name in the other module, and `config.LR` is read as `LR` of that module: whoever
follows values, functions and objects needs to know nothing of modules. Spans keep the file that each node stands in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..facts import Span
from .program import Program, children
from .scopes import Binding, Scope
from .text import SourceError, parse, read_text, split_lines

_FILES = 20
_LARGEST = 200_000
_ALL = 500_000
"""How much is read for one file: modules, and characters of one and of all of them."""
_TRAINS = re.compile(r"backward|\.fit\(|optim|\.run\(|train|Trainer")
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+([.\w]+)", re.MULTILINE)
_UP = 4


class LinkedProgram(Program):
    """The program of one file and of what it imports from its project."""

    def __init__(self, path: str, text: str, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.trees: dict[Path, ast.Module] = {}
        self.units: dict[ast.AST, tuple[str, list[str]]] = {}
        self._room = _ALL
        super().__init__(path, text)

    def _index(self) -> None:
        main = Path(self.path)
        self.trees[main] = self.tree
        self.units[self.tree] = (self.path, self.lines)
        todo = [main]
        while todo:
            file = todo.pop(0)
            wanted = dict.fromkeys(self._targets(self.trees[file], file))
            todo.extend(t for t in wanted if t not in self.trees and len(self.trees) <= _FILES and self._read(t))
        for file, tree in self.trees.items():
            self._open_modules(tree, file)
        for tree in self.trees.values():
            self._index_tree(tree)
        for file, tree in self.trees.items():
            self._bind(tree, file)

    def _read(self, file: Path) -> bool:
        """Parse a module; a file that is too long, or is no Python, is left alone."""
        try:
            if file.stat().st_size > min(_LARGEST, self._room):
                return False
            text = read_text(file).removeprefix("\ufeff")
            tree = parse(file, text)
        except (SourceError, OSError):
            return False
        self._room -= len(text)
        self.trees[file] = tree
        self.units[tree] = (str(file), split_lines(text))
        return True

    def _targets(self, tree: ast.Module, file: Path) -> Iterator[Path]:
        for node in _imports(tree):
            if isinstance(node, ast.Import):
                found = [self._module(a.name, file, 0) for a in node.names]
            else:
                inner = [self._module(f"{node.module or ''}.{a.name}".strip("."), file, node.level) for a in node.names]
                found = [self._module(node.module or "", file, node.level), *inner]
            yield from (f for f in found if f is not None)

    def _module(self, dotted: str, file: Path, level: int) -> Path | None:
        """Return the file of a module of the project; None for any other module."""
        parts = [p for p in dotted.split(".") if p]
        if level:
            folders: Sequence[Path] = [file.parents[level - 1]] if level <= len(file.parents) else []
        else:
            folders = self.folders
        for folder in folders if parts or level else ():
            base = folder.joinpath(*parts)
            if parts and base.with_suffix(".py").is_file():
                return base.with_suffix(".py")
            if (base / "__init__.py").is_file():
                return base / "__init__.py"
        return None

    def _open_modules(self, tree: ast.Module, file: Path) -> None:
        """Read `config.LR` as the name `LR` of the module, where `config` is nothing but that module."""
        modules: dict[str, ast.Module | None] = {}
        for node in _imports(tree):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                if isinstance(node, ast.Import):
                    target = self._module(alias.name if alias.asname else name, file, 0)
                else:
                    target = self._module(f"{node.module or ''}.{alias.name}".strip("."), file, node.level)
                modules[name] = self.trees.get(target) if target is not None and name not in modules else None
        if not any(modules.values()):
            return
        for one in ast.walk(tree):
            if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
                modules.pop(one.id, None)
            elif isinstance(one, ast.arg):
                modules.pop(one.arg, None)
        for outer in ast.walk(tree):
            for field, value in ast.iter_fields(outer):
                if isinstance(value, list):
                    value[:] = [self._opened(v, modules) for v in value]
                elif isinstance(value, ast.Attribute):
                    setattr(outer, field, self._opened(value, modules))

    def _opened(self, node: object, modules: dict[str, ast.Module | None]) -> object:
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return node
        target = modules.get(node.value.id)
        if target is None or not isinstance(node.ctx, ast.Load):
            return node
        name = ast.copy_location(ast.Name(id=node.attr, ctx=ast.Load()), node)
        self.elsewhere[name] = target
        return name

    def _bind(self, tree: ast.Module, file: Path) -> None:
        """Bind what is imported from the project to the names of the other modules."""
        for scope in [s for s in self.inside.values() if s.root.node is tree]:
            for bindings in list(scope.bindings.values()):
                for at, binding in enumerate(bindings):
                    if binding.kind == "import" and isinstance(binding.node, ast.ImportFrom):
                        told = self._told(binding, file)
                        bindings[at] = told or binding
        for node in _imports(tree):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                target = self._module(node.module or "", file, node.level)
                if target in self.trees:
                    self._star(node, self.inside[tree], self.inside[self.trees[target]])

    def _told(self, binding: Binding, file: Path) -> Binding | None:
        node = binding.node
        assert isinstance(node, ast.ImportFrom)
        target = self._module(node.module or "", file, node.level)
        scope = self.inside.get(self.trees[target]) if target in self.trees else None
        name = binding.name.rpartition(".")[2]
        if scope is None or name not in scope.bindings:
            return None
        return Binding("assign", node, self._name(name, node, scope))

    def _star(self, node: ast.ImportFrom, here: Scope, there: Scope) -> None:
        for name in list(there.bindings):
            if not name.startswith("_") and name not in here.bindings:
                here.bind(name, Binding("assign", node, self._name(name, node, there)))
        written = f"{'.' * node.level}{node.module or ''}"
        if written in self.stars:
            self.stars.remove(written)

    def _name(self, name: str, node: ast.AST, scope: Scope) -> ast.Name:
        """Return a name that is read in the scope of another module."""
        found = ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node)
        self.scope[found] = scope
        self.parent[found] = node
        self.order[found] = len(self.order)
        return found

    def unit(self, node: ast.AST) -> tuple[str, list[str]]:
        """Return path and lines of the file that a node stands in."""
        top = node
        while top in self.parent:
            top = self.parent[top]
        return self.units.get(top, (self.path, self.lines))

    def is_main(self, node: ast.AST) -> bool:
        """Return whether a node stands in the file itself."""
        return self.unit(node)[0] == self.path

    def span(self, node: ast.AST) -> Span:
        """Return where a node stands, in its own file."""
        path, lines = self.unit(node)
        return self.span_in(node, path, lines)


def link(path: Path, text: str, root: Path) -> LinkedProgram | None:
    """Return the program of a file with its project's modules; None where it imports none, or does not train."""
    if not _TRAINS.search(text) or "import" not in text:
        return None
    folders = list(dict.fromkeys(f.absolute() for f in (root, path.parent, *_project(path.parent))))
    firsts = {name.partition(".")[0] for name in _IMPORTED.findall(text)}
    if "" not in firsts and not any((f / n).is_dir() or (f / f"{n}.py").is_file() for f in folders for n in firsts):
        return None
    program = LinkedProgram(str(path), text, folders)
    return program if len(program.trees) > 1 else None


def _project(folder: Path) -> list[Path]:
    """Return the folders above a file up to the one that holds its project."""
    found = []
    for outer in [folder, *folder.parents][:_UP]:
        found.append(outer)
        if any((outer / name).exists() for name in ("pyproject.toml", "setup.py", ".git")):
            return found
    return []


def _imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, (ast.stmt, ast.Module, ast.ExceptHandler)):
            todo.extend(c for c in children(node) if isinstance(c, (ast.stmt, ast.ExceptHandler)))

"""The file's own names for PyTorch's things, and imports for those it has none for."""

from __future__ import annotations

import sys

import libcst as cst

from .changes import CannotApply
from .document import Document
from .items import Items

USUAL = {
    "torch.nn.functional": ("import torch.nn.functional as F", "F"),
    "torch.nn": ("from torch import nn", "nn"),
    "torch.optim": ("from torch import optim", "optim"),
    "torch": ("import torch", "torch"),
    "copy": ("import copy", "copy"),
}
"""How a module is imported where the file does not do so yet."""


class Names:
    """What the names in a file stand for, as far as imports at its top level tell."""

    def __init__(self, doc: Document) -> None:
        self.doc = doc
        self.bound: dict[str, str] = {}
        self.stars: list[str] = []
        self._from: dict[str, cst.ImportFrom] = {}
        self._local: list[tuple[cst.CSTNode, str, str]] = []
        for node in doc.all(cst.Import):
            self._read_import(node)
        for source in doc.all(cst.ImportFrom):
            self._read_from(source)
        rebound = {n.value for n in doc.all(cst.Name) if self._binds(n)}
        for name in rebound & self.bound.keys():
            del self.bound[name]

    def _bind(self, at: cst.CSTNode, name: str, target: str) -> None:
        scope = self.doc.scope(at)
        if isinstance(scope, cst.Module):
            self.bound[name] = target
        else:
            self._local.append((scope, name, target))

    def _read_import(self, node: cst.Import) -> None:
        for alias in node.names:
            dotted = dotted_name(alias.name)
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                self._bind(node, alias.asname.name.value, dotted)
            else:
                self._bind(node, dotted.partition(".")[0], dotted.partition(".")[0])

    def _read_from(self, node: cst.ImportFrom) -> None:
        if node.module is None or node.relative:
            return
        source = dotted_name(node.module)
        if isinstance(node.names, cst.ImportStar):
            self.stars.append(source)
            return
        if isinstance(self.doc.scope(node), cst.Module):
            self._from.setdefault(source, node)
        for alias in node.names:
            as_name = alias.asname.name if alias.asname else alias.name
            self._bind(node, dotted_name(as_name), f"{source}.{dotted_name(alias.name)}")

    def _binds(self, name: cst.Name) -> bool:
        """Return whether a name is assigned here (as a variable, parameter, loop variable, function or class)."""
        above = self.doc.parent(name)
        if isinstance(above, (cst.Param, cst.FunctionDef, cst.ClassDef)):
            return above.name is name
        if isinstance(above, (cst.AssignTarget, cst.For, cst.CompFor, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)):
            return above.target is name
        if isinstance(above, (cst.Element, cst.StarredElement)):
            holder = self.doc.parent(self.doc.parent(above) or above)
            return isinstance(holder, (cst.AssignTarget, cst.For, cst.CompFor))
        return False

    def resolve(self, expression: cst.CSTNode) -> str | None:
        """Return the full name (`torch.nn.Softmax`) of what an expression names; None where imports do not tell."""
        try:
            dotted = dotted_name(expression)
        except CannotApply:
            return None
        root, dot, rest = dotted.partition(".")
        for scope, name, target in self._local:
            if name == root and self.doc.inside(expression, scope):
                return _canonical(target + dot + rest)
        if root in self.bound:
            return _canonical(self.bound[root] + dot + rest)
        if not dot and root[:1].isupper() and "torch.nn" in self.stars:
            return f"torch.nn.{root}"
        return None

    def spell(self, *full: str, like: str | None = None) -> str:
        """Return the file's way to write one of these full names; an import is added where it has none.

        `like` is the full name of what stood there: its module is preferred, and a plain imported name
        (`from torch.nn import Softmax`) is answered by another one.
        """
        by_name = {target: name for name, target in self.bound.items()}
        same: list[str] = []
        if like is not None:
            same = [name for name in full if name.rpartition(".")[0] == like.rpartition(".")[0]]
            full = (*same, *(name for name in full if name not in same))
        for name in full:
            if name in by_name:
                return by_name[name]
            module, _, last = name.rpartition(".")
            if like in by_name and module in self._from and name in same:
                return self._extend(name)
            if module in by_name:
                return f"{by_name[module]}.{last}"
        for name in full:
            if (written := self._through_a_parent(name, by_name)) is not None:
                return written
        return self._import(full[0])

    def rename(self, callee: cst.BaseExpression, *full: str) -> None:
        """Put one of these full names in the place of a callee, written in the manner of what stands there."""
        old = self.resolve(callee)
        if isinstance(callee, cst.Attribute) and old is not None and (module := self.resolve(callee.value)) is not None:
            same = next((name for name in full if name.rpartition(".")[0] == module), None)
            if same is not None:
                name = callee.attr
                self.doc.changes.replace(self.doc.start(name), self.doc.end(name), same.rpartition(".")[2])
                return
        self.doc.changes.replace(*self.doc.outer(callee), self.spell(*full, like=old))

    def _through_a_parent(self, name: str, by_name: dict[str, str]) -> str | None:
        module, rest = name, ""
        while "." in module:
            module, _, last = module.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
            if module in by_name and (module.startswith("torch.") or module == "torch"):
                return f"{by_name[module]}.{rest}"
        return None

    def _extend(self, name: str) -> str:
        """Add a name to the `from ... import` that names its module."""
        module, _, last = name.rpartition(".")
        statement = self._from[module]
        if self._taken(last):
            raise CannotApply(f"the name `{last}` is used for something else")
        items = Items.of(self.doc, statement)
        known = [dotted_name(alias.name) for alias in items.entries if isinstance(alias, cst.ImportAlias)]
        at = len(known) - 1
        if known == sorted(known):
            at = sum(1 for other in known if other < last) - 1
        items.add_after(at, last)
        self.bound[last] = name
        return last

    def _import(self, name: str) -> str:
        module = next(known for known in USUAL if name.startswith(known + "."))
        statement, alias = USUAL[module]
        if self._taken(alias):
            statement, alias = USUAL["torch"]
            if self._taken(alias):
                raise CannotApply(f"`{name}` cannot be imported: the name `{alias}` is used for something else")
            module = "torch"
        self.bound[alias] = module
        self._place(statement)
        return alias + name.removeprefix(module)

    def _taken(self, name: str) -> bool:
        local = any(name == other for _, other, _ in self._local)
        return local or name in self.bound or bool(self.doc.uses(name))

    def _place(self, statement: str) -> None:
        """Put an import among those at the top: sorted where they are, else behind the last that imports torch."""
        imports = [line for line in self._top_lines() if isinstance(line.body[0], (cst.Import, cst.ImportFrom))]
        key = _import_key(statement)
        keys = [_import_key(self.doc.code(line)) for line in imports]
        torches = [i for i, k in enumerate(keys) if k[1].partition(".")[0] == "torch"]
        text = statement + self.doc.newline
        if not key[1].startswith("torch") and imports:
            self._place_standard(imports, key, text)
        elif not imports:
            self.doc.changes.insert(self._behind_docstring(), text)
        elif torches:
            later = [i for i in torches if keys[i] > key]
            at = self.doc.start(imports[later[0]]) if later else self.doc.next_line(self.doc.end(imports[torches[-1]]))
            self.doc.changes.insert(at, text)
        else:
            self.doc.changes.insert(self.doc.next_line(self.doc.end(imports[-1])), text)

    def _place_standard(self, imports: list[cst.SimpleStatementLine], key: tuple[bool, str], text: str) -> None:
        """Put an import of the standard library among its like, else in a block of its own in front of the others."""
        standard = [i for i in imports if _import_key(self.doc.code(i))[1].partition(".")[0] in sys.stdlib_module_names]
        standard = [i for i in standard if _import_key(self.doc.code(i))[1] != "__future__"]
        later = [i for i in standard if _import_key(self.doc.code(i)) > key]
        if later:
            self.doc.changes.insert(self.doc.start(later[0]), text)
        elif standard:
            self.doc.changes.insert(self.doc.next_line(self.doc.end(standard[-1])), text)
        else:
            others = [i for i in imports if _import_key(self.doc.code(i))[1] != "__future__"]
            at = self.doc.start(others[0]) if others else self.doc.next_line(self.doc.end(imports[-1]))
            self.doc.changes.insert(at, text + self.doc.newline)

    def _top_lines(self) -> list[cst.SimpleStatementLine]:
        return [line for line in self.doc.module.body if isinstance(line, cst.SimpleStatementLine)]

    def _behind_docstring(self) -> int:
        body = self.doc.module.body
        if body and self.doc.module.get_docstring() is not None:
            return self.doc.next_line(self.doc.end(body[0]))
        return self.doc.start(body[0]) if body else len(self.doc.text)


def dotted_name(expression: cst.CSTNode) -> str:
    """Return `a.b.c` as text. Raises CannotApply for anything else."""
    if isinstance(expression, cst.Name):
        return expression.value
    if isinstance(expression, cst.Attribute):
        return f"{dotted_name(expression.value)}.{expression.attr.value}"
    raise CannotApply("an expression is no plain name")


def _canonical(name: str) -> str:
    """Return the public name of what is imported from where PyTorch defines it (`torch.optim.sgd.SGD`)."""
    if name.startswith("torch.nn.modules."):
        return "torch.nn." + name.rpartition(".")[2]
    if name.startswith("torch.optim.") and not name.startswith(("torch.optim.lr_scheduler", "torch.optim.swa_utils")):
        return "torch.optim." + name.rpartition(".")[2]
    return name


def _import_key(statement: str) -> tuple[bool, str]:
    words = statement.split()
    return (words[0] == "from", words[1])

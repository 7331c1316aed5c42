"""Give every name in a script another one, so that nothing can be learnt from how things are called.

    python bench/rename.py SCRIPT > RENAMED

Renamed are variables, parameters, functions, classes, methods and attributes that the script itself defines, import
aliases, command-line options, names handed over as text (`add_module("fc", ...)`, state-dict keys, dictionary keys) and
all words that are only printed. Comments and layout are gone, docstrings say nothing. What a library reads (`forward`,
`lr=`, `"mean"`, the SEED variable) stays. The program does the same as before: its output differs in words only.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

_Documented = TypeVar("_Documented", ast.FunctionDef, ast.ClassDef, ast.Module)

NAMING_CALLS = {"add_module", "register_module", "register_buffer", "register_parameter", "getattr", "setattr",
                "hasattr", "delattr", "get_submodule", "get_parameter"}  # fmt: skip
"""Calls that take the name of an attribute as text."""

PRINTING_CALLS = {"print", "info", "warning", "debug", "error", "set_description", "set_postfix_str", "write",
                  "ArgumentParser", "ValueError", "RuntimeError", "AssertionError"}  # fmt: skip
SELECTING_CALLS = {"startswith", "endswith", "find", "count"}
LIBRARY_KEYS = {"params", "lr", "momentum", "weight_decay", "betas", "eps", "nesterov", "state", "data", "target",
                "cpu", "cuda", "mean", "sum", "none", "relu", "tanh", "__main__", "SEED", "train", "test"}  # fmt: skip
WORD = re.compile(r"%[-+0-9.#]*[a-zA-Z%]|\\.|\{[^}]*\}|[A-Za-z_]+")


def rename(text: str) -> str:
    """Return the program `text` with every name of its own replaced."""
    tree = ast.parse(text)
    names = Names(tree)
    return ast.unparse(ast.fix_missing_locations(_Renamer(names).visit(tree))) + "\n"


def words() -> Iterator[str]:
    """Pronounceable words without a meaning, each once."""
    syllables = [c + v for c in "bdfgjklmnprtvz" for v in "aeiou"]
    for size in itertools.count(2):
        for parts in itertools.product(syllables[7::11] + syllables[3::13], syllables[5::9], repeat=size // 2):
            yield "".join(parts)


class Names:
    """What the program defines, and the new name of each."""

    def __init__(self, tree: ast.Module) -> None:
        self.imported = {a.asname or a.name for n in ast.walk(tree) if _is_import(n) for a in n.names}
        self.imported_whole = {n.partition(".")[0] for n in self.imported if "." in n}
        self.variables, self.parameters, self.attributes, self.keys = _defined(tree)
        self.selectors = _selectors(tree)
        self.namespaces = _namespaces(tree)
        keep = self.imported_whole | {"self", "cls", "_"} | _called_builtins(tree)
        self._new: dict[str, str] = {}
        self._fresh = (w for w in words() if w not in builtins.__dict__)
        for name in sorted(self.selectors):
            self._new[name] = next(self._fresh)
        for name in sorted((self.variables | self.parameters | self.attributes | self.keys | self.imported) - keep):
            if not (name.startswith("__") and name.endswith("__")) and name not in self._new:
                self._new[name] = self._compose(name)

    def _compose(self, name: str) -> str:
        """A new name that holds the new forms of the words by which the program selects names."""
        held = "".join(self._new[s] for s in sorted(self.selectors) if s in name)
        fresh = held + next(self._fresh)
        return fresh.upper() if name.isupper() and len(name) > 1 else fresh.title() if name[0].isupper() else fresh

    def new(self, name: str) -> str:
        """The new form of a name of the program's own; any other comes back as it is."""
        return self._new.get(name, name)

    def attribute(self, name: str, receiver: str) -> str:
        """The new form of `receiver.name`."""
        of_its_own = receiver in self.namespaces
        library = frozenset() if of_its_own else module_attributes() if receiver == "self" else library_attributes()
        return self.new(name) if name in self.attributes and name not in library else name

    def text(self, value: str) -> str | None:
        """The new form of a text that names attributes (`conv1.weight`) or a key; None where it does neither."""
        parts = value.split(".")
        if value in self.selectors or value in self.keys:
            return self.new(value)
        if all(p.isidentifier() or p.isdigit() for p in parts) and parts[0] in self.attributes:
            return ".".join(self.attribute(p, "self") for p in parts)
        return None


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: Names) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.new(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.names.new(node.arg)
        self.generic_visit(node)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [self.names.new(n) for n in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        node.name = node.name and self.names.new(node.name)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self.names.attribute(node.name, "self") if _is_method(node) else self.names.new(node.name)
        return self._documented(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.name = self.names.new(node.name)
        for child in node.body:
            child.in_class = True  # type: ignore[attr-defined]
        return self._documented(node)

    def visit_Module(self, node: ast.Module) -> ast.Module:
        return self._documented(node)

    def _documented(self, node: _Documented) -> _Documented:
        if ast.get_docstring(node) is not None:
            node.body[0].value.value = "Words."  # type: ignore[attr-defined]
        self.generic_visit(node)
        return node

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.Import | ast.ImportFrom:
        for alias in node.names:
            bound = alias.asname or alias.name
            if self.names.new(bound) != bound and getattr(node, "module", "") != "__future__":
                alias.asname = self.names.new(bound)
        return node

    visit_ImportFrom = visit_Import

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        root = _root(node)
        receiver = node.value.id if isinstance(node.value, ast.Name) else ""
        if root not in self.names.imported and root not in self.names.imported_whole:
            node.attr = self.names.attribute(node.attr, receiver)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        called = _name_of(node.func)
        if self._is_own(node):
            for keyword in node.keywords:
                if keyword.arg in self.names.parameters:
                    keyword.arg = self.names.new(keyword.arg)
        if called in PRINTING_CALLS:
            node.args = [_disguise(argument) for argument in node.args]
        if called == "add_argument":
            node.args = [ast.Constant(self._option(a.value)) for a in node.args if isinstance(a, ast.Constant)]
        for keyword in node.keywords:
            if keyword.arg in {"help", "description", "desc"}:
                keyword.value = _disguise(keyword.value)
        self.generic_visit(node)
        return node

    def _is_own(self, node: ast.Call) -> bool:
        """Whether the program itself defines what is called (or hands it to `partial`)."""
        root, last = _root(node.func), _name_of(node.func)
        if isinstance(node.func, ast.Name):
            handed = node.args[0] if last == "partial" and node.args else node.func
            return isinstance(handed, ast.Name) and handed.id in self.names.variables
        return root not in self.names.imported and (last in self.names.attributes or last == "__init__")

    def _option(self, option: str) -> str:
        dashes = re.match("-*", option).group()  # type: ignore[union-attr]
        name = option[len(dashes) :].replace("-", "_")
        return dashes + self.names.new(name).replace("_", "-") if len(dashes) != 1 else "-" + self.names.new(name)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            node.value = self.names.text(node.value) or node.value
        return node


def _disguise(node: ast.expr) -> ast.expr:
    """Replace the words of a text that is only shown; `%d` and `{}` stay."""
    for part in _shown(node):
        part.value = WORD.sub(lambda m: m[0] if m[0][0] in "%{\\" else "w" * len(m[0]), part.value)
    return node


def _shown(node: ast.expr) -> Iterator[ast.Constant]:
    """The texts in an expression that end up on the screen: not those in the brackets and calls inside it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif isinstance(node, ast.JoinedStr):
        yield from (p for p in node.values if isinstance(p, ast.Constant))
    elif isinstance(node, ast.BinOp):
        yield from _shown(node.left)
        yield from _shown(node.right)
    elif isinstance(node, ast.Call) and _name_of(node.func) == "format" and isinstance(node.func, ast.Attribute):
        yield from _shown(node.func.value)


def _defined(tree: ast.Module) -> tuple[set[str], set[str], set[str], set[str]]:
    """The program's own variables, parameters, attributes (methods, options, ...) and dictionary keys."""
    variables: set[str] = set()
    parameters: set[str] = set()
    attributes: set[str] = set()
    keys: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str(name)):
                variables.add(name)
            case ast.FunctionDef():
                variables.add(node.name)
            case ast.arg(arg=name):
                parameters.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                attributes.add(name)
            case ast.ClassDef(name=name, body=body):
                variables.add(name)
                for child in body:
                    child.in_class = True  # type: ignore[attr-defined]
                inside = {n.id for c in body if isinstance(c, ast.Assign | ast.AnnAssign)
                          for n in ast.walk(c) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}  # fmt: skip
                attributes |= inside | {c.name for c in body if isinstance(c, ast.FunctionDef)}
                parameters |= inside
            case ast.Call(func=func, args=[*args]) if _name_of(func) in NAMING_CALLS:
                attributes |= {a.value for a in args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
            case ast.Call(func=func, args=[*args]) if _name_of(func) == "add_argument":
                attributes |= {a.value.lstrip("-").replace("-", "_") for a in args if isinstance(a, ast.Constant)}
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                keys.add(key)
    methods = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and _is_method(n)}
    keys = {k for k in keys if k.isidentifier() and k not in LIBRARY_KEYS} & _own_keys(tree)
    return (variables | parameters) - (methods - _plain_functions(tree)), parameters, attributes, keys


def _plain_functions(tree: ast.Module) -> set[str]:
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and not _is_method(n)}


def _own_keys(tree: ast.Module) -> set[str]:
    """Keys of dictionaries that the program writes out, unless it unpacks one into a call."""
    if any(keyword.arg is None for n in ast.walk(tree) if isinstance(n, ast.Call) for keyword in n.keywords):
        return set()
    return {k.value for n in ast.walk(tree) if isinstance(n, ast.Dict) for k in n.keys
            if isinstance(k, ast.Constant) and isinstance(k.value, str)}  # fmt: skip


def _selectors(tree: ast.Module) -> set[str]:
    """Parts of names by which the program selects: `"bn" in name`, `name.startswith("fc")`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare(
                left=ast.Constant(value=str(part)), ops=[ast.In() | ast.NotIn()], comparators=[ast.Name()]
            ):
                found.add(part)
            case ast.Call(func=ast.Attribute(attr=called), args=[ast.Constant(value=str(part))]):
                found |= {part} if called in SELECTING_CALLS else set()
    return {f for f in found if f.isidentifier() and f not in {"weight", "bias", "running", "num"}}


def _namespaces(tree: ast.Module) -> set[str]:
    """The variables that hold parsed command-line options: nothing but options is read from them."""
    read: dict[str, set[str]] = {}
    options: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=receiver), attr=name):
                read.setdefault(receiver, set()).add(name)
            case ast.Call(func=ast.Attribute(attr="add_argument"), args=[*args]):
                options |= {a.value.lstrip("-").replace("-", "_") for a in args if isinstance(a, ast.Constant)}
    return {receiver for receiver, names in read.items() if names <= options}


def _called_builtins(tree: ast.Module) -> set[str]:
    calls = {_name_of(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return {name for name in calls if name in builtins.__dict__}


@cache
def library_attributes() -> frozenset[str]:
    """Names that a tensor, array, layer, loader or container has of its own."""
    import numpy as np
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    rows = TensorDataset(torch.empty(1))
    things = [torch.empty(1), np.empty(1), nn.Linear(1, 1), nn.Conv2d(1, 1, 1), nn.BatchNorm1d(1), nn.LSTM(1, 1),
              nn.Dropout(), nn.Embedding(1, 1), DataLoader(rows), rows,
              torch.optim.SGD([torch.empty(1)], 0.1), torch.Generator(), "", [], {}, set(), np.random.default_rng(0),
              np.random.RandomState(0), nn.Sequential(), nn.MultiheadAttention(1, 1)]  # fmt: skip
    return frozenset(itertools.chain.from_iterable(dir(thing) for thing in things)) | module_attributes()


@cache
def module_attributes() -> frozenset[str]:
    """Names that mean something to PyTorch when a class of the program's own has them."""
    from torch import nn
    from torch.optim import SGD, lr_scheduler
    from torch.utils.data import Dataset, Sampler

    own = [nn.Module(), Dataset, Sampler, SGD, lr_scheduler.LRScheduler]
    return frozenset(itertools.chain.from_iterable(dir(thing) for thing in own)) | {"forward", "backward", "setup"}


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_method(node: ast.FunctionDef) -> bool:
    return getattr(node, "in_class", False)


def _root(node: ast.expr) -> str:
    """The name that an attribute chain begins with; "" where it begins with something else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _name_of(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


if __name__ == "__main__":
    sys.stdout.write(rename(Path(sys.argv[1]).read_text("utf-8")))

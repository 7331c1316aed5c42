"""What names a program defines, and another one for each, that says nothing."""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Iterator
from functools import cache

NAMING_CALLS = {"add_module", "register_module", "register_buffer", "register_parameter", "getattr", "setattr",
                "hasattr", "delattr", "get_submodule", "get_parameter"}  # fmt: skip
"""Calls that take the name of an attribute as text."""

SELECTING_CALLS = {"startswith", "endswith", "find", "count"}
LIBRARY_KEYS = {"params", "lr", "momentum", "weight_decay", "betas", "eps", "nesterov", "state", "data", "target",
                "cpu", "cuda", "mean", "sum", "none", "relu", "tanh", "__main__", "SEED", "train", "test"}  # fmt: skip


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
            case ast.Call(func=func, args=[*args]) if name_of(func) in NAMING_CALLS:
                attributes |= {a.value for a in args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
            case ast.Call(func=func, args=[*args]) if name_of(func) == "add_argument":
                attributes |= {a.value.lstrip("-").replace("-", "_") for a in args if isinstance(a, ast.Constant)}
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                keys.add(key)
    methods = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and is_method(n)}
    keys = {k for k in keys if k.isidentifier() and k not in LIBRARY_KEYS} & _own_keys(tree)
    return (variables | parameters) - (methods - _plain_functions(tree)), parameters, attributes, keys


def _plain_functions(tree: ast.Module) -> set[str]:
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and not is_method(n)}


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
    calls = {name_of(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
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


def is_method(node: ast.FunctionDef) -> bool:
    return getattr(node, "in_class", False)


def root_of(node: ast.expr) -> str:
    """The name that an attribute chain begins with; "" where it begins with something else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def name_of(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""

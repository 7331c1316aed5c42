"""What a model is without running it: its modules, where its class stands, and (with a graph) what was used."""

from __future__ import annotations

import linecache
import re
from collections.abc import Collection, Iterable
from typing import Any

from torch import nn

from .holders import never_read, overrides, unregistered
from .operations import class_name
from .parameters import describe_parameters
from .sites import kind_of, site


def describe_model(
    model: nn.Module,
    graph: dict[str, Any] | None = None,
    *,
    why: str = "the forward pass was not traced",
    values: bool = True,
    fresh: bool | None = None,
    stepped: Collection[int] | None = None,
    passed: Iterable[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a dict shaped as `nnlint.facts.Model`; `why` says what is missing where there is no graph.

    `stepped` are the parameters that optimizers have, by identity, where that is known; `passed` all calls of the
    forward, where the graph is only a part of them.
    """
    found: dict[str, Any] = {
        "name": class_name(model),
        "modules": describe_modules(model, used_paths(passed or graph["nodes"]) if graph else None),
        "parameters": describe_parameters(model, values),
        "graph": graph if graph is not None else {"unknown": why},
        "unregistered": [_hidden(entry, stepped) for entry in unregistered(model)],
        "overrides": overrides(model),
        "tied": tied(model),
    }
    span = class_span(type(model)) or site(model)
    if span is not None:
        found["span"] = span
    if fresh is not None:
        found["fresh"] = fresh
    return found


def _hidden(entry: dict[str, Any], stepped: Collection[int] | None) -> dict[str, Any]:
    ids = entry.pop("ids")
    return entry if stepped is None else {**entry, "optimized": all(i in stepped for i in ids)}


def tied(model: nn.Module) -> list[list[str]]:
    """Return the names of parameters that are one and the same tensor, group by group."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [group for group in names.values() if len(group) > 1]


def describe_modules(model: nn.Module, used: Collection[str] | None) -> list[dict[str, Any]]:
    """Return a dict shaped as `nnlint.facts.Module` for each module of the tree."""
    found, unread = [], never_read(model)
    for path, module in model.named_modules():
        entry: dict[str, Any] = {"path": path, "kind": class_name(module), "training": bool(module.training)}
        built = site(module)
        if built is not None:
            entry["built"] = built
        if used is not None:
            entry["used"] = path in used
        if path:
            entry["read"] = path not in unread
        found.append(entry)
    return found


def used_paths(nodes: Iterable[dict[str, Any]]) -> set[str]:
    """Return the paths of the modules that a forward passed through, their parents included."""
    used = {""}
    for node in nodes:
        path = node.get("module")
        names = [path] if path else []
        names += [name.rpartition(".")[0] for name in node.get("parameters", ())]
        for name in names:
            while name and name not in used:
                used.add(name)
                name = name.rpartition(".")[0]
    return used


def class_span(kind: type) -> dict[str, Any] | None:
    """Return the span of the line that begins a class of the user's; None for a class of a library."""
    for member in vars(kind).values():
        code = getattr(getattr(member, "__func__", member), "__code__", None)
        if code is None or kind_of(code) != "user" or f"{kind.__name__}." not in getattr(member, "__qualname__", ""):
            continue
        for line in range(code.co_firstlineno, 0, -1):
            text = linecache.getline(code.co_filename, line)
            if re.match(rf"\s*class\s+{re.escape(kind.__name__)}\b", text):
                start, shown = len(text) - len(text.lstrip()) + 1, text.rstrip().rstrip(":")
                return {
                    "path": code.co_filename, "line": line, "column": start, "end_line": line,
                    "end_column": len(shown) + 1,
                }  # fmt: skip
    return None

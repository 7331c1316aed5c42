"""What a model hides from `nn.Module`: layers it does not know of, and methods of its own put out of action."""

from __future__ import annotations

import inspect
import linecache
import re
import tokenize
from collections.abc import Iterator
from types import CodeType
from typing import Any

from torch import nn

from .operations import class_name
from .sites import kind_of, site

_DEEP = 3
_LONG = 1000

_CALLED: dict[str, tuple[Any, ...]] = {
    "train": (False,), "eval": (), "parameters": (), "named_parameters": (), "modules": (), "named_modules": (),
    "children": (), "named_children": (), "buffers": (), "named_buffers": (), "zero_grad": (), "state_dict": (),
    "apply": (lambda module: None,), "to": ("cpu",), "requires_grad_": (True,), "load_state_dict": ({},),
}  # fmt: skip
"""Methods of `nn.Module` that torch and every training script call, with the arguments that they are called with."""

_SELDOM = frozenset({"cpu", "cuda", "float", "double", "half", "bfloat16", "type"})

_WALKS = ("parameters", "named_parameters", "modules", "named_modules", "children", "named_children", "buffers",
          "named_buffers")  # fmt: skip

_MODES = frozenset({"super", "train", "eval", "training", "mode", "Module"})
"""Names of which a method that stands in for `train` or `eval` has one."""

_LOOKED_UP = frozenset({"getattr", "children", "named_children", "modules", "named_modules", "_modules", "vars",
                        "__dict__", "get_submodule", "parameters", "named_parameters"})  # fmt: skip
"""Names by which a class gets at its layers without naming them (`modules` and the like may do it)."""


def unregistered(model: nn.Module) -> list[dict[str, Any]]:
    """Return a dict shaped as `nnlint.facts.Unregistered` for each plain list, tuple or dict that hides parameters.

    A lone item is left out: `self.teacher = [teacher]` is how people hide a module on purpose.
    """
    modules = {id(module) for module in model.modules()}
    parameters = {id(parameter) for parameter in model.parameters()}
    found = []
    for path, holder in model.named_modules():
        for attribute, value in list(vars(holder).items()):
            if attribute.startswith("__") or type(value) not in (list, tuple, dict) or not 1 < len(value) <= _LONG:
                continue
            items = list(_items(value, _DEEP))
            if any(id(item) in modules for item in items):
                continue  # another place holds them, or the list knows its owner
            hidden = {id(p): p for item in items for p in _parameters(item) if id(p) not in parameters}
            trained = [p for p in hidden.values() if p.requires_grad]
            if not trained or type(holder).__module__.startswith("torch."):
                continue
            entry: dict[str, Any] = {
                "holder": path, "owner": class_name(holder), "attribute": attribute, "kind": type(value).__name__,
                "items": "parameters" if all(isinstance(item, nn.Parameter) for item in items) else "modules",
                "modules": len(items), "parameters": sum(p.numel() for p in trained),
                "flat": len(items) == len(value) and _names(value),
            }  # fmt: skip
            span = _assignment(type(holder), attribute) or site(holder)
            if span is not None:
                entry["span"] = span
            value_span = _value(span) if span is not None and "column" in span else None
            if value_span is not None:
                entry["value"] = value_span
            entry["ids"] = [id(p) for p in trained]
            found.append(entry)
    return found


def _items(value: Any, deep: int) -> Iterator[Any]:
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (nn.Module, nn.Parameter)):
            yield item
        elif deep and type(item) in (list, tuple, dict):
            yield from _items(item, deep - 1)


def _parameters(item: Any) -> list[nn.Parameter]:
    if isinstance(item, nn.Parameter):
        return [item]
    return [p for p in item.parameters() if not nn.parameter.is_lazy(p)]


def _names(value: Any) -> bool:
    """Whether a container of torch's takes the keys of a dict."""
    return not isinstance(value, dict) or all(isinstance(key, str) and key and "." not in key for key in value)


def _assignment(kind: type, attribute: str) -> dict[str, Any] | None:
    """Return the span of the first line that assigns `self.attribute` in a class of the user's or its parents."""
    for parent in kind.__mro__:
        for member in vars(parent).values():
            code = getattr(member, "__code__", None)
            if code is None or kind_of(code) != "user":
                continue
            own = re.escape(code.co_varnames[0]) if code.co_varnames else "self"
            last = max((line for *_, line in code.co_lines() if line), default=code.co_firstlineno)
            for line in range(code.co_firstlineno, last + 1):
                text = linecache.getline(code.co_filename, line)
                hit = re.match(rf"\s*({own}\s*\.\s*{re.escape(attribute)}\s*(?::[^=]+)?=(?!=).*?)\s*(?:#.*)?$", text)
                if hit:
                    return {
                        "path": code.co_filename, "line": line, "column": hit.start(1) + 1, "end_line": line,
                        "end_column": hit.end(1) + 1,
                    }  # fmt: skip
    return None


def _value(span: dict[str, Any]) -> dict[str, Any] | None:
    """Return the span of what the assignment that begins at `span` assigns, over as many lines as it takes."""
    lines = linecache.getlines(span["path"])[span["line"] - 1 :]
    start: tuple[int, int] | None = None
    end = (0, 0)
    try:
        for token in tokenize.generate_tokens(iter([*lines, ""]).__next__):
            if token.type == tokenize.NEWLINE:
                break
            if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT):
                continue
            if start == (-1, -1):
                start = token.start
            if start is None and token.string == "=":
                start = (-1, -1)
            end = token.end
    except (tokenize.TokenError, SyntaxError, StopIteration):
        return None
    if start is None or start == (-1, -1):
        return None
    first = span["line"] - 1
    return {
        "path": span["path"], "line": first + start[0], "column": start[1] + 1, "end_line": first + end[0],
        "end_column": end[1] + 1,
    }  # fmt: skip


def overrides(model: nn.Module) -> list[dict[str, Any]]:
    """Return a dict shaped as `nnlint.facts.Override` for each method of `nn.Module` that is no longer usable."""
    found, seen = [], set()
    for path, module in walk(model):
        for name in (*_CALLED, *_SELDOM):
            owner, value = _replaced(module, name)
            if owner is None or (owner, name) in seen:
                continue
            why = _broken(module, name, value)
            if why is None:
                continue
            seen.add((owner, name))
            entry = {"holder": path, "owner": class_name(owner), "name": name, "why": why, "called": name in _CALLED}
            entry["certain"] = why != "mode"
            span = _defined(value) or _assignment(type(module), name)
            if span is not None:
                entry["span"] = span
            found.append(entry)
    return found


def walk(model: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield what `named_modules()` gives, without any method of the model's; a module held twice comes twice."""
    yield path, model
    for name, module in vars(model).get("_modules", {}).items():
        if isinstance(module, nn.Module):
            yield from walk(module, f"{path}.{name}".lstrip("."))


def out_of_reach(module: nn.Module) -> bool:
    """Whether the methods by which torch walks over a module's parts are replaced by what is no such method."""
    for name in _WALKS:
        owner, value = _replaced(module, name)
        if owner is not None and _broken(module, name, value) is not None:
            return True
    return False


def _replaced(module: nn.Module, name: str) -> tuple[type | None, Any]:
    """Return the class and the value that stand in the place of a method of `nn.Module`; (None, None) for its own."""
    if name in vars(module):
        return type(module), vars(module)[name]
    for kind in type(module).__mro__:
        if kind.__module__.startswith("torch."):
            return None, None
        if name in vars(kind):
            return kind, vars(kind)[name]
    return None, None


def _broken(module: nn.Module, name: str, value: Any) -> str | None:
    """Say why a stand-in cannot be called as torch calls the method: `value`, `arguments`, `mode`; None if it can."""
    function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) or _bound(value) else None
    if function is None:
        return "value"
    if name not in _CALLED:
        return None
    inside = name not in vars(module) and not isinstance(value, staticmethod)
    try:
        inspect.signature(function).bind(*([module] if inside else []), *_CALLED[name])
    except TypeError:
        return "arguments"
    except ValueError:  # a function without a signature
        return None
    code = getattr(function, "__code__", None)
    if name in ("train", "eval") and code is not None and not _names_in(code) & _MODES:
        return "mode"
    return None


def _bound(value: Any) -> bool:
    return isinstance(value, (staticmethod, classmethod))


def _names_in(code: CodeType) -> set[str]:
    found = {*code.co_names, *code.co_freevars, *code.co_varnames}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names_in(constant)
    return found


def _defined(value: Any) -> dict[str, Any] | None:
    """Return the span of the `def` line of a function of the user's."""
    function = getattr(value, "fget", None) or getattr(value, "__func__", value)
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is None or kind_of(code) != "user":
        return None
    for line in range(code.co_firstlineno, code.co_firstlineno + 20):
        text = linecache.getline(code.co_filename, line)
        hit = re.match(rf"\s*(?:async\s+)?def\s+({re.escape(code.co_name)})\b", text)
        if hit:
            return {
                "path": code.co_filename, "line": line, "column": hit.start(1) + 1, "end_line": line,
                "end_column": hit.end(1) + 1,
            }  # fmt: skip
    return None


def never_read(model: nn.Module) -> set[str]:
    """Return the paths of the layers that no method of the class that holds them names (constructors left out)."""
    found = set()
    for path, holder in model.named_modules():
        names = _read_by(type(holder)) if holder._modules else None
        if names is not None:
            found |= {f"{path}.{name}".lstrip(".") for name in holder._modules if name not in names}
    return found


def parameters_never_read(model: nn.Module) -> set[str]:
    """Return the names of the parameters that no method of the class that holds them names (constructors left out)."""
    found = set()
    for path, holder in model.named_modules():
        names = _read_by(type(holder)) if holder._parameters else None
        if names is not None:
            found |= {f"{path}.{name}".lstrip(".") for name in holder._parameters if name not in names}
    return found


def _read_by(kind: type) -> set[str] | None:
    """Return the names in the methods of a class of the user's; None where layers may be read in other ways."""
    if getattr(kind, "forward", None) is nn.Module.forward:  # a mere holder: others reach into it
        return None
    names: set[str] = set()
    for parent in kind.__mro__:
        if parent is nn.Module:
            break
        if parent.__module__.startswith("torch."):
            return None
        for name, member in vars(parent).items():
            member = getattr(member, "fget", None) or getattr(member, "__func__", member)
            code = getattr(inspect.unwrap(member) if callable(member) else member, "__code__", None)
            if code is None:
                continue
            if kind_of(code) != "user":
                return None
            if name != "__init__":
                names |= _names_in(code)
    return None if names & _LOOKED_UP else names

"""Values and arguments as source text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libcst as cst

from ...fix import Code
from .changes import CannotApply
from .document import Document
from .items import Items
from .operations import Spelling


def written(value: Any) -> str:
    """Return a plain value as source. Raises CannotApply for what has no literal."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa}{e}{int(exponent)}" if e else mantissa
    if isinstance(value, (tuple, list)):
        inner = ", ".join(written(v) for v in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    raise CannotApply(f"a value of type {type(value).__name__} cannot be written out")


def listed(arguments: Mapping[str, Any], spelling: Spelling) -> list[str]:
    """Return the arguments of a construction: those that are usually unnamed first, as far as there is no gap."""
    rest = dict(arguments)
    texts: list[str] = []
    for name in spelling.takes[: spelling.shown]:
        if name not in rest:
            break
        texts.append(written(rest.pop(name)))
    return texts + [f"{name}={written(value)}" for name, value in rest.items()]


def named_arguments(call: cst.Call, takes: tuple[str, ...], skip: int = 0) -> dict[str, cst.Arg]:
    """Return the arguments of a call by parameter name; `skip` leading ones are left out (the tensor).

    Raises CannotApply for `*args`, `**kwargs` and more unnamed arguments than `takes` has names.
    """
    found: dict[str, cst.Arg] = {}
    for i, arg in enumerate(call.args):
        if arg.star:
            raise CannotApply("arguments are handed over as `*args` or `**kwargs`")
        if arg.keyword is not None:
            found[arg.keyword.value] = arg
        elif i >= skip:
            if i - skip >= len(takes):
                raise CannotApply("the call has arguments that nnlint does not know")
            found[takes[i - skip]] = arg
    return found


def find_argument(call: cst.Call, name: str, position: int | None) -> cst.Arg | None:
    """Return the argument of that name, or the unnamed one at `position`; None where the call has neither."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == name:
            return arg
    if position is None:
        return None
    for i, arg in enumerate(call.args[: position + 1]):
        if arg.keyword is not None:
            return None
        if arg.star:
            raise CannotApply("arguments are handed over as `*args`")
        if i == position:
            return arg
    return None


def add_argument(doc: Document, call: cst.Call, text: str) -> None:
    """Put an argument behind the others, in front of `**kwargs`."""
    items = Items.of(doc, call)
    last = len(call.args) - 1
    if last >= 0 and call.args[last].star == "**":
        last -= 1
    items.add_after(last, text)


def same_value(expression: cst.BaseExpression, text: str) -> bool:
    """Return whether an expression is already the literal `text` (`0.10` and `0.1` are the same)."""
    import ast

    try:
        return bool(ast.literal_eval(cst.Module([]).code_for_node(expression)) == ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return cst.Module([]).code_for_node(expression) == text

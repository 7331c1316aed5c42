"""Defaults of command lines: argparse's `add_argument` and click's `option`."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .program import Program, last_name
from .scopes import Function

_FLAGS = {"store_true": False, "store_false": True, "count": None}


@dataclass(frozen=True)
class Option:
    """One option: its default expression (None for "nothing given"), the call of `type`, or why it is open."""

    default: ast.expr | None
    type: str | None = None
    open: str = ""


def argparse_option(program: Program, name: str) -> Option | None:
    """Return the argparse option that sets `args.<name>`; None where the file has none."""
    for call in reversed(program.calls_by_name.get("set_defaults", [])):
        for keyword in call.keywords:
            if keyword.arg == name:
                return Option(keyword.value)
    found = [c for c in program.calls_by_name.get("add_argument", []) if _destination(c) == name]
    if not found:
        return None
    options = [_option(c, name) for c in found]
    same = {ast.dump(o.default) if o.default is not None else "" for o in options}
    return options[0] if len(same) == 1 else Option(None, open=f"several options set `{name}`")


def _option(call: ast.Call, name: str) -> Option:
    given = {k.arg: k.value for k in call.keywords if k.arg}
    if isinstance(given.get("required"), ast.Constant) and given["required"].value:  # type: ignore[attr-defined]
        return Option(None, open=f"`{name}` is given on the command line")
    if any(k.arg is None for k in call.keywords):
        return Option(None, open=f"the default of `{name}` is among unpacked arguments")
    if "default" in given:
        return Option(given["default"], last_name(given["type"]) if "type" in given else None)
    action = given.get("action")
    if isinstance(action, ast.Constant) and action.value in ("store_true", "store_false"):
        return Option(ast.Constant(_FLAGS[action.value]))
    if not _is_option(call):
        return Option(None, open=f"`{name}` is given on the command line")
    return Option(ast.Constant(None))


def _flags(call: ast.Call) -> list[str]:
    return [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def _is_option(call: ast.Call) -> bool:
    return any(flag.startswith("-") for flag in _flags(call))


def _destination(call: ast.Call) -> str | None:
    for keyword in call.keywords:
        if keyword.arg == "dest" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return _named(_flags(call))


def _named(flags: list[str]) -> str | None:
    plain = [f for f in flags if not f.startswith("-")]
    long = [f for f in flags if f.startswith("--")]
    ordered = plain or long or flags
    return ordered[0].partition("/")[0].lstrip("-").replace("-", "_") if ordered else None


def command_line_default(function: Function, name: str) -> ast.expr | None:
    """Return the default that a click option hands to a parameter of the command `function`."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or last_name(decorator.func) != "option":
            continue
        if _named(_flags(decorator)) != name:
            continue
        given = {k.arg: k.value for k in decorator.keywords if k.arg}
        if "default" in given:
            return given["default"]
        flag = given.get("is_flag")
        on_off = any("/" in f for f in _flags(decorator)) or (isinstance(flag, ast.Constant) and flag.value)
        return ast.Constant(False) if on_off else None
    return None

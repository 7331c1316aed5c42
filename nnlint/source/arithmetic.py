"""What the evaluator may compute: operators and functions without effects, on values of reasonable size."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from .flow import Lost
from .members import ParsedArguments, Record, Table

_LARGEST = 10**18
_LONGEST = 10_000

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
}  # fmt: skip
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert,
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
CALLABLE: dict[str, Callable[..., Any]] = {
    "int": int, "float": float, "bool": bool, "str": str, "min": min, "max": max, "abs": abs, "round": round,
    "sum": sum, "tuple": tuple, "list": list, "range": range, "sorted": sorted, "math.sqrt": math.sqrt,
    "math.log": math.log, "math.log2": math.log2, "math.log10": math.log10, "math.ceil": math.ceil,
    "math.floor": math.floor, "math.exp": math.exp, "math.prod": math.prod, "numpy.prod": math.prod,
    "numpy.sqrt": math.sqrt, "numpy.log": math.log, "numpy.ceil": math.ceil, "numpy.log2": math.log2,
}  # fmt: skip
CONSTANTS = {"math.pi": math.pi, "math.e": math.e, "numpy.pi": math.pi, "math.inf": math.inf, "torch.pi": math.pi}


def plain(value: Any) -> Any:
    """Return a value that is a constant or a container of such. Raises Lost for anything else."""
    if isinstance(value, (ParsedArguments, Table, Record)):
        raise Lost("it is no plain value")
    return value


def binary(op: ast.operator, left: Any, right: Any) -> Any:
    """Return `left op right`, unless that takes long or much memory. Raises Lost."""
    left, right = plain(left), plain(right)
    if isinstance(op, ast.Pow) and (abs(right) > 64 or abs(left) > 10**6):
        raise Lost("it is too large")
    if isinstance(op, (ast.LShift, ast.Mult)) and not isinstance(right, float) and not isinstance(left, float):
        if isinstance(op, ast.LShift) and right > 64:
            raise Lost("it is too large")
        if any(isinstance(v, (str, bytes, list, tuple)) for v in (left, right)):
            size = len(left) * right if hasattr(left, "__len__") else left * len(right)
            if size > _LONGEST:
                raise Lost("it is too long")
    return BINARY[type(op)](left, right)


def checked(value: Any) -> Any:
    """Return a value of reasonable size. Raises Lost."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise Lost("it is too large")
    if isinstance(value, (str, bytes, list, tuple)) and len(value) > _LONGEST:
        raise Lost("it is too long")
    return value

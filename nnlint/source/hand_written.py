"""Losses that are written out as arithmetic."""

from __future__ import annotations

import ast

from ..facts import Missing
from .flow import Frame
from .objects import Objects
from .terms import KINDS, OWNERS, Term, shorten


class HandWritten:
    """Recognizes the few formulas that everybody writes; any other arithmetic of torch's is a loss of its own kind."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.program, self.flow = objects.program, objects.flow

    def term(self, node: ast.expr, frame: Frame | None) -> Term:
        """Return the term for arithmetic on tensors."""
        kind: str | Missing = _formula(node) or "custom"
        if kind == "custom" and _likelihood(node):
            kind = Missing("whether what is multiplied is a log-likelihood, its values tell")
        for one in ast.walk(node):
            if isinstance(one, ast.Call) and self._is_named_loss(one, frame):
                return Term(node, frame, None, Missing("a loss and arithmetic on it"), "hand-written loss")
            if isinstance(one, ast.Call) and not self._is_plain(one, frame):
                kind = Missing(f"`{shorten(one.func)}` cannot be followed")
        return Term(node, frame, None, kind, "hand-written loss")

    def _is_named_loss(self, call: ast.Call, frame: Frame | None) -> bool:
        owner, _, name = (self.program.qualified(call.func) or "").rpartition(".")
        if owner in OWNERS and name in KINDS:
            return True
        built = self.objects.only(call.func, frame) if not isinstance(call.func, ast.Call) else None
        node = built.node if built else None
        dotted = self.program.qualified(node.func) if isinstance(node, ast.Call) else None
        return dotted is not None and dotted.rpartition(".")[2] in KINDS

    def _is_plain(self, call: ast.Call, frame: Frame | None) -> bool:
        """Return whether a call inside a hand-written loss is arithmetic of torch's, or the model's forward."""
        dotted = self.program.qualified(call.func)
        if dotted is not None:
            return dotted.startswith(("torch.", "math.", "numpy.")) or "." not in dotted
        if isinstance(call.func, ast.Attribute) and not self.objects.is_model(call.func, frame):
            # a method of a tensor
            return self.flow.callee(call) is None
        return self.objects.is_model(call.func, frame)


def _likelihood(node: ast.expr) -> bool:
    """Whether an expression is minus a product, summed up or averaged: `-(log_p * y).mean()` and its spellings."""
    minus = summed = False
    while True:
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                minus = not minus
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="mean" | "sum"), args=[inner, *_]):
                summed = True
            case ast.Call(func=ast.Attribute(value=inner, attr="mean" | "sum")):
                summed = True
            case ast.BinOp(left=inner, op=ast.Div()):
                pass
            case ast.BinOp(left=ast.UnaryOp(op=ast.USub()), op=ast.Mult()):
                return summed
            case ast.BinOp(op=ast.Mult()):
                return minus and summed
            case _:
                return False
        node = inner


def _formula(node: ast.expr) -> str | None:
    """Return `mse` for `((a - b) ** 2).mean()` and its spellings, `l1` for the mean of `abs(a - b)`."""
    inner: ast.expr | None = None
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="mean"), args=[one]):
            inner = one
        case ast.Call(func=ast.Attribute(value=one, attr="mean"), args=[]):
            inner = one
    match inner:
        case ast.BinOp(left=ast.BinOp(op=ast.Sub()), op=ast.Pow(), right=ast.Constant(value=2 | 2.0)):
            return "mse"
        case ast.Call(
            func=ast.Attribute(value=ast.BinOp(op=ast.Sub()), attr="pow"), args=[ast.Constant(value=2 | 2.0)]
        ):
            return "mse"
        case ast.Call(func=ast.Attribute(value=ast.BinOp(op=ast.Sub()), attr="square" | "abs" as how), args=[]):
            return "mse" if how == "square" else "l1"
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="torch"), attr="square" | "abs" as how), args=[ast.BinOp(op=ast.Sub())]
        ):
            return "mse" if how == "square" else "l1"
    return None

"""Code that a rule writes with full names (`torch.nn.utils.clip_grad_norm_`), in the file's own names."""

from __future__ import annotations

import libcst as cst

from .changes import CannotApply
from .names import Names, dotted_name

STANDARD = ("copy",)
"""Modules of the standard library that a fix may need."""


def respelled(names: Names, text: str) -> str:
    """Return `text` with the file's own names for `torch....`; what is not imported is."""
    module = cst.parse_module(text)
    found: set[str] = set()

    class Dotted(cst.CSTVisitor):
        def visit_Attribute(self, node: cst.Attribute) -> bool:
            try:
                name = dotted_name(node)
            except CannotApply:
                return True
            if name.partition(".")[0] in ("torch", *STANDARD):
                found.add(name)
            return False

    module.visit(Dotted())
    for name in sorted(found, key=len, reverse=True):
        root = name.partition(".")[0]
        holder = name.rpartition(".")[0]
        if names.bound.get(root) == root and not (holder == "torch.nn" and holder in names.bound.values()):
            continue
        text = text.replace(name, names.spell(name))
    return text

"""The arguments of one call as they are written, by name or place."""

from __future__ import annotations

import ast


class Given:
    """Looks up arguments. `open` says whether there may be others, unpacked from somewhere."""

    def __init__(self, call: ast.Call) -> None:
        self.call = call
        self.named = {k.arg: k.value for k in call.keywords if k.arg is not None}
        self.open = any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args)

    def has(self, name: str) -> bool:
        """Return whether an argument is written out by name (and is not None)."""
        node = self.named.get(name)
        return node is not None and not (isinstance(node, ast.Constant) and node.value is None)

    def argument(self, name: str, at: int | None) -> ast.expr | None:
        """Return the expression handed as `name`, or in the place `at`; None where nothing is handed."""
        if name in self.named:
            return self.named[name]
        plain = at is not None and at < len(self.call.args) and not isinstance(self.call.args[at], ast.Starred)
        return self.call.args[at] if plain and at is not None else None

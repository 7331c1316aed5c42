"""Colour, only where it is wanted."""

from __future__ import annotations

from dataclasses import dataclass

_CODES = {"error": "1;31", "warning": "1;33", "advice": "1;36", "gutter": "1;34", "bold": "1", "dim": "2",
          "removed": "31", "added": "32", "related": "1;34"}  # fmt: skip


@dataclass(frozen=True)
class Style:
    """Paints words for a terminal, or leaves them as they are."""

    colour: bool = False

    def __call__(self, name: str, text: str) -> str:
        """Return `text` in the look called `name` (a level, `gutter`, `bold`, `removed`, ...)."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour and text else text

"""A place in a user's file."""

from __future__ import annotations

from .unknown import Plain


class Span(Plain):
    """Lines and columns from 1, in code points, end exclusive; columns are None where only the line is known."""

    path: str
    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None

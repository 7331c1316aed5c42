"""Bytes to text to a syntax tree, or one clear line about why not."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from pathlib import Path

_NEWLINE = re.compile(r"\r\n|\r|\n")
_PYTHON_2 = re.compile(
    r"Missing parentheses in call to|multiple exception types must be parenthesized|leading zeros in decimal"
)
_PYTHON_2_LINE = re.compile(
    r"^\s*(print\s+[\"'\w]|exec\s+[\"'\w]|raise\s+\w+\s*,|except\s+[\w.]+\s*,\s*\w+\s*:)|<>|\bur[\"']|`\w+`"
)


class SourceError(Exception):
    """A file that cannot be read as Python, or that holds no such model. `line` is 0 where there is none to show."""

    def __init__(self, path: str | Path, line: int, message: str, help: str = "") -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {message}")
        self.path, self.line, self.message, self.help = str(path), line, message, help


def split_lines(text: str) -> list[str]:
    """Split where Python's tokenizer does (`str.splitlines` also splits at form feeds and the like)."""
    return _NEWLINE.split(text)


def read_text(path: Path) -> str:
    """Return a Python file's text, its encoding cookie and byte order mark honoured; of a notebook its cells as one.

    Raises SourceError.
    """
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise SourceError(path, 0, "is a folder, not a file") from error
    except FileNotFoundError as error:
        raise SourceError(path, 0, "no such file") from error
    except OSError as error:
        raise SourceError(path, 0, f"cannot be read: {error.strerror or error}") from error
    if path.suffix == ".ipynb":
        from .notebook import program  # it reads through this file

        return program(path, data)
    return decode(path, data)


def decode(path: str | Path, data: bytes) -> str:
    """Decode a Python source as Python itself would. Raises SourceError for binary files and wrong encodings."""
    if b"\0" in data:
        raise SourceError(path, 0, "is a binary file, not Python source")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"is not valid {error.encoding}: byte 0x{data[error.start]:02x} at position {error.start}"
        help = "save the file as UTF-8, or name its encoding in a first line `# -*- coding: latin-1 -*-`"
        raise SourceError(path, line, message, help) from error
    except (SyntaxError, LookupError, ValueError) as error:
        first = str(error.msg if isinstance(error, SyntaxError) else error)
        raise SourceError(path, 1, f"its encoding cannot be read: {first}", "save the file as UTF-8") from error


def parse(path: str | Path, text: str) -> ast.Module:
    """Return the syntax tree of `text`. Raises SourceError with the line and what stands there."""
    text = text.removeprefix("\ufeff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise _syntax_error(path, text, error) from error
    except (RecursionError, MemoryError) as error:
        raise too_deep(path) from error
    except ValueError as error:
        raise SourceError(path, 1, f"cannot be parsed: {error}") from error


def too_deep(path: str | Path) -> SourceError:
    """Return the error for a file whose expressions are nested deeper than can be followed."""
    return SourceError(path, 0, "is nested too deeply to be read")


def _syntax_error(path: str | Path, text: str, error: SyntaxError) -> SourceError:
    line = error.lineno or 1
    lines = split_lines(text)
    shown = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    old = _PYTHON_2.search(error.msg or "") or _PYTHON_2_LINE.search(shown)
    message = f"syntax error: {error.msg or 'invalid syntax'}"
    if shown:
        message += f": `{shown if len(shown) <= 80 else shown[:77] + '...'}`"
    help = "this looks like Python 2: nnlint reads Python 3" if old else ""
    return SourceError(path, line, message, help)

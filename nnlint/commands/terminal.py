"""What every command says: errors and progress to standard error, and where to."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from ..report import Report
    from ..settings import ConfigurationError


def mistake(error: ConfigurationError) -> Report:
    """Return the report that says what is wrong with the configuration."""
    from ..report import Report, Trouble

    trouble = Trouble(kind="configuration", path=error.path, line=error.line, message=error.message, help=error.help)
    return Report(errors=(trouble,))


def refuse(ctx: click.Context, errors: Sequence[ConfigurationError]) -> NoReturn:
    """Say all that is wrong with a configuration, in the order of its lines, and end."""
    from ..report import joined

    tell(joined(mistake(error) for error in sorted(errors, key=lambda error: error.line or 0)))
    ctx.exit(2)


def write(text: str, path: str | None) -> None:
    """Write to standard output, or to a file: whole, or not at all."""
    if path is None:
        if text.strip():
            click.echo(text, nl=False, color=True)  # whether to colour was decided before
        return
    place = Path(path)
    try:
        if place.exists() and not place.is_file():  # a device, a pipe
            place.write_text(text, encoding="utf-8")
            return
        _replace(place.resolve(), text.encode())
    except OSError as error:
        raise click.FileError(path, error.strerror or str(error)) from error


def write_bytes(data: bytes, path: str) -> None:
    """Write a picture to a file: whole, or not at all."""
    try:
        _replace(Path(path).resolve(), data)
    except OSError as error:
        raise click.FileError(path, error.strerror or str(error)) from error


def chart_kind(path: str | None) -> str | None:
    """Return what a chart is written as. Raises BadParameter for a suffix that none has, or without matplotlib."""
    if path is None:
        return None
    import importlib.util

    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise click.BadParameter(f"{path}: a chart is written as .png or .svg", param_hint="--chart")
    if importlib.util.find_spec("matplotlib") is None:
        raise click.BadParameter('charts need matplotlib: pip install "nnlint[confirm]"', param_hint="--chart")
    return kind


def _replace(place: Path, data: bytes) -> None:
    """Write beside the file and move it there, so that nobody ever sees a part of it."""
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    handle, made = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(made).chmod(place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~_umask())
        Path(made).replace(place)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def tell(report: Report) -> None:
    """Write the errors to standard error."""
    from ..render import error_lines

    for line in error_lines(report, colour=in_colour(sys.stderr)):
        click.echo(line, err=True, color=True)


def error(message: str) -> None:
    """Write one line of error to standard error."""
    click.echo(f"error: {message}", err=True)


def progress(what: str) -> None:
    """Show on a terminal what is being inspected, on a line that the next one takes."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{what[: width() - 1]}\r", nl=False, err=True)


def in_colour(stream: Any) -> bool:
    """Whether to colour what goes to `stream`."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the number of columns of the terminal."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns

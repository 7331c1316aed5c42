"""nnlint clean: remove what nnlint keeps."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options


@click.command(cls=options.Command)
def clean() -> None:
    """Remove the results that `confirm` keeps in the working directory (.nnlint_cache)."""
    import shutil

    from ..trainer.store import FOLDER

    folder = Path(FOLDER)
    if not folder.is_dir():
        click.echo("nothing to remove")
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise click.FileError(FOLDER, error.strerror or str(error)) from error
    click.echo(f"removed {FOLDER}")

"""nnlint facts: what is known of a model."""

from __future__ import annotations

from typing import Any

import click

from .. import options
from .terminal import progress, tell


@click.command(cls=options.Command)
@click.argument("paths", nargs=-1, metavar="PATH...", required=True)
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@options.running
@click.pass_context
def facts(ctx: click.Context, /, paths: tuple[str, ...], output_format: str, **given: Any) -> None:
    """Show what is known of each model: its layers with shapes, its recipe, its data.

    \b
      nnlint facts train.py
      nnlint facts "net.py:Net(10)" --input 2x1x28x28 --output-format json
    """
    from ..configuration import settings_for
    from ..pipeline import exit_status, facts_of
    from ..render.facts import as_json, as_text
    from ..targets import standing_in

    settings = settings_for(paths, given)
    with standing_in(paths, given["stdin_filename"]) as stdin:
        found, report = facts_of(paths, settings, progress, stdin)
    click.echo(as_json(found) if output_format == "json" else as_text(found), nl=False)
    tell(report)
    ctx.exit(exit_status(report, settings))

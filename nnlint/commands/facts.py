"""nnlint facts: what is known of a model, as a table or as JSON."""

from __future__ import annotations

from typing import Any

import click

from .. import options
from .terminal import progress, tell


@click.command(cls=options.Command)
@click.argument("paths", nargs=-1, metavar="PATH...", required=True)
@click.option(
    "--output-format",
    cls=options.Option,
    section="Output",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="A table, or all facts as JSON.",
)
@click.option(
    "--depth",
    cls=options.Option,
    section="Output",
    type=click.IntRange(min=0),
    metavar="LEVELS",
    help="Levels of modules to show; all without it.",
)
@click.option(
    "--calls",
    cls=options.Option,
    section="Output",
    is_flag=True,
    help="List also every call of the forward pass, with what it reads.",
)
@options.running
@click.pass_context  # fmt: skip
def facts(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    output_format: str,
    depth: int | None,
    calls: bool,
    **given: Any,
) -> None:
    """Show what is known of each model: layers with shapes, parameters and multiply-adds, memory, recipe, data.

    Multiply-adds are those of convolutions, matrix products, attention and recurrent layers; element-wise work and
    biases count as nothing. Memory is an estimate: every activation, and as much again for its gradient.

    \b
      nnlint facts train.py
      nnlint facts "net.py:Net(10)" --input 2x1x28x28 --depth 1
      nnlint facts train.py --output-format json
    """
    from ..configuration import settings_for
    from ..pipeline import exit_status, facts_of
    from ..targets import standing_in

    settings = settings_for(paths, given)
    with standing_in(paths, given["stdin_filename"]) as stdin:
        found, report = facts_of(paths, settings, progress, stdin)
    if output_format == "json":
        from ..render.derived import as_json

        click.echo(as_json(found, report), nl=False)
    else:
        from ..render.facts import as_text

        click.echo(as_text(found, depth, calls=calls), nl=False)
    tell(report)
    ctx.exit(exit_status(report, settings))

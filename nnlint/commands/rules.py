"""nnlint rules, nnlint rule, nnlint config: what is checked, and by which settings."""

from __future__ import annotations

import sys
from typing import Any

import click

from .. import options
from .terminal import in_colour, width


@click.command()
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--config", metavar="FILE", type=click.Path(), help="Read [tool.nnlint] of this file.")
def rules(output_format: str, config: str | None) -> None:
    """List all rules, those of your own packs too."""
    from ..catalogue import all_rules
    from ..configuration import settings_for
    from ..render.rules import as_json, table
    from ..render.style import Style

    found = all_rules(settings_for((), {"config": config}))
    click.echo(
        as_json(found) if output_format == "json" else table(found, width(), Style(in_colour(sys.stdout))), nl=False
    )


@click.command()
@click.argument("name")
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--config", metavar="FILE", type=click.Path(), help="Read [tool.nnlint] of this file.")
def rule(name: str, output_format: str, config: str | None) -> None:
    """Explain one rule: why, when it is fine, and the code before and after.

    \b
      nnlint rule softmax-before-cross-entropy
    """
    from ..catalogue import one_rule
    from ..configuration import settings_for
    from ..render.rules import as_json, page
    from ..render.style import Style

    found = one_rule(name, settings_for((), {"config": config}))
    click.echo(as_json([found]) if output_format == "json" else page(found, Style(in_colour(sys.stdout))), nl=False)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.choosing
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
def config(paths: tuple[str, ...], output_format: str, **given: Any) -> None:
    """Show the settings that are in force for PATH, and where each was made."""
    from ..configuration import settings_for
    from ..render.settings import as_json, table

    settings = settings_for(paths, given)
    click.echo(as_json(settings) if output_format == "json" else table(settings), nl=False)

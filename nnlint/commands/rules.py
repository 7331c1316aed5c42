"""nnlint rules, nnlint rule, nnlint config: what is checked, and by which settings."""

from __future__ import annotations

import sys
from typing import Any

import click

from .. import options
from .terminal import in_colour, progress, width


@click.command()
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--config", metavar="FILE", type=click.Path(), help="Read [tool.nnlint] of this file.")
@click.option("--test", metavar="PATH", type=click.Path(exists=True), help="Hold the rules of this pack to their laws.")
@click.pass_context
def rules(ctx: click.Context, output_format: str, config: str | None, test: str | None) -> None:
    """List all rules, those of your own packs too.

    With --test, run the pair of programs of each rule in PATH (a pack, or the file of one rule): a rule finds what is
    marked in its `.bad.py` and nothing else, no rule warns in its `.good.py`, and its fix makes the one of the other.
    """
    if test is not None:
        ctx.exit(_tested(test, output_format, config))
    from ..catalogue import all_rules
    from ..configuration import settings_for
    from ..render.rules import as_json, table
    from ..render.style import Style

    found = all_rules(settings_for((), {"config": config}))
    click.echo(
        as_json(found) if output_format == "json" else table(found, width(), Style(in_colour(sys.stdout))), nl=False
    )


def _tested(path: str, output_format: str, config: str | None) -> int:
    """Test a pack and return the exit status: 1 where a rule breaks a law."""
    import json
    from dataclasses import asdict
    from pathlib import Path

    from ..catalogue import all_rules
    from ..configuration import settings_for
    from ..laws import breaches
    from ..settings import ConfigurationError

    settings = settings_for((path,), {"config": config})
    pack = Path(path).resolve()
    known = all_rules(settings)
    if not any(rule.path.resolve().is_relative_to(pack) for rule in known):
        settings = settings.model_copy(update={"rule_paths": (*settings.rule_paths, str(pack))})
        known = all_rules(settings)
    own = [rule for rule in known if rule.path.resolve().is_relative_to(pack)]
    if not own:
        raise ConfigurationError(f"there is no rule in {path}", help="a rule is a file family/rule_name.py of the pack")
    found = []
    for rule in own:
        progress(f"testing {rule.name}")
        broken = list(breaches(rule, known, settings))
        found += broken
        if output_format == "text":
            click.echo(f"{rule.name}: {'ok' if not broken else ''}".rstrip())
            for breach in broken:
                click.echo(f"  {breach.law}: {breach.says}")
    progress("")
    if output_format == "json":
        click.echo(json.dumps({"rules": [r.name for r in own], "breaches": [asdict(b) for b in found]}, indent=2))
    return 1 if found else 0


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
    from ..catalogue import all_rules, check_names
    from ..configuration import settings_for
    from ..render.settings import as_json, table

    settings = settings_for(paths, given)
    check_names(settings, all_rules(settings))
    click.echo(as_json(settings) if output_format == "json" else table(settings), nl=False)

"""nnlint check."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__, options
from .terminal import in_colour, mistake, progress, tell, write

if TYPE_CHECKING:
    from ..baseline import Known
    from ..report import Report
    from ..rule import Rule
    from ..settings import Settings


@click.command(cls=options.Command)
@click.argument("paths", nargs=-1, metavar="PATH...")
@options.choosing
@options.baseline
@options.fixing
@options.output
@options.status
@options.running
@click.pass_context
def check(ctx: click.Context, /, paths: tuple[str, ...], **given: Any) -> None:
    """Check models and training scripts.

    PATH is a file, a folder, a model of a file (`net.py:Net`, `net.py:Net(10, width=64)`) or of a module
    (`package.module:Net`), or `-` for standard input.

    \b
      nnlint train.py                          findings of level warning and error
      nnlint train.py --level advice           advice as well
      nnlint train.py --fix --unsafe-fixes     write the fixes
      nnlint train.py --run --argv "--epochs 1"
      nnlint src --output-format sarif --output-file nnlint.sarif

    Exit status: 0 nothing found or all fixed, 1 findings, 2 something named could not be checked or is misused.
    """
    if not paths:
        click.echo(ctx.get_help())
        return
    from ..catalogue import chosen_rules
    from ..configuration import settings_for
    from ..pipeline import exit_status
    from ..render import Form, render
    from ..settings import ConfigurationError, Settings

    settings, text, rules = Settings(), None, []
    try:
        settings = settings_for(paths, given)
        rules = chosen_rules(settings)
        report, text = _checked(paths, rules, settings, given)
    except ConfigurationError as error:
        report = mistake(error)
    colour = not given["output_file"] and in_colour(sys.stdout)
    form = Form(given["output_format"], colour, given["statistics"], given["verbose"])
    if text is None:
        text = render(report, settings, form, rules=rules, version=__version__)
    write(text, given["output_file"])
    tell(report)
    ctx.exit(exit_status(report, settings, exit_zero=given["exit_zero"]))


def _checked(
    paths: Sequence[str], rules: Sequence[Rule], settings: Settings, given: dict[str, Any]
) -> tuple[Report, str | None]:
    """Return the report, and what to write in its place: a diff, or the fixed text of standard input."""
    from .. import baseline
    from ..pipeline import check_targets
    from ..targets import standing_in

    with standing_in(paths, given["stdin_filename"]) as stdin:
        known, place = _baseline(settings, given)

        def once() -> Report:
            report = check_targets(paths, settings, rules=rules, progress=progress, stdin=stdin)
            return report if place is None or known is None else baseline.without(report, known, place.parent)

        if given["write_baseline"] and place is not None:
            report = once()
            write(baseline.written(report, place.parent), str(place))
            click.echo(f"wrote {len(report.findings)} findings to {place}", err=True)
            return report.model_copy(update={"findings": ()}), ""
        if not (given["fix"] or given["diff"]):
            return once(), None
        from ..fixing import fix
        from ..reporting import Sources

        result = fix(once, settings, unsafe=given["unsafe_fixes"], dry=given["diff"])
        names = Sources({str(stdin.path): stdin.shown} if stdin else {})
        for (name, title), reason in result.left.items():
            click.echo(f"not applied: {name}: {title}: {reason}", err=True)
        if given["diff"]:
            return result.report, result.diff(names.shown)
        if result.mended:
            files = ", ".join(names.shown(path) for path in result.after)
            click.echo(f"fixed {len(result.mended)} finding{'s' * (len(result.mended) > 1)} in {files}", err=True)
        return result.report, stdin.path.read_text("utf-8") if stdin else None


def _baseline(settings: Settings, given: dict[str, Any]) -> tuple[Known | None, Path | None]:
    """Return what the baseline holds, and where it is; nothing is read where it is to be written."""
    from ..baseline import read
    from ..settings import ConfigurationError

    if settings.baseline is None:
        if given["write_baseline"]:
            raise ConfigurationError("--write-baseline needs --baseline FILE, or `baseline` in [tool.nnlint]")
        return None, None
    place = Path(given["baseline"] or Path(settings.root, settings.baseline))
    return None if given["write_baseline"] else read(place), place

"""nnlint advise: check a configuration, and improve it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import options
from .terminal import chart_kind, in_colour, progress, refuse, tell, write, write_bytes

if TYPE_CHECKING:
    from ..improving import Improvement


@click.command(cls=options.Command)
@click.argument("path", metavar="CONFIG", type=click.Path(exists=True, dir_okay=False))
@options.advice
@options.tracking
@options.choosing
@options.interpreter
@click.pass_context
def advise(ctx: click.Context, /, path: str, **given: Any) -> None:
    """Check the configuration of a training, and improve it.

    The findings stand at the keys of CONFIG, with the change that takes each of them away. With --fix every change is
    trained against the original, over paired seeds; those that help, and those that take away an error or a warning
    without hurting, are written to CONFIG (or to --output), whose comments and order stay.

    \b
      nnlint advise digits.yaml
      nnlint advise digits.yaml --level advice --fix --output better.yaml

    Exit status: 0 nothing found, or improved; 1 findings; 2 the configuration is wrong or could not be checked.
    """
    from tempfile import TemporaryDirectory

    from .. import advising
    from ..blueprint import Mistakes, read
    from ..configuration import settings_for
    from ..improving import Improvement, improve
    from ..pipeline import exit_status
    from ..render import Form, render
    from ..render.improvement import as_json, as_text
    from ..render.style import Style
    from ..tracking import check_place

    kind = chart_kind(given["chart"])
    settings = settings_for((path,), given)
    check_place(given["track"])
    done = Improvement()
    with TemporaryDirectory(prefix="nnlint-") as folder:
        try:
            checked = advising.check(read(Path(path)), Path(folder), settings, progress)
        except Mistakes as mistakes:
            refuse(ctx, mistakes.errors)
        if given["output_format"] == "text":
            write(render(checked.report, settings, Form("full", in_colour(sys.stdout))), None)
        if given["fix"]:
            done = improve(
                checked, settings, progress, seeds=given["seeds"], budget=given["budget"], cache=given["cache"]
            )
    if given["output_format"] == "json":
        write(as_json(done, checked.report), None)
    elif given["fix"]:
        write("\n" + as_text(done, Style(in_colour(sys.stdout))), None)
    if kind is not None and done.tried.curves:
        from ..render import charts

        write_bytes(charts.learning_curves(done.tried, kind), given["chart"])
    _track(done, Path(path), given)
    tell(checked.report)
    if done.text is not None:
        write(done.text, given["output"] or path)
        click.echo(f"wrote {given['output'] or path}", err=True)
    ctx.exit(exit_status(checked.report, settings, exit_zero=done.text is not None))


def _track(done: Improvement, path: Path, given: dict[str, Any]) -> None:
    """Track what was measured, where that is asked for."""
    from ..tracking import of_confirmation, track

    if given["track"] and done.tried.verdicts:
        record = of_confirmation(path.stem, done.tried)
        if done.confirmed is not None:
            more = of_confirmation(path.stem, done.confirmed).runs
            record = record.model_copy(update={"runs": (*record.runs, *(run for run in more if run.words))})
        click.echo(f"tracked in {track(record, given['track'], given['track_to'])}", err=True)

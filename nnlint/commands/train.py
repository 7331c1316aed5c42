"""nnlint train: the trainer by itself, from a configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import options
from .terminal import chart_kind, in_colour, progress, refuse, tell, write, write_bytes

if TYPE_CHECKING:
    from ..blueprint import Written
    from ..report import Report
    from ..settings import Settings


@click.command(cls=options.Command)
@click.argument("path", metavar="CONFIG", type=click.Path(exists=True, dir_okay=False))
@options.training
@options.tracking
@options.choosing
@options.interpreter
@click.pass_context
def train(ctx: click.Context, /, path: str, **given: Any) -> None:
    """Train what a configuration describes, over several seeds.

    CONFIG is a YAML file: data, model, loss, optimizer and the rest of a training. It is checked first, and what is
    found is shown. Then it is trained once for each seed; the table gives the score on rows that nothing has seen.

    \b
      nnlint train digits.yaml
      nnlint train digits.yaml --seeds 10 --chart curves.svg
      nnlint train digits.yaml --write-script digits.py     take the PyTorch script along
    """
    from tempfile import TemporaryDirectory

    from .. import advising
    from ..blueprint import Mistakes, read
    from ..configuration import settings_for
    from ..render.style import Style
    from ..render.training import as_json, as_text
    from ..tracking import check_place, of_training, track
    from ..training import train

    kind = chart_kind(given["chart"])
    settings = settings_for((path,), given)
    check_place(given["track"])
    with TemporaryDirectory(prefix="nnlint-") as folder:
        try:
            written = read(Path(path))
            if given["write_script"]:
                _take_along(written, given["write_script"])
                return
            checked = advising.check(written, Path(folder), settings, progress)
        except Mistakes as mistakes:
            refuse(ctx, mistakes.errors)
        if given["output_format"] == "text":
            show(checked.report, settings)
        data, first = written.blueprint.data, given["first_seed"]
        result = train(
            written.path.stem, checked.script.source.name, checked.place, advising.python_for(written, settings),
            range(first, first + (given["seeds"] or written.blueprint.seeds)),
            metric="accuracy" if checked.script.source.classes else "error", workers=given["workers"],
            progress=progress, test=data.test, fit=1 - data.test - data.validation,
        )  # fmt: skip
    text = as_json(result, checked.report) if given["output_format"] == "json" else None
    write(text or as_text(result, Style(in_colour(sys.stdout))), None)
    if kind is not None and any(run.losses for run in result.runs):
        from ..render import charts

        write_bytes(charts.training_curves(result, kind), given["chart"])
    if given["track"]:
        record = of_training(result, written.blueprint.model_dump(mode="json"))
        click.echo(f"tracked in {track(record, given['track'], given['track_to'])}", err=True)
    tell(checked.report)
    ctx.exit(130 if result.interrupted else 0 if result.mean is not None else 2)


def show(report: Report, settings: Settings) -> None:
    """Write the findings, and a line between them and what follows."""
    from ..render import Form, render

    if report.shown(settings.level):
        write(render(report, settings, Form("full", in_colour(sys.stdout))) + "\n", None)


def _take_along(written: Written, path: str) -> None:
    from ..blueprint import script_of

    write(script_of(written, Path(path)).text, path)
    click.echo(f"wrote {path}", err=True)

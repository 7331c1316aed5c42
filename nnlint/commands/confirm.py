"""nnlint confirm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import options
from .terminal import chart_kind, in_colour, progress, tell, write_bytes

if TYPE_CHECKING:
    from ..trainer import Confirmation


@click.command(cls=options.Command)
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@options.study
@options.tracking
@options.choosing
@options.running
@click.pass_context
def confirm(
    ctx: click.Context,
    /,
    path: str,
    against: str | None,
    seeds: int,
    budget: float,
    cache: bool,
    chart: str | None,
    all_together: bool,
    experiments: bool,
    workers: int,
    backend: Any,
    address: str | None,
    **given: Any,
) -> None:
    """Train a script with and without each fix, and say what the fix is worth.

    Both programs train on the script's own data over paired seeds: the same split, batches and initial weights. The
    verdict is helps, hurts, no difference or undecided, and speaks of these data alone.

    \b
      nnlint confirm train.py
      nnlint confirm train.py --select missing-zero-grad --budget 60
      nnlint confirm train.py --against changed.py
    """
    from .. import confirming
    from ..configuration import settings_for
    from ..pipeline import check_targets, exit_status
    from ..render.style import Style
    from ..render.verdicts import as_json, as_text
    from ..tracking import check_place
    from ..trainer import Confirmation

    chart_kind(chart)
    check_place(given["track"])
    settings = settings_for((path,), given).model_copy(update={"run": not given["static"]})
    report = check_targets((path,), settings, progress=progress)
    place = confirming.Where(workers, backend, address)
    terms = confirming.Terms(seeds, budget, cache, all_together, experiments, place)
    if against is not None:
        result = confirming.compare(Path(path), Path(against), report, settings, progress, terms)
    elif confirming.changed(report, settings) or (experiments and report.experiments):
        report, result = confirming.confirm(Path(path), report, settings, progress, terms)
    else:
        result = Confirmation(
            verdicts=(), notes=("nothing to confirm: no finding shown has a fix that can be applied",)
        )
    if given["output_format"] == "json":
        text = as_json(result, report)
    elif not result.verdicts:
        text = result.notes[0] + "\n"
    else:
        text = as_text(result, confirming.changed(report, settings), Style(in_colour(sys.stdout)))
    click.echo(text, nl=False)
    _draw_and_track(result, Path(path).stem, chart, given)
    tell(report)
    unjudged = bool(result.verdicts) and all(verdict.word == "not confirmed" for verdict in result.verdicts)
    ctx.exit(2 if unjudged else exit_status(report, settings, exit_zero=True))


def _draw_and_track(result: Confirmation, name: str, chart: str | None, given: dict[str, Any]) -> None:
    """Write the learning curves, and what was measured to where it is tracked."""
    kind = chart_kind(chart)
    if chart is not None and kind is not None and result.curves:
        from ..render import charts

        write_bytes(charts.learning_curves(result, kind), chart)
    if given["track"] and result.verdicts:
        from ..tracking import of_confirmation, track

        record = of_confirmation(name, result)
        click.echo(f"tracked in {track(record, given['track'], given['track_to'])}", err=True)

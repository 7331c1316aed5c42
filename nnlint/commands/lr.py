"""nnlint lr: the range test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import options
from .terminal import chart_kind, progress, tell, write_bytes


@click.command(cls=options.Command)
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--chart", metavar="FILE", help="Draw the curves into this file (.png or .svg).")
@click.option("--seeds", type=click.IntRange(1, 16), default=5, show_default=True, help="Number of range tests.")
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@options.running
@click.pass_context
def lr(ctx: click.Context, /, path: str, chart: str | None, seeds: int, output_format: str, **given: Any) -> None:
    """Suggest a learning rate for a script, by the range test.

    The script's model is trained on its own data while the rate rises from 1e-6 to 10, once for each seed. The
    suggestion is a quarter of the rate at which the smoothed loss is lowest.

    \b
      nnlint lr train.py
      nnlint lr train.py --chart rates.svg
    """
    from ..configuration import settings_for
    from ..confirming import learning_rate
    from ..pipeline import check_targets
    from ..render.rates import as_text

    kind = chart_kind(chart)
    settings = settings_for((path,), given)
    report = check_targets((path,), settings.model_copy(update={"static": True}), progress=progress)
    if any(trouble.fatal and trouble.kind == "source" for trouble in report.errors):
        tell(report)
        ctx.exit(2)
    found = learning_rate(Path(path), report, settings, progress, seeds)
    click.echo(as_text(found, path) if output_format == "text" else found.model_dump_json(indent=2) + "\n", nl=False)
    if chart is not None and kind is not None and found.sweeps:
        from ..render import charts

        write_bytes(charts.range_test(found, kind), chart)
    tell(report)
    ctx.exit(0 if found.sweeps else 2)

"""nnlint graph: a picture of a model, with its findings marked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import options
from .terminal import progress, tell, write

if TYPE_CHECKING:
    from ..drawing import Mark
    from ..facts import Facts, Model
    from ..report import Report

FORMS = {"mermaid": ".mmd", "dot": ".dot", "svg": ".svg", "json": ".json"}


def _file(ctx: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Refuse a file that cannot be written, or whose suffix says nothing, before anything is run."""
    if path is None:
        return None
    place = Path(path)
    if place.suffix.lower() not in FORMS.values() and not ctx.params.get("output_format"):
        raise click.BadParameter(f"{path!r} ends in none of {', '.join(FORMS.values())}")
    if not place.parent.is_dir():
        raise click.BadParameter(f"{path!r}: no such folder")
    return path


@click.command(cls=options.Command)
@click.argument("path", metavar="PATH")
@click.option(
    "--output-file",
    "-o",
    cls=options.Option,
    section="Output",
    metavar="FILE",
    callback=_file,
    type=click.Path(dir_okay=False),
    help="Draw into this file: .svg, .mmd (Mermaid), .dot (Graphviz) or .json, by its suffix.",
)
@click.option(
    "--output-format",
    cls=options.Option,
    section="Output",
    type=click.Choice(tuple(FORMS)),
    is_eager=True,
    help="What is written, whatever the suffix.  [default: mermaid on standard output]",
)
@click.option(
    "--depth",
    cls=options.Option,
    section="Output",
    type=click.IntRange(min=1),
    metavar="LEVELS",
    help="Levels of modules to open; as many as stay readable without it.",
)
@click.option(
    "--level",
    cls=options.Option,
    section="Output",
    type=click.Choice(("advice", "warning", "error")),
    help="The weakest findings to mark.  [default: warning]",
)
@options.choosing
@options.running
@click.pass_context  # fmt: skip
def graph(
    ctx: click.Context,
    /,
    path: str,
    output_file: str | None,
    output_format: str | None,
    depth: int | None,
    **given: Any,
) -> None:
    """Draw the graph of one model: a box for each layer or module, shapes on the arrows, findings marked.

    Blocks that repeat are drawn once, norms and activations stand in the box of the layer before them, an arrow that
    passes layers by is a shortcut. PATH names one model: a file with one, or `net.py:Net(10)`.

    \b
      nnlint graph train.py -o model.svg
      nnlint graph "net.py:Net(10)" --input 2x1x28x28 --depth 2 -o model.svg
      nnlint graph train.py                    Mermaid, as GitHub shows it in Markdown
    """
    from ..configuration import settings_for
    from ..drawing import draw
    from ..pipeline import checked_facts
    from ..targets import standing_in

    settings = settings_for((path,), given)
    with standing_in((path,), given["stdin_filename"]) as stdin:
        found, report = checked_facts((path,), settings, progress, stdin)
    tell(report)
    drawn = [(facts.model, facts, said) for facts, said in found if facts.model is not None and _traced(facts.model)]
    if len(drawn) != 1:
        _refuse(ctx, found, len(drawn), fatal=any(trouble.fatal for trouble in report.errors))
    model, facts, said = drawn[0]
    suffix = FORMS[output_format] if output_format else Path(output_file or "model.mmd").suffix.lower()
    marks = _marks(said, settings.level)
    write(draw(model, model.graph, suffix, marks, depth, _title(facts)), output_file)
    if output_file and sys.stderr.isatty():
        click.echo(f"wrote {output_file}", err=True)


def _traced(model: Model) -> bool:
    from ..facts import Unknown

    try:
        return bool(model.graph.nodes)
    except Unknown:
        return False


def _refuse(ctx: click.Context, found: list[tuple[Facts, Report]], number: int, *, fatal: bool) -> None:
    """End with one line that says why there is no picture."""
    if number:
        names = ", ".join(facts.subject.target for facts, _ in found)
        raise click.UsageError(f"{number} models found, name the one to draw: {names}")
    for facts, _ in found:
        why = facts.subject.reason or "the forward pass was not traced"
        raise click.ClickException(f"{facts.subject.target} cannot be drawn: {why}")
    if not fatal:
        raise click.ClickException("no model found")
    ctx.exit(2)


def _title(facts: Facts) -> str:
    subject = facts.subject
    return f"{subject.target} · {subject.parameters:,} parameters"


def _marks(report: Report, level: Any) -> list[Mark]:
    """Return the findings that are shown, with the call or the module at which they stand."""
    from ..drawing import Mark
    from ..facts import Node

    marks = []
    for finding in report.shown(level):
        at = finding.origin.at if finding.origin is not None else None
        node = at.id if isinstance(at, Node) else None
        module = finding.module if finding.module else None
        marks.append(Mark(finding.rule, finding.level, finding.message, node, module))
    return marks

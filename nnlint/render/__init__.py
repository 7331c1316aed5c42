"""The report in the forms in which it can leave nnlint. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ..report import Report
from ..rule import Rule
from ..settings import Settings
from .style import Style

Format = Literal["full", "concise", "json", "github", "sarif", "markdown", "html"]
FORMATS: tuple[str, ...] = get_args(Format)


@dataclass(frozen=True)
class Form:
    """How a report is to be written."""

    format: Format = "full"
    colour: bool = False
    statistics: bool = False
    verbose: bool = False


def render(report: Report, settings: Settings, form: Form, *, rules: Iterable[Rule] = (), version: str = "") -> str:
    """Return the report as text in the wanted form. `rules` describe the findings in SARIF."""
    style = Style(form.colour)
    if form.format in ("full", "concise") and form.statistics:
        from .text import statistics

        return statistics(report, settings)
    if form.format in ("full", "concise"):
        from . import text

        write = text.full if form.format == "full" else text.concise
        return write(report, settings, style, verbose=form.verbose)
    if form.format == "json":
        from . import json

        return json.render(report)
    if form.format == "github":
        from . import github

        return github.render(report, settings)
    if form.format == "sarif":
        from . import sarif

        return sarif.render(report, rules, version)
    if form.format == "markdown":
        from . import markdown

        return markdown.render(report, settings)
    from . import html

    return html.page(report, settings)


def error_lines(report: Report, *, colour: bool = False) -> list[str]:
    """Return the errors of a report, one line each (and one for what to do)."""
    from .summary import trouble_lines

    return trouble_lines(report.errors, Style(colour))

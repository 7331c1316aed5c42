"""The options of the command line, in the sections in which the help shows them. Imports click alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

FORMATS = ("full", "concise", "json", "github", "sarif", "markdown", "html")
_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option that knows its section of the help."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class Command(click.Command):
    """A command whose help lists the options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list for each section, in the order in which they were declared."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Group(click.Group):
    """`nnlint train.py` is `nnlint check train.py`; the first word that is no option decides."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command's name in front; `check` where the first word is no command."""
        at = _first_word(args, self.commands["check"])
        if at is not None and args[at] in self.commands:
            args = [args[at], *args[:at], *args[at + 1 :]]
        elif args and args[0] not in ("--help", "-h", "--version"):
            args = ["check", *args]
        return super().parse_args(ctx, args)


def _first_word(args: Sequence[str], command: click.Command) -> int | None:
    """Return where the first word stands that is neither an option nor an option's value."""
    takes_value = {name for p in command.params if isinstance(p, click.Option) and not p.is_flag for name in p.opts}
    skip = False
    for i, word in enumerate(args):
        if skip:
            skip = False
        elif word == "--":
            return None
        elif word.startswith("-") and word != "-":
            skip = word in takes_value
        else:
            return i
    return None


def _join(*decorators: _Decorator) -> _Decorator:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _option(section: str, *names: str, **settings: Any) -> _Decorator:
    return click.option(*names, cls=Option, section=section, **settings)


def _words(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Split `a,b` and join what was given in several options."""
    return tuple(word.strip() for text in value for word in text.split(",") if word.strip())


choosing = _join(
    _option("Rules", "--select", multiple=True, metavar="RULES", callback=_words,
            help="Rules to check: names, families, levels or ALL, separated by commas."),
    _option("Rules", "--ignore", multiple=True, metavar="RULES", callback=_words, help="Rules to leave out."),
    _option("Rules", "--exclude", multiple=True, metavar="PATTERN",
            help="Files and folders to pass over when a folder is searched, as in .gitignore."),
    _option("Rules", "--config", "config", metavar="FILE", type=click.Path(),
            help="Read [tool.nnlint] of this file instead of the nearest pyproject.toml."),
)  # fmt: skip

baseline = _join(
    _option("Rules", "--baseline", metavar="FILE", type=click.Path(dir_okay=False),
            help="Pass over the findings that stand in this file."),
    _option("Rules", "--write-baseline", is_flag=True, help="Write the findings of today to --baseline."),
)  # fmt: skip

fixing = _join(
    _option("Fixing", "--fix", is_flag=True, help="Write the safe fixes of the findings shown."),
    _option("Fixing", "--unsafe-fixes", is_flag=True,
            help="Take in fixes that change what the model computes or how it trains."),
    _option("Fixing", "--diff", is_flag=True, help="Show what the fixes would change, write nothing."),
)  # fmt: skip

output = _join(
    _option("Output", "--output-format", type=click.Choice(FORMATS), default="full", show_default=True,
            help="How findings are written."),
    _option("Output", "--output-file", "-o", metavar="FILE", type=click.Path(dir_okay=False),
            help="Write them to a file."),
    _option("Output", "--level", type=click.Choice(("advice", "warning", "error")),
            help="The weakest findings to show.  [default: warning]"),
    _option("Output", "--statistics", is_flag=True, help="Count the findings of each rule instead of showing them."),
    _option("Output", "--verbose", "-v", is_flag=True,
            help="Tell of every subject, of rules not checked and of findings suppressed."),
)  # fmt: skip

status = _join(
    _option("Exit status", "--fail-level", type=click.Choice(("warning", "error")),
            help="The weakest findings that make the exit status 1.  [default: warning]"),
    _option("Exit status", "--exit-zero", is_flag=True, help="Exit with 0 even where there are findings."),
    _option("Exit status", "--strict", is_flag=True, default=None,
            help="Exit with 2 where a model could only be checked in part."),
    _option("Exit status", "--allow-empty", is_flag=True, default=None,
            help="Pass over named files that hold no model (for pre-commit)."),
)  # fmt: skip

running = _join(
    _option("Running your code", "--input", "inputs", multiple=True, metavar="SHAPE",
            help="Shape of the model's input, such as 2x1x28x28, 8x16:int64[0,100); once for each input."),
    _option("Running your code", "--run", is_flag=True, default=None,
            help='Run also what stands under `if __name__ == "__main__"`.'),
    _option("Running your code", "--static", is_flag=True, default=None, help="Run nothing, read the source alone."),
    _option("Running your code", "--argv", metavar="ARGUMENTS", help="Command line for the script, as one string."),
    _option("Running your code", "--steps", type=click.IntRange(min=1),
            help="Optimizer steps after which a training script is stopped.  [default: 3]"),
    _option("Running your code", "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
            help="Time limit for the code of one file.  [default: 60]"),
    _option("Running your code", "--allow-network", is_flag=True, default=None, help="Let your code use the network."),
    _option("Running your code", "--python", metavar="PATH",
            help="Python (or virtual environment) that runs your code; the project's own by default."),
    _option("Running your code", "--stdin-filename", metavar="PATH",
            help="Name for what is read from standard input (`nnlint -`)."),
)  # fmt: skip

study = _join(
    _option("Study", "--against", metavar="FILE", type=click.Path(exists=True, dir_okay=False),
            help="Compare with this script instead of with the fixes of PATH."),
    _option("Study", "--all-together", is_flag=True, help="Train also with all fixes, and with each of them left out."),
    _option("Study", "--experiments", is_flag=True, help="Try the proposals as well; show those that help."),
    _option("Study", "--seeds", type=click.IntRange(3, 16), default=16, show_default=True, help="Most pairs of runs."),
    _option("Study", "--budget", type=click.FloatRange(min=1), metavar="SECONDS", default=300.0, show_default=True,
            help="Time for all runs together."),
    _option("Study", "--cache/--no-cache", default=True,
            help="Keep results in .nnlint_cache, so that no run is made twice.  [default: cache]"),
    _option("Study", "--workers", type=click.IntRange(1, 256), default=2, show_default=True, help="Runs at a time."),
    _option("Study", "--backend", type=click.Choice(("processes", "loky", "dask", "ray")), default="processes",
            show_default=True, help="Where runs are made: on this machine, or on a cluster."),
    _option("Study", "--address", metavar="ADDRESS", help="Of the cluster; one on this machine without it."),
    _option("Output", "--chart", metavar="FILE", help="Draw the learning curves into this file (.png or .svg)."),
    _option("Output", "--output-format", type=click.Choice(("text", "json")), default="text", show_default=True,
            help="How verdicts are written; JSON is the report with evidence in its findings."),
    _option("Output", "--level", type=click.Choice(("advice", "warning", "error")),
            help="The weakest findings to confirm.  [default: warning]"),
)  # fmt: skip

training = _join(
    _option("Training", "--seeds", type=click.IntRange(1, 1000), help="Runs; as the configuration has it by default."),
    _option("Training", "--first-seed", type=click.IntRange(min=0), default=0, show_default=True,
            help="Seed of the first run; the others count on from it."),
    _option("Training", "--workers", type=click.IntRange(1, 64), default=2, show_default=True,
            help="Runs at a time."),
    _option("Training", "--write-script", metavar="FILE",
            help="Write the PyTorch script of the configuration, and train nothing."),
    _option("Output", "--chart", metavar="FILE", help="Draw the curves of every seed into this file (.png or .svg)."),
    _option("Output", "--output-format", type=click.Choice(("text", "json")), default="text", show_default=True,
            help="How the result is written; JSON is the report of the check with the runs as `training`."),
    _option("Output", "--level", type=click.Choice(("advice", "warning", "error")),
            help="The weakest findings to show.  [default: warning]"),
)  # fmt: skip

tracking = _join(
    _option("Output", "--track", type=click.Choice(("tensorboard", "wandb", "mlflow", "csv")),
            help="Write runs, curves and verdicts there as well; wandb offline, mlflow into an SQLite file."),
    _option("Output", "--track-to", metavar="PATH",
            help="Folder (of mlflow, file) to track to.  [default: runs, wandb, mlflow.db]"),
)  # fmt: skip

advice = _join(
    _option("Fixing", "--fix", is_flag=True, help="Train with and without each change, and write the best found."),
    _option("Fixing", "-o", "--output", metavar="FILE", help="Write the improved configuration here, not to CONFIG."),
    _option("Study", "--seeds", type=click.IntRange(3, 16), default=16, show_default=True, help="Most pairs of runs."),
    _option("Study", "--budget", type=click.FloatRange(min=1), metavar="SECONDS", default=300.0, show_default=True,
            help="Time for all runs together."),
    _option("Study", "--cache/--no-cache", default=True,
            help="Keep results in .nnlint_cache, so that no run is made twice.  [default: cache]"),
    _option("Output", "--chart", metavar="FILE", help="Draw the learning curves into this file (.png or .svg)."),
    _option("Output", "--output-format", type=click.Choice(("text", "json")), default="text", show_default=True,
            help="How findings and verdicts are written."),
    _option("Output", "--level", type=click.Choice(("advice", "warning", "error")),
            help="The weakest findings to show, and to try with --fix.  [default: warning]"),
)  # fmt: skip

interpreter = _join(
    _option("Running your code", "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
            help="Time limit for the check.  [default: 60]"),
    _option("Running your code", "--python", metavar="PATH",
            help="Python (or virtual environment) that trains; the project's own by default."),
)  # fmt: skip

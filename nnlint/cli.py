"""The command line. Imports click alone: everything else is imported by the command that needs it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__, options

if TYPE_CHECKING:
    from .report import Report
    from .rule import Rule
    from .settings import ConfigurationError, Settings


@click.group(
    cls=options.Group,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`nnlint PATH...` is `nnlint check PATH...`; `nnlint check --help` lists its options.",
)
@click.version_option(__version__, prog_name="nnlint")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find, explain and fix what is wrong with a PyTorch model and the way it is trained.

    \b
      nnlint train.py                          check a training script
      nnlint train.py --diff --unsafe-fixes    show what the fixes would change
      nnlint src models/net.py:Net             check a folder, and one model of a file
      nnlint "net.py:Net(10)" --input 2x1x28x28
      nnlint rule softmax-before-cross-entropy
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command(cls=options.Command)
@click.argument("paths", nargs=-1, metavar="PATH...")
@options.choosing
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
    from .catalogue import chosen_rules
    from .configuration import settings_for
    from .pipeline import exit_status
    from .render import Form, render
    from .settings import ConfigurationError, Settings

    settings, text, rules = Settings(), None, []
    try:
        settings = settings_for(paths, given)
        rules = chosen_rules(settings)
        report, text = _checked(paths, rules, settings, given)
    except ConfigurationError as error:
        report = _mistake(error)
    colour = not given["output_file"] and _colour(sys.stdout)
    form = Form(given["output_format"], colour, given["statistics"], given["verbose"])
    if text is None:
        text = render(report, settings, form, rules=rules, version=__version__)
    _write(text, given["output_file"])
    _tell(report)
    ctx.exit(exit_status(report, settings, exit_zero=given["exit_zero"]))


@cli.command()
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--config", metavar="FILE", type=click.Path(), help="Read [tool.nnlint] of this file.")
def rules(output_format: str, config: str | None) -> None:
    """List all rules, those of your own packs too."""
    from .catalogue import all_rules
    from .configuration import settings_for
    from .render.rules import as_json, table
    from .render.style import Style

    found = all_rules(settings_for((), {"config": config}))
    click.echo(
        as_json(found) if output_format == "json" else table(found, _width(), Style(_colour(sys.stdout))), nl=False
    )


@cli.command()
@click.argument("name")
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--config", metavar="FILE", type=click.Path(), help="Read [tool.nnlint] of this file.")
def rule(name: str, output_format: str, config: str | None) -> None:
    """Explain one rule: why, when it is fine, and the code before and after.

    \b
      nnlint rule softmax-before-cross-entropy
    """
    from .catalogue import one_rule
    from .configuration import settings_for
    from .render.rules import as_json, page
    from .render.style import Style

    found = one_rule(name, settings_for((), {"config": config}))
    click.echo(as_json([found]) if output_format == "json" else page(found, Style(_colour(sys.stdout))), nl=False)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.choosing
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
def config(paths: tuple[str, ...], output_format: str, **given: Any) -> None:
    """Show the settings that are in force for PATH, and where each was made."""
    from .configuration import settings_for
    from .render.settings import as_json, table

    settings = settings_for(paths, given)
    click.echo(as_json(settings) if output_format == "json" else table(settings), nl=False)


@cli.command(cls=options.Command)
@click.argument("paths", nargs=-1, metavar="PATH...", required=True)
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@options.running
@click.pass_context
def facts(ctx: click.Context, /, paths: tuple[str, ...], output_format: str, **given: Any) -> None:
    """Show what is known of each model: its layers with shapes, its recipe, its data.

    \b
      nnlint facts train.py
      nnlint facts "net.py:Net(10)" --input 2x1x28x28 --output-format json
    """
    from .configuration import settings_for
    from .pipeline import exit_status, facts_of
    from .render.facts import as_json, as_text
    from .targets import standing_in

    settings = settings_for(paths, given)
    with standing_in(paths, given["stdin_filename"]) as stdin:
        found, report = facts_of(paths, settings, _progress, stdin)
    click.echo(as_json(found) if output_format == "json" else as_text(found), nl=False)
    _tell(report)
    ctx.exit(exit_status(report, settings))


@cli.command(cls=options.Command)
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@options.study
@options.choosing
@options.running
@click.pass_context
def confirm(ctx: click.Context, /, path: str, against: str | None, seeds: int, budget: float, **given: Any) -> None:
    """Train a script with and without each fix, and say what the fix is worth.

    Both programs train on the script's own data over paired seeds: the same split, batches and initial weights. The
    verdict is helps, hurts, no difference or undecided, and speaks of these data alone.

    \b
      nnlint confirm train.py
      nnlint confirm train.py --select missing-zero-grad --budget 60
      nnlint confirm train.py --against changed.py
    """
    from . import confirming
    from .configuration import settings_for
    from .pipeline import check_targets, exit_status
    from .render.style import Style
    from .render.verdicts import as_json, as_text
    from .trainer import Confirmation

    settings = settings_for((path,), given).model_copy(update={"run": not given["static"]})
    report = check_targets((path,), settings, progress=_progress)
    if against is not None:
        result = confirming.compare(Path(path), Path(against), report, settings, _progress, seeds=seeds, budget=budget)
    elif confirming.changed(report, settings):
        report, result = confirming.confirm(Path(path), report, settings, _progress, seeds=seeds, budget=budget)
    else:
        result = Confirmation(
            verdicts=(), notes=("nothing to confirm: no finding shown has a fix that can be applied",)
        )
    if given["output_format"] == "json":
        text = as_json(result, report)
    elif not result.verdicts:
        text = result.notes[0] + "\n"
    else:
        text = as_text(result, confirming.changed(report, settings), Style(_colour(sys.stdout)))
    click.echo(text, nl=False)
    _tell(report)
    unjudged = bool(result.verdicts) and all(verdict.word == "not confirmed" for verdict in result.verdicts)
    ctx.exit(2 if unjudged else exit_status(report, settings, exit_zero=True))


def main() -> None:
    """Run the command line; nothing of nnlint's own ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.exit(cli.main(prog_name="nnlint", standalone_mode=False))  # what `ctx.exit` was given
    except click.Abort:
        _error("interrupted")
        os._exit(130)  # threads that wait for a worker would keep the process
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        _fail(error)


def _fail(error: Exception) -> None:
    """Say what ended nnlint: a mistake in the configuration, else a mistake of nnlint's own."""
    from .settings import ConfigurationError

    if isinstance(error, ConfigurationError):
        _tell(_mistake(error))
    else:
        if {"--verbose", "-v"} & set(sys.argv):
            import traceback

            traceback.print_exc()
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace is not None else ""
        _error(f"nnlint itself failed: {type(error).__name__}: {error}{place}")
        click.echo("  help: please report this line with the code that was checked (--verbose shows more)", err=True)
    sys.exit(2)


def _checked(
    paths: Sequence[str], rules: Sequence[Rule], settings: Settings, given: dict[str, Any]
) -> tuple[Report, str | None]:
    """Return the report, and what to write in its place: a diff, or the fixed text of standard input."""
    from .pipeline import check_targets
    from .targets import standing_in

    with standing_in(paths, given["stdin_filename"]) as stdin:

        def once() -> Report:
            return check_targets(paths, settings, rules=rules, progress=_progress, stdin=stdin)

        if not (given["fix"] or given["diff"]):
            return once(), None
        from .fixing import fix
        from .reporting import Sources

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


def _mistake(error: ConfigurationError) -> Report:
    from .report import Report, Trouble

    trouble = Trouble(kind="configuration", path=error.path, line=error.line, message=error.message, help=error.help)
    return Report(errors=(trouble,))


def _write(text: str, path: str | None) -> None:
    if path is None:
        if text.strip():
            click.echo(text, nl=False, color=True)  # whether to colour was decided before
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.FileError(path, error.strerror or str(error)) from error


def _tell(report: Report) -> None:
    """Write the errors to standard error."""
    from .render import error_lines

    for line in error_lines(report, colour=_colour(sys.stderr)):
        click.echo(line, err=True, color=True)


def _error(message: str) -> None:
    click.echo(f"error: {message}", err=True)


def _progress(what: str) -> None:
    """Show on a terminal what is being inspected, on a line that the next one takes."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{what[: _width() - 1]}\r", nl=False, err=True)


def _colour(stream: Any) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def _width() -> int:
    import shutil

    return shutil.get_terminal_size((100, 24)).columns

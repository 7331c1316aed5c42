"""The command line. Imports click alone: everything else is imported by the command that needs it."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__, options

if TYPE_CHECKING:
    from .report import Report
    from .rule import Rule
    from .settings import ConfigurationError, Settings
    from .targets import Stdin


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


@click.group(
    cls=Group,
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
    from .pipeline import exit_status
    from .render import Form, render
    from .settings import ConfigurationError, Settings

    settings, text, rules = Settings(), None, []
    try:
        settings = _settings(paths, given)
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
    from .render.rules import as_json, table
    from .render.style import Style

    found = all_rules(_settings((), {"config": config}))
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
    from .render.rules import as_json, page
    from .render.style import Style

    found = one_rule(name, _settings((), {"config": config}))
    click.echo(as_json([found]) if output_format == "json" else page(found, Style(_colour(sys.stdout))), nl=False)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.choosing
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
def config(paths: tuple[str, ...], output_format: str, **given: Any) -> None:
    """Show the settings that are in force for PATH, and where each was made."""
    from .render.settings import as_json, table

    settings = _settings(paths, given)
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
    from .pipeline import exit_status, facts_of
    from .render.facts import as_json, as_text

    settings = _settings(paths, given)
    with _stdin(paths, given) as stdin:
        found, report = facts_of(paths, settings, _progress, stdin)
    click.echo(as_json(found) if output_format == "json" else as_text(found), nl=False)
    _tell(report)
    ctx.exit(exit_status(report, settings))


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

    with _stdin(paths, given) as stdin:

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


@contextlib.contextmanager
def _stdin(paths: Sequence[str], given: dict[str, Any]) -> Iterator[Stdin | None]:
    """Put standard input into a file for the time of the run, where a path is `-`."""
    if "-" not in paths:
        yield None
        return
    from .targets import Stdin

    name = given.get("stdin_filename") or "<stdin>.py"
    with tempfile.TemporaryDirectory(prefix="nnlint-") as folder:
        path = Path(folder).resolve() / Path(name).name.replace("<", "_").replace(">", "_")
        path.write_bytes(sys.stdin.buffer.read())
        yield Stdin(path, name)


def _settings(paths: Sequence[str], given: dict[str, Any]) -> Settings:
    """Return the configuration that belongs to the first path, the options on top."""
    from .configuration import load, with_options

    first = next((Path(word.partition(".py:")[0]) for word in paths if word != "-"), Path())
    start = first.absolute() if first.is_dir() else first.absolute().parent
    settings = load(start if start.is_dir() else Path.cwd(), Path(given["config"]) if given.get("config") else None)
    if given.get("argv") is not None:
        try:
            given = {**given, "argv": tuple(shlex.split(given["argv"]))}
        except ValueError as error:
            raise click.BadParameter(f"{error}", param_hint="--argv") from error
    return with_options(settings, given)


def _mistake(error: ConfigurationError) -> Report:
    from .report import Report, Trouble

    trouble = Trouble(kind="configuration", path=error.path, line=error.line, message=error.message, help=error.help)
    return Report(errors=(trouble,))


def _write(text: str, path: str | None) -> None:
    if path is None:
        if text.strip():
            click.echo(text, nl=False)
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.FileError(path, error.strerror or str(error)) from error


def _tell(report: Report) -> None:
    """Write the errors to standard error."""
    from .render import error_lines

    for line in error_lines(report, colour=_colour(sys.stderr)):
        click.echo(line, err=True)


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

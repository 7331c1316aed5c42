"""The command line. Imports click alone: everything else is imported by the command that needs it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import click

from . import __version__, options
from .commands.advise import advise
from .commands.check import check
from .commands.clean import clean
from .commands.confirm import confirm
from .commands.facts import facts
from .commands.graph import graph
from .commands.lr import lr
from .commands.rules import config, rule, rules
from .commands.terminal import error as say_error
from .commands.terminal import mistake, tell
from .commands.train import train


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


for command in (check, rules, rule, config, facts, graph, confirm, lr, train, advise, clean):
    cli.add_command(command)


def main() -> None:
    """Run the command line; nothing of nnlint's own ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.exit(cli.main(prog_name="nnlint", standalone_mode=False))  # what `ctx.exit` was given
    except click.Abort:
        say_error("interrupted")
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
        tell(mistake(error))
    else:
        if {"--verbose", "-v"} & set(sys.argv):
            import traceback

            traceback.print_exc()
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace is not None else ""
        say_error(f"nnlint itself failed: {type(error).__name__}: {error}{place}")
        click.echo("  help: please report this line with the code that was checked (--verbose shows more)", err=True)
    sys.exit(2)

"""Put what nnlint really says into the README.

    python docs/readme.py            write it
    python docs/readme.py --check    say whether it is current (exit status 1 where it is not)

A block of the README under `<!-- $ COMMAND -->` is that command's output. Under `<!-- measured $ COMMAND -->` stands
what was measured by training: it is written anew and not compared, because its figures depend on the machine.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(
    r"<!-- (?P<measured>measured )?\$ (?P<command>[^\n]+) -->\n+```(?P<kind>\w*)\n(?P<said>.*?)```\n", re.S
)


def current(text: str, *, measure: bool) -> str:
    """Return `text` with every block as its command says it now, measured ones only if `measure`."""

    def block(match: re.Match[str]) -> str:
        if match["measured"] and not measure:
            return match[0]
        head, _, _ = match[0].partition("```")
        return f"{head}```{match['kind']}\n$ {match['command']}\n{said(match['command'])}\n```\n"

    return BLOCK.sub(block, text)


def said(command: str) -> str:
    """Run a command from the root of the repository, as a user with 100 columns and no colours sees it."""
    name, *arguments = shlex.split(command)
    if name != "nnlint":
        sys.exit(f"README: {command!r} is not a command of nnlint")
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "nnlint", *arguments]
    if arguments[0] == "confirm":
        words.append("--no-cache")  # the README tells what it costs to measure, not to look up
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    if done.returncode not in (0, 1):
        sys.exit(f"{command} failed:\n{done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def main() -> int:
    """Write the README, or compare it."""
    text = README.read_text("utf-8")
    check = "--check" in sys.argv
    new = current(text, measure=not check)
    if not check:
        README.write_text(new, "utf-8")
        return 0
    changes = difflib.unified_diff(text.splitlines(), new.splitlines(), "README.md", "what nnlint says", lineterm="")
    print("\n".join(changes) or "README.md is current")
    return int(new != text)


if __name__ == "__main__":
    sys.exit(main())

"""Which Python runs the user's code: the first one that has torch, in the order in which a user would expect it."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_ASK = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('torch') else 3)"


class NoInterpreter(Exception):
    """No Python with torch was found, or the one that was named cannot be used. `help` says what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message, self.help = message, help


def choose(named: str | None, near: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Return the Python that runs the code in `near`. Raises NoInterpreter.

    `named` (an option or the configuration) is taken or refused, never passed over. Then: VIRTUAL_ENV, CONDA_PREFIX,
    the nearest `.venv`, nnlint's own, the PATH.
    """
    if named is not None:
        return _named(named)
    seen = []
    for python in _in_order(near, os.environ if environment is None else environment):
        if python not in seen:
            seen.append(python)
            if has_torch(python):
                return python
    raise NoInterpreter(
        "no Python with torch found (tried " + ", ".join(str(p) for p in seen) + ")",
        'install it (pip install "nnlint[torch]") or name a Python that has it with --python',
    )


def _named(named: str) -> Path:
    found = shutil.which(os.path.expanduser(named)) or shutil.which(str(_inside(Path(named).expanduser())))
    if found is None:
        raise NoInterpreter(f"no Python at {named}", "give the path of a Python or of its environment with --python")
    python = Path(os.path.abspath(found))
    if not has_torch(python):
        raise NoInterpreter(f"{named} has no torch", "install torch there or name another Python with --python")
    return python


def _in_order(near: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environment.get(variable):
            yield _inside(Path(environment[variable]))
    folder = near.resolve()
    for parent in (folder, *folder.parents):
        if (parent / ".venv").is_dir():
            yield _inside(parent / ".venv")
            break
    yield Path(sys.executable)
    for name in ("python3", "python"):
        found = shutil.which(name, path=environment.get("PATH"))
        if found:
            yield Path(os.path.abspath(found))


def _inside(environment: Path) -> Path:
    """Return the Python of a virtual or conda environment."""
    if os.name == "nt":
        script = environment / "Scripts" / "python.exe"
        return script if script.exists() else environment / "python.exe"
    return environment / "bin" / "python"


@functools.cache
def has_torch(python: Path) -> bool:
    """Whether this Python can import torch. nnlint's own is asked here, another one in a process of its own."""
    if python == Path(sys.executable):
        return importlib.util.find_spec("torch") is not None
    try:
        asked = subprocess.run(
            [str(python), "-c", _ASK],
            cwd=python.anchor or None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0

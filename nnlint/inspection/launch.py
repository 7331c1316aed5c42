"""Start the worker, wait for it no longer than allowed, and bring back what it saw.

The worker runs in a process group of its own, so that everything it starts ends with it: on a timeout, on Ctrl-C, and
when it is done. Its result comes in a private file; what the user's code prints comes in a pipe and is kept apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

WORKER = Path(__file__).resolve().parent.parent / "worker"

STARTUP = 40.0
"""Seconds for Python and torch to start, on top of the user's time limit."""
GRACE = 25.0
"""Seconds the worker has to describe what it saw after the user's code has ended or was stopped."""
PRINTS = 100_000
"""Characters kept of what the user's code prints."""

_QUIET = {
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "MPLBACKEND": "Agg",
    "CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "WANDB_MODE": "disabled", "COMET_MODE": "disabled",
    "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1", "TORCH_COMPILE_DISABLE": "1",
}  # fmt: skip


class WorkerFailed(Exception):
    """The worker came back without a result. `timed_out` tells a time limit from a crash."""

    def __init__(self, message: str, *, timed_out: bool = False, prints: str = "") -> None:
        super().__init__(message)
        self.message, self.timed_out, self.prints = message, timed_out, prints


def launch(python: Path, job: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
    """Run one job of the worker in `python` and return its result with the user's prints under `prints`.

    `timeout` is the user's limit in seconds. The worker keeps it itself, so that it can say what it saw until then; it
    is killed only where it does not. Raises WorkerFailed. Ctrl-C ends the worker and goes on to the caller.
    """
    with tempfile.TemporaryDirectory(prefix="nnlint-", ignore_cleanup_errors=True) as folder:
        private = Path(folder)
        scratch = private / "scratch"
        scratch.mkdir()
        _lend_fonts(scratch)
        result = private / "result.json"
        full = {**job, "timeout": timeout, "grace": GRACE, "scratch": str(scratch), "result": str(result)}
        (private / "job.json").write_text(json.dumps(full), encoding="utf-8")
        process = subprocess.Popen(
            [str(python), str(WORKER), str(private / "job.json")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(scratch, bool(job.get("allow_network"))),
            start_new_session=True,
        )
        printed = _Printed(process.stdout)
        try:
            code = process.wait(STARTUP + timeout + GRACE)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        return _read(result, code, printed.text(), timeout)


def _environment(scratch: Path, network: bool) -> dict[str, str]:
    environment = {**os.environ, **_QUIET}
    for name in ("TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
        environment[name] = str(scratch)
    if network:
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
            environment.pop(name)
    return environment


def _lend_fonts(scratch: Path) -> None:
    """Copy matplotlib's list of fonts, which takes seconds to make anew."""
    for cache in (Path.home() / ".cache" / "matplotlib", Path.home() / "Library" / "Caches" / "matplotlib"):
        for fonts in cache.glob("fontlist-*.json"):
            with contextlib.suppress(OSError):
                shutil.copy(fonts, scratch)


def _read(result: Path, code: int | None, prints: str, timeout: float) -> dict[str, Any]:
    text = result.read_text(encoding="utf-8") if result.exists() else ""
    try:
        answer = json.loads(text) if text else None
    except ValueError:  # ended while it was writing
        answer = None
    if isinstance(answer, dict):
        return {**answer, "prints": prints}
    if code is None:
        raise WorkerFailed(f"stopped after {timeout:g} s", timed_out=True, prints=prints)
    raise WorkerFailed(_why(code, prints), prints=prints)


def _why(code: int, prints: str) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return f"the process that ran it was ended by {name}{hint}"
    last = next((line.strip() for line in reversed(prints.splitlines()) if line.strip()), "")
    return f"the process that ran it ended with status {code}" + (f": {last[:200]}" if last else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the worker and whatever it started: politely first, then for good."""
    if process.poll() is None:
        _signal(process, "SIGTERM")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
    _signal(process, "SIGKILL")
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def _signal(process: subprocess.Popen[bytes], name: str) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, getattr(signal, name))
        else:
            process.kill()


class _Printed:
    """Reads a pipe to its end in a thread and keeps a bounded part, so that no print can block or fill the disk."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._kept = bytearray()
        self._pipe = pipe
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        if self._pipe is None:
            return
        with contextlib.suppress(ValueError, OSError):
            while chunk := self._pipe.read1(65536):  # type: ignore[attr-defined]
                self._kept += chunk
                if len(self._kept) > 8 * PRINTS:
                    del self._kept[: -4 * PRINTS]

    def text(self) -> str:
        self._thread.join(5)
        if self._pipe is not None:
            self._pipe.close()
        return self._kept.decode("utf-8", errors="replace")[-PRINTS:]

"""The worker without its start: one process imports torch once and is forked for every job.

What runs in the fork is what runs in a worker that was started by path; only the second that it takes to import torch
is saved. Run as a program, this file is that process.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
WORKER = TESTS.parent / "nnlint" / "worker"
LONGEST = 120.0


class Forks:
    """A process that forks itself for each job."""

    def __init__(self, *preload: str) -> None:
        """Fork from a process that has imported torch, and what is named besides."""
        command = [sys.executable, str(TESTS / "forked.py"), *preload]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def launch(self, python: Path, job: dict[str, Any], *, timeout: float) -> dict[str, Any]:
        """Do what `nnlint.inspection.launch.launch` does."""
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder, "scratch")
            scratch.mkdir()
            paths = {"scratch": str(scratch), "result": str(Path(folder, "result.json"))}
            return self._ask({**job, "timeout": timeout, "grace": 25.0, **paths})

    def call(self, function: str, **arguments: Any) -> Any:
        """Call `module:function` of the tests in a fork and return its result, which has to be plain data."""
        with tempfile.TemporaryDirectory() as folder:
            result = str(Path(folder, "result.json"))
            return self._ask({"call": function, "arguments": arguments, "result": result})["returned"]

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(job), file=self.process.stdin, flush=True)
        printed = json.loads(self.process.stdout.readline())["printed"]
        answer = Path(job["result"])
        assert answer.is_file(), printed
        return {**json.loads(answer.read_text()), "prints": printed}


def serve() -> None:
    """Fork for each job that comes in; answer with what it printed."""
    sys.path.remove(str(TESTS))
    import torch._dynamo  # noqa: F401 - with torch, the reason for all this: every first optimizer imports it, 1.7 s

    for name in sys.argv[1:]:
        importlib.import_module(name)
    job_module = _worker()
    for line in sys.stdin:
        job = json.loads(line)
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                os.setsid()
                os.dup2(printed.fileno(), 1)
                os.dup2(printed.fileno(), 2)
                _do(job, job_module)
            _wait(child)
            printed.seek(0)
            print(json.dumps({"printed": printed.read().decode(errors="replace")[-4000:]}), flush=True)


def _worker() -> Any:
    """Load the worker as its own `__main__` does."""
    spec = importlib.util.spec_from_file_location(
        "nnlint_worker", WORKER / "__init__.py", submodule_search_locations=[str(WORKER)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["nnlint_worker"] = package
    spec.loader.exec_module(package)
    return importlib.import_module("nnlint_worker.job")


def _do(job: dict[str, Any], job_module: Any) -> None:
    if job.get("scratch"):
        os.environ["TMPDIR"] = job["scratch"]
    tempfile.tempdir = None  # it was looked up here already
    try:
        if "call" not in job:
            job_module.work(job)
        sys.path.append(str(TESTS))
        module, _, function = job["call"].partition(":")
        returned = getattr(importlib.import_module(module), function)(**job["arguments"])
        Path(job["result"]).write_text(json.dumps({"returned": returned}))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0)


def _wait(child: int) -> None:
    end = time.monotonic() + LONGEST
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, 9)
            os.waitpid(child, 0)
            return
        time.sleep(0.01)


if __name__ == "__main__":
    serve()

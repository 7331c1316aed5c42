"""Runs of the user's script in the worker: requests out, answers in, as many at a time as there are workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

WORKER = Path(__file__).resolve().parent.parent / "worker"

_QUIET = {
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg", "CUDA_VISIBLE_DEVICES": "",
    "HIP_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "WANDB_MODE": "disabled", "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1", "TORCH_COMPILE_DISABLE": "1",
}  # fmt: skip

Answer = dict[str, Any]
Request = Mapping[str, Any]


class TrialsFailed(Exception):
    """The worker that runs the trials cannot be started, or has ended by itself."""


class Trials:
    """A worker that forks a child for each trial. A context manager: on leaving, all that still runs is ended."""

    def __init__(self, python: Path, *, workers: int = 2, allow_network: bool = False) -> None:
        self.python, self.workers, self.allow_network = python, workers, allow_network
        self._folder = tempfile.TemporaryDirectory(prefix="nnlint-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0

    def __enter__(self) -> Trials:
        if os.name != "posix":
            raise TrialsFailed("trials need a system whose processes can fork (Linux, macOS)")
        private, scratch = Path(self._folder.name), self.scratch
        scratch.mkdir()
        job = {"part": "fit", "scratch": str(scratch), "allow_network": self.allow_network}
        (private / "job.json").write_text(json.dumps(job), encoding="utf-8")
        environment = {**os.environ, **_QUIET}
        environment.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), str(scratch)))
        with (private / "errors.txt").open("wb") as errors:
            self._process = subprocess.Popen(
                [str(self.python), str(WORKER), str(private / "job.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        try:
            self._hear()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()  # the worker ends its children when nobody listens any more
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._folder.cleanup()

    @property
    def scratch(self) -> Path:
        """The only folder that a trial may write to; it goes when this closes."""
        return Path(self._folder.name, "scratch")

    def preload(self, names: Sequence[str]) -> None:
        """Import libraries in the worker before it forks, so that no trial has to."""
        self._say({"preload": list(names)})

    def run(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        """Yield (place in `requests`, answer) as the answers come. Raises TrialsFailed where the worker has ended."""
        places: dict[int, int] = {}
        waiting = list(enumerate(requests))
        while waiting or places:
            while waiting and len(places) < self.workers:
                place, request = waiting.pop(0)
                self._number += 1
                places[self._number] = place
                self._say({**request, "id": self._number})
            message = self._hear()
            if message.get("id") in places:
                yield places.pop(message["id"]), message["answer"]

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise TrialsFailed(self._why()) from error

    def _hear(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise TrialsFailed(self._why())
        message: dict[str, Any] = json.loads(line)
        return message

    def _why(self) -> str:
        path = Path(self._folder.name, "errors.txt")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")
        return f"the worker that runs the trials has ended: {last[:300]}"

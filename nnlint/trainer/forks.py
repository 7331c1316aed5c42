"""One worker on this machine that forks a child for each trial: a request out, an answer in, many at a time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
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


class Forks:
    """A worker that has imported torch. A context manager: on leaving, all that still runs is ended.

    `ask` may be called from several threads at once; each call has a child of its own.
    """

    def __init__(self, python: Path, *, allow_network: bool = False) -> None:
        self.python, self.allow_network = python, allow_network
        self._folder = tempfile.TemporaryDirectory(prefix="nnlint-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Answer]] = {}
        self._number = 0
        self._preloaded: tuple[str, ...] = ()
        self._over = ""

    def __enter__(self) -> Forks:
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
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()  # the worker ends its children when nobody speaks any more
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
        with self._lock:
            if tuple(names) != self._preloaded:
                self._preloaded = tuple(names)
                self._say({"preload": list(names)})

    def ask(self, request: Request) -> Answer:
        """Run one trial and return its answer. Raises TrialsFailed where the worker has ended."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._over:
                raise TrialsFailed(self._over)
            self._number += 1
            self._waiting[self._number] = answer
            self._say({**request, "id": self._number})
        return answer.result()

    def _listen(self) -> None:
        """Hand every answer to the thread that waits for it, until the worker ends."""
        try:
            while True:
                message = self._hear()
                with self._lock:
                    waiting = self._waiting.pop(message["id"], None)
                if waiting is not None:
                    waiting.set_result(message["answer"])
        except (TrialsFailed, OSError, ValueError) as error:
            with self._lock:
                self._over = str(error)
                left, self._waiting = list(self._waiting.values()), {}
            for future in left:
                future.set_exception(TrialsFailed(self._over))

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
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

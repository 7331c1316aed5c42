"""Train the script of a configuration, once for each seed, and put together what the runs say.

A run is a process of the script's Python that is started with the seed in its environment and one thread: equal seeds
give equal figures, to the last digit. What a run prints is all that is read of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from .facts import Plain

Progress = Callable[[str], None]

_EPOCH = re.compile(r"epoch (\d+) of (\d+): loss (\S+), validation (accuracy|error) (\S+)$")
_TEST = re.compile(r"test (accuracy|error) (\S+) on (\d+) untouched rows$")
_TEST_SHARE = 0.2


class Run(Plain):
    """One seed: its score on untouched rows, and loss and validation score of every epoch.

    `failed` runs have no score; `reason` says why.
    """

    seed: int
    status: Literal["ok", "diverged", "failed"]
    score: float | None = None
    reason: str = ""
    losses: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()
    seconds: float = 0.0


class Training(Plain):
    """All runs of one configuration. `score` is accuracy (a share), or an error in spreads of the target.

    `mean` and `interval` (95 %) are over the runs that did not fail; None where there are none, or too few. Every seed
    has another split of the data, and the interval allows for their overlap (Nadeau and Bengio).
    """

    name: str
    data: str
    metric: Literal["accuracy", "error"]
    rows: int = 0
    runs: tuple[Run, ...] = ()
    mean: float | None = None
    interval: tuple[float, float] | None = None
    seconds: float = 0.0
    interrupted: bool = False


class _Seeds:
    """The runs as they go on, and the line that tells of them."""

    def __init__(self, script: Path, python: Path, total: int, progress: Progress) -> None:
        self.script, self.python, self.total, self.progress = script, python, total, progress
        self.processes: set[subprocess.Popen[str]] = set()
        self.lock = threading.Lock()
        self.done = 0
        self.rows = 0
        self.ended = False

    def run(self, seed: int) -> Run:
        """Run the script with one seed."""
        if self.ended:
            return Run(seed=seed, status="failed", reason="interrupted")
        started = time.monotonic()
        process = self._start(seed)
        losses, validation, score, rest = [], [], None, []
        assert process.stdout is not None
        for line in process.stdout:
            epoch, test = _EPOCH.match(line.rstrip()), _TEST.match(line.rstrip())
            if epoch is not None:
                losses.append(float(epoch[3]))
                validation.append(float(epoch[5]))
                self._tell(seed, epoch)
            elif test is not None:
                score, self.rows = float(test[2]), int(test[3])
            elif line.strip():
                rest.append(line.strip())
        status = process.wait()
        with self.lock:
            self.processes.discard(process)
            self.done += 1
        seconds = round(time.monotonic() - started, 2)
        seen = {"seed": seed, "losses": tuple(losses), "validation": tuple(validation), "seconds": seconds}
        if status == 0 and score is not None:
            return Run.model_validate({**seen, "status": "ok", "score": score})
        reason = rest[-1] if rest else f"ended with status {status}"
        kind = "diverged" if reason.startswith("diverged") else "failed"
        return Run.model_validate({**seen, "status": kind, "reason": reason[:300]})

    def _start(self, seed: int) -> subprocess.Popen[str]:
        quiet = {"SEED": str(seed), "PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"}
        quiet |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        process = subprocess.Popen(
            [str(self.python), str(self.script)],
            env={**os.environ, **quiet, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        with self.lock:
            self.processes.add(process)
        return process

    def _tell(self, seed: int, epoch: re.Match[str]) -> None:
        at, epochs, _, metric, score = epoch.groups()
        shown = f"{100 * float(score):.1f} %" if metric == "accuracy" else f"{float(score):.3f}"
        with self.lock:
            done = f"{self.done} of {self.total} seeds done"
            self.progress(f"{done} · seed {seed}: epoch {at} of {epochs}, validation {metric} {shown}")

    def end(self) -> None:
        """End what runs."""
        self.ended = True
        with self.lock:
            for process in self.processes:
                process.kill()


def train(
    name: str, data: str, script: Path, python: Path, seeds: Sequence[int], *, metric: Literal["accuracy", "error"],
    workers: int = 2, progress: Progress = lambda text: None, test: float = _TEST_SHARE, fit: float = 0.6,
) -> Training:  # fmt: skip
    """Run `script` with every seed, `workers` at a time. Ctrl-C ends the runs and returns those that are done.

    `test` and `fit` are the shares of the rows that are tested and trained on.
    """
    started, interrupted = time.monotonic(), False
    study = _Seeds(script, python, len(seeds), progress)
    pool = ThreadPoolExecutor(max(1, workers))
    futures = [pool.submit(study.run, seed) for seed in seeds]
    try:
        for future in futures:
            future.result()
    except KeyboardInterrupt:
        interrupted = True
        done = [future for future in futures if future.done() and not future.cancelled()]
        study.end()
        futures = done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        progress("")
    runs = tuple(future.result() for future in futures)
    scores = [run.score for run in runs if run.score is not None]
    return Training(
        name=name, data=data, metric=metric, rows=study.rows, runs=runs,
        mean=sum(scores) / len(scores) if scores else None,
        interval=interval_of(scores, test / fit),
        seconds=time.monotonic() - started, interrupted=interrupted,
    )  # fmt: skip


def interval_of(scores: Sequence[float], ratio: float) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean over splits; `ratio` is the number of rows tested by that trained on.

    None for fewer than three scores, or where scipy is not installed.
    """
    if len(scores) < 3:
        return None
    try:
        from scipy import stats
    except ImportError:
        return None
    mean = sum(scores) / len(scores)
    variance = sum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
    half = float(stats.t.ppf(0.975, len(scores) - 1)) * (variance * (1 / len(scores) + ratio)) ** 0.5
    return mean - half, mean + half

"""What runs on a machine that trials are sent to: a worker of its own, started once, and one request at a time to it.

joblib sends `ask` to the processes of its backend, here or on a cluster. nnlint, the project's Python and the files of
the script are there at the same paths. The worker ends when the process that started it does.
"""

from __future__ import annotations

import threading
from pathlib import Path

from .forks import Answer, Forks, Request, TrialsFailed

Setup = tuple[str, bool]
"""What a worker is started with: path of Python, whether it may use the network."""

_running: dict[Setup, Forks] = {}
_lock = threading.Lock()


def ask(setup: Setup, libraries: tuple[str, ...], place: int, request: Request) -> tuple[int, Answer]:
    """Run one trial on this machine; return its place among the requests, and the answer.

    Never raises for a trial: a worker that cannot run it is an answer with the reason.
    """
    try:
        worker = _worker(setup)
        worker.preload(libraries)
        return place, worker.ask(request)
    except TrialsFailed as error:
        with _lock:
            _running.pop(setup, None)
        return place, {"status": "crashed", "reason": str(error)}


def _worker(setup: Setup) -> Forks:
    with _lock:
        if setup not in _running:
            python, allow_network = setup
            _running[setup] = Forks(Path(python), allow_network=allow_network).__enter__()
        return _running[setup]

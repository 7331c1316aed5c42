"""Trials: a parent that has imported torch and forks a child for each run of the user's script.

Requests come in as lines of JSON on standard input, answers go out as lines of JSON on standard output. A child runs
the script until it has seen one pass over its data, trains in our own loop, and answers; whatever it prints is dropped.
It may crash or hang: that is an answer too.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import time
from typing import Any

import torch

from .fit_trial import answer_to

Request = dict[str, Any]


class Child:
    """One forked run: where its answer comes from and until when it may take."""

    def __init__(self, request: Request, pid: int, pipe: int) -> None:
        self.request, self.pid, self.pipe = request, pid, pipe
        self.deadline = time.monotonic() + float(request.get("seconds", 3600.0))
        self.read = b""


def work(job: Request) -> None:
    """Serve requests until standard input ends, then end all that runs."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _warm_up()
    Server(job).serve()


def _warm_up() -> None:
    """Step an optimizer once: the first step imports PyTorch's compiler, a second that no child need spend again."""
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    for kind in (torch.optim.Adam, torch.optim.SGD):
        kind([weight], lr=0.1).step()


class Server:
    """Forks a child for each request, one at a time or several: the caller decides by how many it sends."""

    def __init__(self, job: Request) -> None:
        self.job = job
        self.children: dict[int, Child] = {}
        self.waiting = selectors.DefaultSelector()
        self.out = os.dup(1)
        self.input = b""
        os.dup2(2, 1)  # nothing but answers may reach the caller

    def serve(self) -> None:
        """Answer until the caller hangs up."""
        self.waiting.register(0, selectors.EVENT_READ)
        self._say({"ready": torch.__version__})
        while True:
            for key, _ in self.waiting.select(0.25):
                if key.fd == 0:
                    if not self._hear():
                        self._end()
                        return
                else:
                    self._collect(self.children[key.fd])
            for child in list(self.children.values()):
                if time.monotonic() > child.deadline:
                    self._kill(child)
                    self._done(child, {"status": "hung", "reason": f"not done after {child.request['seconds']:.0f} s"})

    def _hear(self) -> bool:
        chunk = os.read(0, 1 << 16)
        self.input += chunk
        *lines, self.input = self.input.split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "preload" in request:
                _preload(request["preload"])
            else:
                self._start(request)
        return bool(chunk)

    def _start(self, request: Request) -> None:
        inward, outward = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.close(inward)
            _run({**self.job, **request}, outward)
        os.close(outward)
        self.children[inward] = Child(request, pid, inward)
        self.waiting.register(inward, selectors.EVENT_READ)

    def _collect(self, child: Child) -> None:
        chunk = os.read(child.pipe, 1 << 20)
        if chunk:
            child.read += chunk
            return
        _, status = os.waitpid(child.pid, 0)
        _kill_group(child.pid)
        try:
            answer = json.loads(child.read)
        except ValueError:
            answer = {"status": "crashed", "reason": _why(status)}
        self._done(child, answer, reap=False)

    def _done(self, child: Child, answer: dict[str, Any], *, reap: bool = True) -> None:
        self.waiting.unregister(child.pipe)
        os.close(child.pipe)
        del self.children[child.pipe]
        if reap:
            os.waitpid(child.pid, 0)
        self._say({"id": child.request["id"], "answer": answer})

    def _kill(self, child: Child) -> None:
        _kill_group(child.pid)

    def _end(self) -> None:
        for child in self.children.values():
            _kill_group(child.pid)

    def _say(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.out, data) :]


def _run(request: Request, outward: int) -> None:
    """Do one request in this child and end it, whatever happens."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)

        def deliver(answer: dict[str, Any]) -> None:
            data = json.dumps(answer).encode()
            while data:
                data = data[os.write(outward, data) :]
            os._exit(0)

        deliver(answer_to(request, deliver))
    except BaseException as error:
        data = json.dumps({"status": "crashed", "reason": f"{type(error).__name__}: {error}"[:500]}).encode()
        os.write(outward, data)
    finally:
        os._exit(0)


def _preload(names: list[str]) -> None:
    """Import libraries once that every run will import."""
    import importlib

    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"{name}: {error}", file=sys.stderr)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _why(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with status {os.WEXITSTATUS(status)}"

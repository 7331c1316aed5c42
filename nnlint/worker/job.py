"""One job of the worker: run a user's file under watch, and say what was seen as plain data."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from .candidates import WITHOUT_VALUES, describe_candidates, wanted
from .devices import OnCpu
from .failing import told
from .in_process import describe_object
from .limits import Alarm, Deadline
from .load import Program, is_our_fault
from .observe import Observer, Stop
from .sandbox import Refused, Sandbox
from .sites import ConstructionSites
from .subjects import observed
from .summaries import lead_to

__all__ = ["describe_object", "run", "work"]

Job = dict[str, Any]
Answer = dict[str, Any]

_STUCK = 3.0
"""Seconds after the deadline when the main thread is taken to hang in native code."""
_ONE_MODEL = 20.0
"""Seconds for building or describing one model."""
_ONCE_MORE = 5.0
"""Seconds for running a copy of a model that was trained once more."""


def work(job: Job) -> None:
    """Do a job in this process, which is for nothing else, write its answer to the job's file and end the process."""
    result = os.open(job["result"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    session = Session(job)
    parent, main = os.getppid(), os.getpid()
    once = threading.Lock()

    def deliver(answer: Answer) -> None:
        if os.getpid() == main:  # not in a child that the user's code forked
            with once:
                os.write(result, json.dumps(answer).encode())
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        os._exit(0)

    session.observer.give_up = lambda: deliver(session.given_up())
    threading.Thread(target=_guard, args=(session, parent, deliver), daemon=True).start()
    deliver(session.run())


def run(job: Job) -> Answer:
    """Do a job in this process and return its answer: `{"subjects", "ended", "problems"}`."""
    return Session(job).run()


def _guard(session: Session, parent: int, deliver: Callable[[Answer], None]) -> None:
    """Deliver what is there when the main thread hangs in native code; end when nobody waits for the answer."""
    while True:
        time.sleep(0.5)
        if os.getppid() != parent:
            os._exit(1)
        late = session.alarm.late
        if session.phase == "file" and late > _STUCK:
            session.phase = "late"
            session.note_late()
            deliver(session.answer("timeout"))
        elif session.phase != "late" and late > session.job.get("grace", 25.0) - 5:
            deliver({**session.so_far, "ended": "timeout"})


class Session:
    """The state of one job. `so_far` is the best answer that could be given now; `phase` says whose code runs."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.name = job.get("target") or os.path.basename(job["path"])
        self.cpu = OnCpu()
        self.observer = Observer(int(job.get("steps", 3)), self.cpu.watch)
        self.observer.epochs = job.get("epochs")
        self.program = Program(job["path"], job.get("module"), job.get("root", ""), list(job.get("argv", ())))
        self.program.text = job.get("text")
        self.sandbox = Sandbox(job.get("scratch") or os.getcwd(), bool(job.get("allow_network")))
        self.problems: list[dict[str, Any]] = []
        self.so_far: Answer = {"subjects": [], "ended": "raised", "problems": self.problems}
        self.phase = "start"
        self.alarm = Alarm(self._ring)
        self._limit = float(job.get("timeout", 60.0))

    def run(self) -> Answer:
        """Run the file, then describe what it trained, or what it defines."""
        if self.job.get("scratch"):
            self.sandbox.install()
            lead_to(self.job["scratch"])
        try:
            ended = self._guarded(self._file, self._limit, phase="file")
            self.so_far = {"subjects": [], "ended": ended, "problems": self.problems}
            return self.answer(ended)
        finally:
            self.program.leave()

    def answer(self, ended: str) -> Answer:
        """Return what there is to say."""
        again = (lambda act: self._guarded(act, min(_ONCE_MORE, self._limit))) if self.phase == "ours" else None
        subjects = wanted(self, observed(self.observer, self.name, self.job["path"], again))
        if not subjects and self.program.module is not None:
            subjects = describe_candidates(self, lambda act: self._guarded(act, min(_ONE_MODEL, self._limit)))
        told(self.observer, subjects)
        if self.problems and ended in ("raised", "timeout", "refused", "exit"):
            for subject in (facts["subject"] for facts in subjects):
                subject["status"] = "partial" if subject["status"] == "traced" else subject["status"]
                subject.setdefault("reason", self.problems[0]["message"])
        for problem in self.problems:
            problem["fatal"] = not subjects
        return {"subjects": subjects, "ended": ended, "problems": self.problems}

    # -- the user's code

    def _guarded(self, act: Callable[[], Any], seconds: float, phase: str = "model") -> Any:
        """Run code of the user's under all limits, and give everything back."""
        here = os.getcwd()
        self.observer.stopping = None
        self.alarm.set(seconds)
        self.sandbox.on, self.phase = bool(self.job.get("scratch")), phase
        try:
            with ConstructionSites(), self.cpu:
                return act()
        finally:
            self.phase = "ours"
            self.alarm.off()
            self.sandbox.on = False
            os.chdir(here)

    def _ring(self) -> None:
        if self.phase in ("file", "model"):
            self.observer.stopping = self.observer.stopping or Deadline()
            raise self.observer.stopping

    def _file(self) -> str:
        """Run the file; return how it ended, with a problem noted where that was not of our doing."""
        try:
            with self.observer:
                self.program.execute(bool(self.job.get("run")))
        except (Stop, Deadline, Refused) as error:
            return self._stopped(error)
        except BaseException as error:
            if self.observer.stopping is not None:  # what was raised on the way out
                return self._stopped(self.observer.stopping)
            if isinstance(error, SystemExit):
                return self._exited(error)
            self._raised(error)
            return "refused" if self.sandbox.refused is not None else "raised"
        return "finished" if self.observer.stopping is None else self._stopped(self.observer.stopping)

    def given_up(self) -> Answer:
        """Return what is known where the user's code swallows every attempt to stop it, with why it was stopped."""
        assert self.observer.stopping is not None
        return self.answer(self._stopped(self.observer.stopping))

    def _stopped(self, error: BaseException) -> str:
        if isinstance(error, Deadline):
            self.phase = "ours"
            self.note_late(error)
            return "timeout"
        if isinstance(error, Refused):
            self._note("refused", error, error.what, error.help)
            return "refused"
        if self.cpu.room.told is not None:
            self._note("memory", error, f"a model is too large: {self.cpu.room.told}", WITHOUT_VALUES)
        return "stopped"

    def _exited(self, error: SystemExit) -> str:
        code = f"({error.code})" if isinstance(error.code, int) else "()"
        said = f": {error.code}" if isinstance(error.code, str) else ""
        self._note("exit", error, f"calls sys.exit{code} before a model is trained{said}", "")
        return "exit"

    def _raised(self, error: BaseException) -> None:
        self.observer.raised = error
        if self.sandbox.refused is not None:
            self._note("refused", error, self.sandbox.refused.what, self.sandbox.refused.help)
        elif self.sandbox.network is not None:
            message = f"asks for the network ({self.sandbox.network}) and cannot go on without"
            self._note("network", error, message, "let it with --allow-network")
        elif isinstance(error, ModuleNotFoundError) and error.name:
            help = f"install it for {sys.executable}, or name another Python with --python"
            self._note("import", error, f"cannot import `{error.name}`", help)
        elif isinstance(error, SyntaxError):
            self._note("syntax", error, str(error.msg), "")
        elif isinstance(error, EOFError) and "EOF when reading a line" in str(error):
            message = "waits for input, which nobody gives here"
            self._note("raises", error, message, "let it run without `input()`, or with arguments (--argv)")
        else:
            text = str(error).strip().partition("\n")[0][:300]
            message = f"raises {type(error).__name__}" + (f": {text}" if text else "")
            if is_our_fault(error):
                self._note("worker", error, f"cannot be watched: nnlint itself {message}", "this is a fault of nnlint")
            else:
                self._note("raises", error, message, "")

    def note_late(self, error: BaseException | None = None) -> None:
        """Note that the time limit has passed."""
        message = f"still running after {self._limit:g} s"
        self._note("timeout", error, message, "give it more time with --timeout, or use --static")

    def _note(self, kind: str, error: BaseException | None, message: str, help: str) -> None:
        path, line = self.program.place_of(error) if error is not None else (self.job["path"], None)
        problem = {"kind": kind, "path": path, "line": line, "message": message, "help": help, "fatal": True}
        self.problems.append(problem)

"""One job of the worker: run a user's file under watch, and say what was seen as plain data."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import threading
import time
from typing import Any

from torch import nn

from .describe import describe
from .devices import OnCpu
from .in_process import describe_object
from .load import Program
from .naming import has_own_class, unique
from .observe import Observer, Stop
from .sandbox import Refused, Sandbox
from .sites import ConstructionSites
from .subjects import observed

__all__ = ["describe_object", "run", "work"]

Job = dict[str, Any]
Answer = dict[str, Any]


class Deadline(BaseException):
    """The time limit has passed."""


def work(job: Job) -> None:
    """Do a job in this process, which is for nothing else, write its answer to the job's file and end the process."""
    result = os.open(job["result"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    session = Session(job)
    parent, main = os.getppid(), os.getpid()

    def deliver(answer: Answer) -> None:
        if os.getpid() == main:
            with session.once:
                os.write(result, json.dumps(answer).encode())
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
        os._exit(0)

    session.observer.give_up = lambda: deliver(session.answer("stopped"))
    threading.Thread(target=_guard, args=(session, parent, deliver), daemon=True).start()
    deliver(session.run())


def run(job: Job) -> Answer:
    """Do a job in this process and return its answer: `{"subjects", "ended", "problems"}`."""
    return Session(job).run()


def _guard(session: Session, parent: int, deliver: Any) -> None:
    """Deliver what is there when the main thread hangs in native code; end when nobody waits for the answer."""
    while True:
        time.sleep(0.5)
        if os.getppid() != parent:
            os._exit(1)
        late = time.monotonic() - session.deadline
        if session.phase == "user" and late > 3:
            session.phase = "late"
            deliver(session.answer("timeout"))
        elif session.phase != "late" and late > session.job.get("grace", 25.0) - 5:
            deliver({**session.so_far, "ended": "timeout"})


class Session:
    """The state of one job. `so_far` is the best answer that could be given now."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.name = job.get("target") or os.path.basename(job["path"])
        self.cpu = OnCpu()
        self.observer = Observer(int(job.get("steps", 3)), self.cpu.watch)
        self.observer.epochs = job.get("epochs")
        self.program = Program(job["path"], job.get("module"), job.get("root", ""), list(job.get("argv", ())))
        self.sandbox = Sandbox(job.get("scratch") or os.getcwd(), bool(job.get("allow_network")))
        self.problems: list[dict[str, Any]] = []
        self.so_far: Answer = {"subjects": [], "ended": "raised", "problems": self.problems}
        self.phase = "start"
        self.deadline = time.monotonic() + 3600
        self.once = threading.Lock()

    def run(self) -> Answer:
        """Run the file, then describe what it trained, or what it defines."""
        if self.job.get("scratch"):
            self.sandbox.install()
        ended = self._watched()
        self.phase = "describe"
        self.so_far = {"subjects": [], "ended": ended, "problems": self.problems}
        return self.answer(ended)

    def answer(self, ended: str) -> Answer:
        """Return what there is to say."""
        subjects = observed(self.observer, self.name, self.job["path"])
        if self._wants_expression(subjects):
            subjects = []
        if not subjects and self.program.module is not None:
            subjects = self._candidates()
        if ended in ("raised", "timeout", "refused", "exit"):
            for subject in subjects:
                self._mark(subject["subject"], ended)
        if subjects:
            for problem in self.problems:
                problem["fatal"] = False
        return {"subjects": subjects, "ended": ended, "problems": self.problems}

    # -- the user's code

    def _watched(self) -> str:
        here = os.getcwd()
        self._arm(float(self.job.get("timeout", 60.0)))
        try:
            with ConstructionSites(), self.cpu, self.observer:
                self.sandbox.on, self.phase = bool(self.job.get("scratch")), "user"
                return self._ended_by()
        finally:
            self.phase = "describe"
            self._disarm()
            self.sandbox.on = False
            self.program.leave()
            os.chdir(here)

    def _ended_by(self) -> str:
        """Run the file; return how it ended, with a problem noted where that was not of our doing."""
        try:
            self.program.execute(bool(self.job.get("run")))
        except Stop:
            return "stopped"
        except Deadline as error:
            self.phase = "describe"
            limit = f"{self.job.get('timeout', 60.0):g} s"
            self._note("timeout", error, f"still running after {limit}", "give it more time with --timeout")
            return "timeout"
        except Refused as error:
            self._note("refused", error, error.what, error.help)
            return "refused"
        except SystemExit as error:
            if self.observer.stopping is not None:
                return "stopped"
            code = "" if error.code is None else f"({error.code!r})" if isinstance(error.code, int) else ""
            said = f": {error.code}" if isinstance(error.code, str) else ""
            self._note("exit", error, f"calls sys.exit{code} before a model is trained{said}", "")
            return "exit"
        except BaseException as error:
            if self.observer.stopping is not None:
                return "timeout" if isinstance(self.observer.stopping, Deadline) else "stopped"
            self._raised(error)
            return "raised"
        if isinstance(self.observer.stopping, Deadline):
            return "timeout"
        return "stopped" if self.observer.stopping is not None else "finished"

    def _raised(self, error: BaseException) -> None:
        if self.sandbox.refused is not None:
            self._note("refused", error, self.sandbox.refused.what, self.sandbox.refused.help)
            return
        if self.sandbox.network is not None:
            message = f"asks for the network ({self.sandbox.network}) and cannot go on without"
            self._note("network", error, message, "let it with --allow-network")
            return
        kind, help = "raises", ""
        if isinstance(error, ModuleNotFoundError) and error.name:
            kind, help = "import", f"install it for {sys.executable}, or name another Python with --python"
            message = f"cannot import `{error.name}`"
        elif isinstance(error, SyntaxError):
            kind, message = "syntax", f"{error.msg}"
        elif isinstance(error, EOFError) and "EOF when reading a line" in str(error):
            message, help = "waits for input, which nobody gives here", "let it run without `input()`"
        else:
            text = str(error).strip().partition("\n")[0][:300]
            message = f"raises {type(error).__name__}" + (f": {text}" if text else "")
        self._note(kind, error, message, help)

    def _note(self, kind: str, error: BaseException, message: str, help: str) -> None:
        path, line = self.program.place_of(error)
        self.problems.append(
            {"kind": kind, "path": path, "line": line, "message": message, "help": help, "fatal": True}
        )

    # -- the time limit

    def _arm(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds), 0.5)

    def _disarm(self) -> None:
        if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_: object) -> None:
        if self.phase == "user":
            self.observer.stopping = self.observer.stopping or Deadline()
            raise self.observer.stopping

    # -- what the file defines, where it trains nothing

    def _wants_expression(self, subjects: list[dict[str, Any]]) -> bool:
        """Whether the user named a model that is none of those that were trained."""
        named = [c for c in self.job.get("candidates", ()) if c["how"] == "named"]
        if not named:
            return False
        wanted = named[0]["expression"].partition("(")[0]
        seen = {s["subject"]["target"].rpartition(":")[2] for s in subjects}
        value = self.program.namespace.get(wanted)
        trained = self.observer.first.models if self.observer.first else []
        return wanted not in seen and not any(value is model for model in trained)

    def _candidates(self) -> list[dict[str, Any]]:
        """Describe the models of the first kind of candidates of which one can be had."""
        failures: list[dict[str, Any]] = []
        for _, group in itertools.groupby(self.job.get("candidates", ()), key=lambda c: c["how"]):
            made = []
            for candidate in group:
                model, failure = self._evaluate(candidate)
                if model is not None:
                    made.append((candidate, model))
                elif failure is not None:
                    failures.append(failure)
            if made:
                return self._described(made)
        if not self.problems:
            self.problems.extend(failures[:1])
        return []

    def _evaluate(self, candidate: dict[str, Any]) -> tuple[nn.Module | None, dict[str, Any] | None]:
        expression = candidate["expression"]
        try:
            value = self._guarded(lambda: eval(expression, self.program.namespace))
        except Deadline:
            return None, self._failure(candidate, "timeout", f"`{expression}` takes too long")
        except Refused as error:
            return None, self._failure(candidate, "refused", f"`{expression}` {error.what}")
        except NameError as error:
            if self.problems:  # the file did not come so far
                return None, None
            return None, self._failure(candidate, "raises", f"`{expression}` raises NameError: {error}")
        except BaseException as error:
            text = str(error).strip().partition("\n")[0][:300]
            return None, self._failure(candidate, "raises", f"`{expression}` raises {type(error).__name__}: {text}")
        if isinstance(value, type) and issubclass(value, nn.Module):
            return self._evaluate({**candidate, "expression": f"{expression}()"})
        if isinstance(value, tuple):
            value = next((item for item in value if isinstance(item, nn.Module)), value)
        if isinstance(value, nn.Module):
            return value, None
        return None, self._failure(candidate, "model", f"`{expression}` is no nn.Module but {type(value).__name__}")

    def _failure(self, candidate: dict[str, Any], kind: str, message: str) -> dict[str, Any]:
        span = candidate.get("span") or {}
        name = candidate["expression"].partition("(")[0]
        help = f"say how it is built: # nnlint: model {name}(...) input=..."
        return {
            "kind": kind, "path": self.job["path"], "line": span.get("line"), "message": message, "help": help,
            "fatal": True,
        }  # fmt: skip

    def _described(self, made: list[tuple[dict[str, Any], nn.Module]]) -> list[dict[str, Any]]:
        names = unique([self._name(candidate, model) for candidate, model in made])
        subjects = []
        for (candidate, model), name in zip(made, names):
            target = f"{self.name}:{name}"
            specs = list(self.job.get("inputs") or candidate.get("input") or ())
            try:
                facts = self._guarded(lambda: self._describe(model, target, specs))  # noqa: B023
            except Deadline:
                continue
            except ValueError as error:
                self.problems.append(
                    {"kind": "input", "path": None, "line": None, "message": str(error), "help": "", "fatal": True}
                )
                continue
            if any(module in self.observer.loaded for module in model.modules()):
                facts["model"]["fresh"] = False
            elif candidate["how"] != "instance" or self.observer.loop.steps == 0:
                facts["model"].setdefault("fresh", True)
            subjects.append(facts)
            self.so_far = {**self.so_far, "subjects": list(subjects)}
        return subjects

    def _describe(self, model: nn.Module, target: str, specs: list[str]) -> dict[str, Any]:
        if not specs:
            for called, args, kwargs in self.observer.calls:
                if called is model:
                    return describe(model, target=target, path=self.job["path"], inputs=args, kwargs=kwargs)
        return describe(model, target=target, path=self.job["path"], specs=specs or None)

    def _guarded(self, action: Any) -> Any:
        """Run code of the user's (a constructor, a forward) under the same limits as the file."""
        self._arm(min(20.0, float(self.job.get("timeout", 60.0))))
        self.sandbox.on, self.phase = bool(self.job.get("scratch")), "user"
        self.observer.stopping = None
        try:
            with ConstructionSites(), self.cpu:
                return action()
        finally:
            self.phase = "describe"
            self._disarm()
            self.sandbox.on = False

    def _name(self, candidate: dict[str, Any], model: nn.Module) -> str:
        if candidate["how"] != "named" and has_own_class(model):
            return type(model).__name__
        return str(candidate["expression"].partition("(")[0])

    def _mark(self, subject: dict[str, Any], ended: str) -> None:
        """Say that the run did not come as far as it should."""
        if self.problems:
            if subject["status"] == "traced":
                subject["status"] = "partial"
            subject.setdefault("reason", self.problems[0]["message"])

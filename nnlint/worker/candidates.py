"""What a file defines, where it trains nothing: build the models that the source promises and describe them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from .describe import describe
from .holders import walk
from .limits import Deadline
from .naming import has_own_class, unique
from .sandbox import Refused

if TYPE_CHECKING:
    from .job import Session

WITHOUT_VALUES = "what needs values is not checked"
Candidate = dict[str, Any]
Problem = dict[str, Any]


def wanted(session: Session, subjects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those of the trained models that the user named; all of them where none was named."""
    named = [c for c in session.job.get("candidates", ()) if c["how"] == "named"]
    if not named:
        return subjects
    name = named[0]["expression"].partition("(")[0]
    value = session.program.namespace.get(name)
    trained = session.observer.first.models if session.observer.first else []
    if len(subjects) == 1 and any(value is model for model in trained):
        return subjects
    return [s for s in subjects if s["subject"]["target"].rpartition(":")[2].partition("#")[0] == name]


def describe_candidates(session: Session, guarded: Callable[[Callable[[], Any]], Any]) -> list[dict[str, Any]]:
    """Describe the models of the first kind of candidates of which one can be had.

    `guarded` runs code of the user's under the limits of the job. Where nothing can be had, the session's problems
    say why.
    """
    failures: list[Problem] = []
    for _, group in itertools.groupby(session.job.get("candidates", ()), key=lambda c: c["how"]):
        made = []
        for candidate in group:
            model, failure = _evaluate(session, candidate, guarded)
            if model is not None:
                made.append((candidate, model))
            elif failure is not None:
                failures.append(failure)
        if made:
            return _described(session, made, guarded)
    if not session.problems:
        session.problems.extend(failures[:1])
    return []


def _evaluate(session: Session, candidate: Candidate, guarded: Any) -> tuple[nn.Module | None, Problem | None]:
    expression, namespace = candidate["expression"], session.program.namespace
    try:
        value = guarded(lambda: _module(eval(expression, namespace)))
    except Deadline:
        return None, _failure(session, candidate, "timeout", f"`{expression}` takes too long")
    except Refused as error:
        return None, _failure(session, candidate, "refused", f"`{expression}` {error.what}")
    except BaseException as error:
        if isinstance(error, NameError) and session.problems:  # the file did not come so far
            return None, None
        text = str(error).strip().partition("\n")[0][:300]
        return None, _failure(session, candidate, "raises", f"`{expression}` raises {type(error).__name__}: {text}")
    if isinstance(value, nn.Module):
        return value, None
    return None, _failure(session, candidate, "model", f"`{expression}` is no nn.Module but {type(value).__name__}")


def _module(value: Any) -> Any:
    """Return the model in what an expression gave: an instance of a class, the first of a tuple."""
    if isinstance(value, type) and issubclass(value, nn.Module):
        return value()
    if isinstance(value, tuple):
        return next((item for item in value if isinstance(item, nn.Module)), value)
    return value


def _failure(session: Session, candidate: Candidate, kind: str, message: str) -> Problem:
    line = (candidate.get("span") or {}).get("line")
    help = f"say how it is built: # nnlint: model {candidate['expression'].partition('(')[0]}(...) input=..."
    return {"kind": kind, "path": session.job["path"], "line": line, "message": message, "help": help, "fatal": True}


def _described(session: Session, made: list[tuple[Candidate, nn.Module]], guarded: Any) -> list[dict[str, Any]]:
    names = unique([_name(candidate, model) for candidate, model in made])
    subjects: list[dict[str, Any]] = []
    for (candidate, model), name in zip(made, names):
        specs = list(session.job.get("inputs") or candidate.get("input") or ())
        early: list[dict[str, Any]] = []
        try:
            facts = guarded(lambda: _describe(session, model, f"{session.name}:{name}", specs, early))  # noqa: B023
        except Deadline:
            if not early:
                session.problems.append(_failure(session, candidate, "raises", f"`{name}`: its forward takes too long"))
                continue
            facts = early[0]  # traced, but there was no time to probe it
        except Refused as error:
            session.problems.append(_failure(session, candidate, "raises", f"`{name}`: its forward {error.what}"))
            continue
        except ValueError as error:
            problem = {"kind": "input", "path": None, "line": None, "message": str(error), "help": "", "fatal": True}
            session.problems.append(problem)
            continue
        loaded = any(module in session.observer.loads.modules for _, module in walk(model))
        if loaded or session.observer.loop.steps == 0:
            facts["model"]["fresh"] = not loaded
        if session.cpu.room.left_empty(model):
            facts["subject"].setdefault("reason", session.cpu.room.told)
            if not session.problems:
                failure = _failure(session, candidate, "memory", f"`{name}`: {session.cpu.room.told}")
                session.problems.append({**failure, "help": WITHOUT_VALUES})
        subjects.append(facts)
        session.so_far = {**session.so_far, "subjects": list(subjects)}
    return subjects


def _describe(
    session: Session, model: nn.Module, target: str, specs: list[str], early: list[dict[str, Any]]
) -> dict[str, Any]:
    """Describe a model with the specs, else with what the user's own code called it with, else with a guess."""
    path = session.job["path"]
    if not specs:
        for called, args, kwargs in session.observer.calls:
            if called is model:
                return describe(model, target=target, path=path, inputs=args, kwargs=kwargs, early=early)
    return describe(model, target=target, path=path, specs=specs or None, early=early)


def _name(candidate: Candidate, model: nn.Module) -> str:
    if candidate["how"] != "named" and has_own_class(model):
        return type(model).__name__
    return str(candidate["expression"].partition("(")[0])

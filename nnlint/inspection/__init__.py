"""From a file to facts: start the worker on it, validate what comes back, complete it with what the source says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..facts import Facts, Plain, Subject, known
from ..source import Candidate, Outline, read_text
from ..source.notebook import is_notebook
from .interpreter import NoInterpreter, choose
from .launch import WorkerFailed, launch
from .merge import merged

__all__ = ["Inspection", "Options", "Problem", "inspect_file"]


class Options(Plain):
    """How the user's code may be run. `timeout` is in seconds, `inputs` are specs such as `2x1x28x28`."""

    run: bool = False
    static: bool = False
    argv: tuple[str, ...] = ()
    steps: int = 3
    timeout: float = 60.0
    allow_network: bool = False
    python: str | None = None
    inputs: tuple[str, ...] = ()


class Problem(Plain):
    """What kept a file from being inspected as it should. `fatal` where nothing could be said about it at all."""

    kind: str
    path: str | None = None
    line: int | None = None
    message: str
    help: str = ""
    fatal: bool = True


class Inspection(Plain):
    """The subjects of one file. `prints` is what the user's code wrote to its output."""

    facts: tuple[Facts, ...] = ()
    problems: tuple[Problem, ...] = ()
    prints: str = ""
    ended: str = "not run"


def inspect_file(outline: Outline, options: Options) -> Inspection:
    """Run the file behind `outline` in the project's own Python and return its facts.

    With `options.static` nothing runs. Never raises for what the user's code does: that comes as a Problem.
    """
    if options.static:
        return Inspection(facts=_from_source(outline, "nothing was run (--static)"))
    if not outline.candidates and not _may_train(outline, options):
        return Inspection(facts=_from_source(outline, "no model that can be built was found"))
    path = Path(outline.path).absolute()
    try:
        python = choose(options.python, path.parent)
        answer = launch(python, _job(outline, options, path), timeout=options.timeout)
    except NoInterpreter as error:
        return Inspection(problems=(Problem(kind="python", message=error.message, help=error.help),))
    except WorkerFailed as error:
        return _failed(outline, options, error)
    return _validated(outline, answer)


def _may_train(outline: Outline, options: Options) -> bool:
    return outline.trains_at_import or (options.run and outline.has_main_guard)


def _job(outline: Outline, options: Options, path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "module": None if is_notebook(path) else outline.module,
        "text": read_text(path) if is_notebook(path) else None,
        "root": str(Path(outline.root).absolute()) if outline.root else str(path.parent),
        "target": shown(outline.path),
        "run": options.run,
        "argv": list(options.argv),
        "steps": options.steps,
        "allow_network": options.allow_network,
        "inputs": list(options.inputs),
        "epochs": known(lambda: outline.recipe.epochs, None),
        "candidates": [_candidate(c) for c in outline.candidates],
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    span = candidate.span.model_dump() if candidate.span else None
    return {"expression": candidate.expression, "how": candidate.how, "input": list(candidate.input), "span": span}


def shown(path: str) -> str:
    """Return a path as the user would write it: relative to the working directory where it lies in it, with `/`."""
    full = os.path.abspath(path)
    here = os.getcwd()
    return (os.path.relpath(full, here) if full.startswith(here + os.sep) else full).replace(os.sep, "/")


def _validated(outline: Outline, answer: dict[str, Any]) -> Inspection:
    facts, problems = [], [Problem.model_validate(problem) for problem in answer.get("problems", ())]
    for subject in answer.get("subjects", ()):
        try:
            facts.append(Facts.model_validate(subject))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            problems.append(_our_fault(outline, f"facts that cannot be read: {where}: {first['msg']}"))
    return Inspection(
        facts=merged(outline, facts),
        problems=tuple(problems),
        prints=answer.get("prints", ""),
        ended=answer.get("ended", "not run"),
    )


def _failed(outline: Outline, options: Options, error: WorkerFailed) -> Inspection:
    if error.timed_out:
        message = f"still running after {options.timeout:g} s, and could not be interrupted"
        problem = Problem(
            kind="timeout", path=outline.path, message=message, help="give it more time with --timeout, or use --static"
        )
    else:
        problem = _our_fault(outline, error.message)
    return Inspection(problems=(problem,), prints=error.prints, ended="failed")


def _our_fault(outline: Outline, what: str) -> Problem:
    return Problem(kind="worker", path=outline.path, message=f"could not be inspected: {what}")


def _from_source(outline: Outline, why: str) -> tuple[Facts, ...]:
    """Return what the source alone says: the recipe, where there is anything of one."""
    if not outline.classes and not outline.candidates and not outline.recipe.model_fields_set:
        return ()
    name = shown(outline.path)
    head = outline.candidates[0].expression.partition("(")[0] if outline.candidates else None
    target = f"{name}:{head}" if head else name
    subject = Subject(id=target, target=target, path=str(Path(outline.path).absolute()), status="structure", reason=why)
    return (Facts(subject=subject, recipe=outline.recipe),)

"""The straight line: discover, inspect, check, suppress, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .catalogue import all_rules, chosen_rules
from .cells import in_cells
from .checking import check_facts
from .facts import Facts, Recipe, known
from .ignores import idle_ignores
from .inspection import Options, Problem, inspect_file
from .report import Report, ReportedFinding, Trouble, joined
from .reporting import Sources
from .rule import Rule
from .settings import Settings
from .source.discover import outline
from .source.outline import Candidate
from .source.text import SourceError, read_text
from .targets import Stdin, Target, resolve

WORKERS = 2
"""Files that are inspected at a time."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Seen:
    """One target with what the inspection brought, or what went wrong with it."""

    target: Target
    facts: tuple[Facts, ...] = ()
    troubles: tuple[Trouble, ...] = ()


def silent(text: str) -> None:
    """Show no progress."""


def check_targets(
    words: Sequence[str],
    settings: Settings,
    *,
    rules: Sequence[Rule] | None = None,
    progress: Progress = silent,
    stdin: Stdin | None = None,
) -> Report:
    """Check what `words` name (`stdin` is the file that `-` stands for). What goes wrong stands in `errors`.

    `rules` are those that the settings choose where they are not given. Raises ConfigurationError where the settings
    name rules that do not exist or rule packs that cannot be used.
    """
    rules = chosen_rules(settings) if rules is None else rules
    targets, troubles = resolve(words, settings, stdin)
    sources = Sources({str(stdin.path): stdin.shown} if stdin else {})
    reports = []
    for seen in inspected(targets, settings, progress):
        reports.append(Report(errors=tuple(_shown(t, sources) for t in seen.troubles)))
        reports += [check_facts(facts, rules, settings, sources) for facts in seen.facts]
    report = without_repeats(joined([*reports, Report(errors=tuple(troubles))]))
    with_ignores = [path for path in _paths(targets) if "nnlint: ignore" in sources.read(path)]
    if with_ignores:
        names = [rule.name for rule in all_rules(settings)]
        idle = tuple(idle_ignores(with_ignores, report, rules, names, sources))
        report = report.model_copy(update={"errors": report.errors + idle})
    return in_cells(report.model_copy(update={"sources": sources.texts()}))


def _paths(targets: Sequence[Target]) -> list[str]:
    return [str(target.path.absolute()) for target in targets]


def facts_of(
    words: Sequence[str], settings: Settings, progress: Progress = silent, stdin: Stdin | None = None
) -> tuple[list[Facts], Report]:
    """Return what is known of each model that `words` name, and a report that holds the errors alone."""
    targets, troubles = resolve(words, settings, stdin)
    seen = list(inspected(targets, settings, progress))
    sources = Sources({str(stdin.path): stdin.shown} if stdin else {})
    errors = [_shown(trouble, sources) for one in seen for trouble in one.troubles]
    told = in_cells(Report(errors=(*errors, *troubles), sources=sources.texts()))
    return [facts for one in seen for facts in one.facts], told


def checked_facts(
    words: Sequence[str], settings: Settings, progress: Progress = silent, stdin: Stdin | None = None
) -> tuple[list[tuple[Facts, Report]], Report]:
    """Return each model that `words` name with what the rules say of it, and a report that holds the errors alone."""
    found, errors = facts_of(words, settings, progress, stdin)
    rules = chosen_rules(settings)
    sources = Sources({str(stdin.path): stdin.shown} if stdin else {})
    return [(facts, check_facts(facts, rules, settings, sources)) for facts in found], errors


def inspected(targets: Sequence[Target], settings: Settings, progress: Progress) -> Iterator[Seen]:
    """Yield what is known of each target, in order; several files are inspected at a time."""

    def inspect(target: Target) -> Seen:
        progress(f"inspecting {target.path}")
        return look(target, settings)

    pool = ThreadPoolExecutor(WORKERS)
    try:
        # One target is inspected here, so that Ctrl-C reaches the one who waits for the worker.
        yield from map(inspect, targets) if len(targets) < 2 else pool.map(inspect, targets)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        progress("")


def look(target: Target, settings: Settings) -> Seen:
    """Discover and inspect one target."""
    path = target.path.absolute()
    try:
        found = outline(path, read_text(path), target.expression, configured(path, settings))
    except SourceError as error:
        trouble = Trouble(
            kind="source", path=error.path, line=error.line or None, message=error.message, help=error.help
        )
        return Seen(target, troubles=(trouble.model_copy(update={"fatal": target.named}),))
    if target.root is not None:
        found = found.model_copy(update={"root": str(target.root), "module": None})
    hints = [_hint(path, hint.line, hint.message, hint.help) for hint in found.hints]
    if not (found.candidates or found.classes or found.trains_at_import or trains(found.recipe)):
        return Seen(target, troubles=(*hints, *nothing(target, settings)))
    brought = inspect_file(found, run_options(settings))
    facts = tuple(one for one in brought.facts if checkable(one))
    if brought.ended == "stopped" and facts:  # the models were seen at work: nothing has to be added for them
        hints = [_hint(path, hint.line, hint.message, hint.help) for hint in found.hints if not hint.unbuilt]
    troubles = [*hints, *(_trouble(problem) for problem in brought.problems)]
    if not facts:
        if brought.facts and not troubles:
            why = f"nothing could be checked: {brought.facts[0].subject.reason}"
            troubles = [Trouble(kind="nothing-to-check", path=str(path), message=why)]
        loud = [t.model_copy(update={"fatal": target.named}) for t in troubles]
        return Seen(target, troubles=tuple(loud or nothing(target, settings)))
    if settings.inputs or any(candidate.input for candidate in found.candidates):
        troubles += [
            _refused(one) for one in facts if one.subject.input and one.subject.status in ("partial", "structure")
        ]
    return Seen(target, facts, tuple(t.model_copy(update={"fatal": t.kind == "input"}) for t in troubles))


def nothing(target: Target, settings: Settings) -> tuple[Trouble, ...]:
    """Say that a named file holds nothing to check; a file found in a folder is passed over silently."""
    if not target.named or settings.allow_empty:
        return ()
    help = "add a comment `# nnlint: model Net(10) input=2x1x28x28`, or name the model as `path.py:Net(10)`"
    return (Trouble(kind="nothing-to-check", path=str(target.path), message="no PyTorch model found", help=help),)


def trains(recipe: Recipe | None) -> bool:
    """Return whether something is known of how a model is trained."""
    if recipe is None:
        return False
    parts = (lambda: recipe.losses, lambda: recipe.optimizers, lambda: recipe.loop)
    return any(bool(known(part, None)) for part in parts)


def checkable(facts: Facts) -> bool:
    """Return whether there is anything that a rule could look at."""
    return facts.subject.status != "failed" and (facts.model is not None or trains(facts.recipe))


def configured(path: Path, settings: Settings) -> list[Candidate]:
    """Return the models that the configuration names for this file."""
    result = []
    for model in settings.models:
        place, _, expression = model.target.partition(".py:") if ".py:" in model.target else model.target.partition(":")
        file = Path(settings.root, place + ".py" if ".py:" in model.target else place.replace(".", "/") + ".py")
        if file.absolute() == path:
            result.append(Candidate(expression=expression, how="config", input=model.input))
    return result


def run_options(settings: Settings) -> Options:
    """Return how the user's code is to be run."""
    return Options(
        run=settings.run,
        static=settings.static,
        argv=settings.argv,
        steps=settings.steps,
        timeout=settings.timeout,
        allow_network=settings.allow_network,
        python=settings.python,
        inputs=settings.inputs,
    )


def without_repeats(report: Report) -> Report:
    """Keep the first of the findings that say the same about the same place (of a file that two scripts import)."""
    kept: dict[object, ReportedFinding] = {}
    for finding in report.findings:
        place = (finding.path, finding.line, finding.column) if finding.path else finding.subject
        kept.setdefault((finding.rule, finding.message, place), finding)
    return report.model_copy(update={"findings": tuple(kept.values()), "errors": tuple(dict.fromkeys(report.errors))})


def exit_status(report: Report, settings: Settings, *, exit_zero: bool = False) -> int:
    """Return 2 where something could not be checked, else 1 where findings are as strong as `fail_level`, else 0."""
    if any(trouble.fatal for trouble in report.errors):
        return 2
    if settings.strict and any(subject.status != "traced" for subject in report.subjects):
        return 2
    return 0 if exit_zero or not any(settings.fails(finding.level) for finding in report.findings) else 1


def _hint(path: Path, line: int, message: str, help: str) -> Trouble:
    return Trouble(kind="model", path=str(path), line=line, message=message, help=help)


def _refused(facts: Facts) -> Trouble:
    """Say that a model raises on the input that the user gave."""
    subject = facts.subject
    name = subject.target.rpartition(":")[2]
    message = f"`{name}`: {subject.reason} on the input {', '.join(subject.input)} that you gave"
    return Trouble(kind="input", path=subject.path, message=message)


def _trouble(problem: Problem) -> Trouble:
    return Trouble(**problem.model_dump())


def _shown(trouble: Trouble, sources: Sources) -> Trouble:
    return trouble.model_copy(update={"path": sources.shown(trouble.path)}) if trouble.path else trouble

"""Train a script with and without each fix, and put what was measured into the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .facts import known
from .fixing import applicable
from .inspection.interpreter import NoInterpreter, choose
from .report import Evidence, Measured, Report, ReportedFinding, ReportedFix
from .settings import ConfigurationError, Settings
from .source.discover import module_name
from .source.rewrite import read_source, rewrite_all
from .trainer import (
    FOLDER,
    Backend,
    Confirmation,
    LearningRate,
    Options,
    Verdict,
    confirm_against,
    confirm_script,
    range_test,
)

Progress = Callable[[str], None]

TOGETHER = "all fixes together"


class Where(NamedTuple):
    """Where runs are made, and how many at a time."""

    workers: int = 2
    backend: Backend = "processes"
    address: str | None = None


class Terms(NamedTuple):
    """How much a study may spend (pairs of runs, seconds), and whether results are kept for the next one.

    `together` adds all fixes at once, and each of them left out; `experiments` adds the proposals.
    """

    seeds: int = 16
    budget: float = 300.0
    cache: bool = True
    together: bool = False
    experiments: bool = False
    where: Where = Where()


def confirm(
    path: Path, report: Report, settings: Settings, progress: Progress, terms: Terms
) -> tuple[Report, Confirmation]:
    """Return the report with evidence in its findings, and the verdict on each of their first applicable fixes.

    The verdicts stand in the order of `changed(report)`. Raises ConfigurationError where no Python has torch.
    """
    fixes = {name: _first(finding) for name, finding in changed(report, settings).items()}
    if terms.experiments:
        fixes |= {f"{e.rule}: {e.title}": e.fixes[0] for e in report.experiments if e.fixes and e.fixes[0].edits}
    variants = {name: _texts([fix]) for name, fix in fixes.items()}
    mends = [fix for name, fix in fixes.items() if name in changed(report, settings)]
    together = terms.together and len(mends) > 1
    if together:
        variants[TOGETHER] = _texts(mends)
    options = _options(path, report, settings, terms)
    possible = {name: texts for name, texts in variants.items() if texts}
    result = confirm_script(path, possible, options, progress)
    if together and possible.get(TOGETHER):
        result = _leave_one_out(path, mends, possible[TOGETHER], result, options, progress)
    result = _only_what_helped(result, report)
    verdicts = {verdict.name: verdict for verdict in result.verdicts}
    proved = {id(f): verdicts[n] for n, f in changed(report, settings).items() if n in verdicts}
    findings = tuple(_with_evidence(f, proved.get(id(f)), result) for f in report.findings)
    return report.model_copy(update={"findings": findings}), result


def _first(finding: ReportedFinding) -> ReportedFix:
    return next(fix for fix in finding.fixes if fix.edits and fix.safety != "display")


def _texts(fixes: Sequence[ReportedFix]) -> dict[str, str]:
    """Return the files as these fixes leave them; none where one of them cannot be applied beside the others."""
    usable = [(fix.origin, fix.facts) for fix in fixes if fix.origin is not None]
    result = rewrite_all([origin for origin, _ in usable], read_source, [facts for _, facts in usable])
    return {} if result.left else dict(result.files)


def _leave_one_out(
    path: Path,
    mends: Sequence[ReportedFix],
    texts: dict[str, str],
    result: Confirmation,
    options: Options,
    progress: Progress,
) -> Confirmation:
    """Add what is lost where one of the fixes is left out: which of them carry the gain."""
    without = {f"without: {fix.title}": _texts([m for m in mends if m is not fix]) for fix in mends}
    left = options.model_copy(update={"budget": max(30.0, options.budget - result.seconds), "best_rate": False})
    lost = confirm_script(path, {n: t for n, t in without.items() if t}, left, progress, base=texts)
    return result.model_copy(update={"left_out": lost.verdicts, "seconds": result.seconds + lost.seconds})


def _only_what_helped(result: Confirmation, report: Report) -> Confirmation:
    """Leave out the proposals that did not help, and count them."""
    tried = {f"{e.rule}: {e.title}" for e in report.experiments}
    kept = tuple(v for v in result.verdicts if v.name not in tried or v.word == "helps")
    dropped = len(result.verdicts) - len(kept)
    shown = {v.name for v in kept} | {"original"}
    notes = (*result.notes, f"{dropped} proposals were tried and did not help") if dropped else result.notes
    curves = tuple(curve for curve in result.curves if curve.name in shown)
    return result.model_copy(update={"verdicts": kept, "notes": notes, "curves": curves})


def compare(
    path: Path, other: Path, report: Report, settings: Settings, progress: Progress, terms: Terms
) -> Confirmation:
    """Return the verdict on `other` against `path`. Raises ConfigurationError where no Python has torch."""
    return confirm_against(path, other, _options(path, report, settings, terms), progress)


def learning_rate(path: Path, report: Report, settings: Settings, progress: Progress, seeds: int) -> LearningRate:
    """Return what the range test suggests for the script. Raises ConfigurationError where no Python has torch."""
    return range_test(path, _options(path, report, settings, Terms()), progress, seeds=seeds)


def changed(report: Report, settings: Settings) -> dict[str, ReportedFinding]:
    """Return the findings shown that have a fix which can be trained, by a name of their own."""
    found = [finding for finding, _ in applicable(report, settings, True, {})]
    often = Counter(finding.rule for finding in found)
    return {f.rule if often[f.rule] == 1 else f"{f.rule} at {f.path}:{f.line}": f for f in found}


def _options(path: Path, report: Report, settings: Settings, terms: Terms) -> Options:
    try:
        python = choose(settings.python, path.absolute().parent)
    except NoInterpreter as error:
        raise ConfigurationError(error.message, help=error.help) from error
    module, root = module_name(path)
    epochs = _epochs(finding for finding in report.findings)
    return Options(
        python=python, seeds=terms.seeds, budget=terms.budget, epochs=epochs, argv=settings.argv,
        module=module, root=str(root),
        allow_network=settings.allow_network, inputs=next((s.input for s in report.subjects if s.input), ()),
        store=Path(FOLDER).absolute() if terms.cache else None,
        **terms.where._asdict(),
    )  # fmt: skip


def _epochs(findings: Iterable[ReportedFinding]) -> int | None:
    """Return how many epochs the source plans, where it says so."""
    for facts in (fix.facts for finding in findings for fix in finding.fixes):
        if facts is not None and facts.recipe is not None:
            planned: int | None = known(partial(getattr, facts.recipe, "epochs"), None)
            if planned is not None:
                return planned
    return None


def _with_evidence(finding: ReportedFinding, verdict: Verdict | None, result: Confirmation) -> ReportedFinding:
    if verdict is None or verdict.metric is None or verdict.word == "not confirmed":
        return finding
    evidence = Evidence(
        task=result.data or "your data",
        seeds=verdict.seeds,
        metric=verdict.metric.name,
        your_rate=_measured(verdict),
        best_rate=None if verdict.best_rate is None else _measured(verdict.best_rate),
    )
    return finding.model_copy(update={"evidence": (*(finding.evidence or ()), evidence)})


def _measured(verdict: Verdict) -> Measured:
    word = "undecided" if verdict.word == "not confirmed" else verdict.word
    return Measured(before=verdict.before, after=verdict.after, interval=verdict.interval, verdict=word)

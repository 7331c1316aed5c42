"""Improve a configuration: every change is trained against the original, and the best found is confirmed as a whole.

What a finding of level error or warning asks for is kept unless it hurts; what advice asks for is kept where it helps.
Where the changed configuration does better at another rate, the rate is changed as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .advising import Checked, python_for
from .blueprint import Blueprint, script_of
from .blueprint.changes import Change, after, in_words, rewritten
from .facts import Plain
from .finding import Level
from .report import ReportedFinding
from .settings import Settings
from .trainer import FOLDER, Confirmation, Options, Verdict, confirm_script

Progress = Callable[[str], None]

TOGETHER = "all changes together"
BEST = "the improved configuration"


class Kept(Plain):
    """One change: which finding asked for it, in words, whether it is in the improved configuration, and why."""

    name: str
    change: str
    kept: bool
    why: str


class Improvement(Plain):
    """What became of the changes. `text` is the improved configuration, None where nothing is to be changed.

    `tried` holds the verdict on each change alone (and on all together), `confirmed` the one on `text` as a whole.
    """

    kept: tuple[Kept, ...] = ()
    tried: Confirmation = Confirmation(verdicts=())
    confirmed: Confirmation | None = None
    text: str | None = None


def improve(
    checked: Checked, settings: Settings, progress: Progress, *, seeds: int, budget: float, cache: bool
) -> Improvement:
    """Train the changes of what was found and put together the best. Raises ConfigurationError without torch."""
    changes = _named(checked)
    if not changes:
        return Improvement()
    options = Options(
        python=python_for(checked.written, settings), seeds=seeds, budget=budget * 2 / 3,
        epochs=checked.written.blueprint.epochs, store=Path(FOLDER).absolute() if cache else None,
    )  # fmt: skip
    variants = {name: _texts(checked, own) for name, (_, own) in changes.items()}
    if len(changes) > 1:
        variants[TOGETHER] = _texts(checked, _joined(own for _, own in changes.values()))
    tried = confirm_script(checked.place, {n: t for n, t in variants.items() if t}, options, progress)
    words = {verdict.name: verdict for verdict in tried.verdicts}
    kept = [
        judged(name, in_words(checked.written, own), finding.level, words.get(name))
        for name, (finding, own) in changes.items()
    ]
    chosen = [name for name, one in zip(changes, kept, strict=True) if one.kept]
    if tried.interrupted or not chosen:
        return Improvement(kept=tuple(kept), tried=tried)
    final = _joined(changes[name][1] for name in chosen)
    single = chosen[0] if len(chosen) == 1 else TOGETHER if len(chosen) == len(changes) else ""
    final = _rate(checked.written.blueprint, final, words.get(single))
    rest = options.model_copy(update={"budget": max(20.0, budget - tried.seconds), "best_rate": False})
    confirmed = confirm_script(checked.place, {BEST: _texts(checked, final)}, rest, progress)
    harms = confirmed.verdicts[0].word == "hurts"
    text = None if harms else rewritten(checked.written, final)
    return Improvement(kept=tuple(kept), tried=tried, confirmed=confirmed, text=text)


def _named(checked: Checked) -> dict[str, tuple[ReportedFinding, tuple[Change, ...]]]:
    """Return the changes by the rule that asks for them."""
    findings = [(checked.own.findings[number], own) for number, own in checked.changes.items()]
    often = Counter(finding.rule for finding, _ in findings)
    return {
        f.rule if often[f.rule] == 1 else f"{f.rule}: {in_words(checked.written, own)}": (f, own) for f, own in findings
    }


def _texts(checked: Checked, changes: Sequence[Change]) -> Mapping[str, str]:
    changed = after(checked.written, changes)
    if changed is None:
        return {}
    return {str(checked.place): script_of(changed, checked.place, checked.script.source).text}


def _joined(several: Iterable[Sequence[Change]]) -> tuple[Change, ...]:
    """Join changes; of two for one key the first counts."""
    result: dict[object, Change] = {}
    for own in several:
        for change in own:
            result.setdefault(change.key, change)
    return tuple(result.values())


def judged(name: str, change: str, level: Level, verdict: Verdict | None) -> Kept:
    """Return whether a change that a finding of `level` asks for belongs into the improved configuration."""
    best = None if verdict is None or verdict.best_rate is None else verdict.best_rate.word
    word = "not confirmed" if verdict is None else verdict.word
    if "helps" in (word, best):
        kept, why = True, "it helps" if word == "helps" else "it helps once each side has its best rate"
    elif "hurts" in (word, best):
        kept, why = False, "it hurts"
    elif level in ("error", "warning"):
        kept, why = True, f"it takes away a finding of level {level}, and does not hurt ({word})"
    else:
        kept, why = False, f"advice is kept where it helps ({word})"
    return Kept(name=name, change=change, kept=kept, why=why)


def better_rate(rate: float | None, verdict: Verdict | None) -> float | None:
    """Return the rate at which the changed program does clearly better than at `rate`, None where there is none."""
    best = verdict.best_rate if verdict is not None else None
    if rate is None or verdict is None or best is None or best.factors is None or best.metric is None:
        return None
    if best.factors[1] == 1 or best.after is None:
        return None
    if verdict.after is not None and best.metric.sign * (best.after - verdict.after) <= best.metric.smallest:
        return None
    return float(f"{rate * best.factors[1]:.2g}")


def _rate(blueprint: Blueprint, changes: Sequence[Change], verdict: Verdict | None) -> tuple[Change, ...]:
    """Return the changes with the rate at which they do best."""
    key = ("optimizer", "rate")
    better = better_rate(next((c.value for c in changes if c.key == key), blueprint.optimizer.rate), verdict)
    return tuple(changes) if better is None else (*(c for c in changes if c.key != key), Change(key, better))

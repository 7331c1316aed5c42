"""Facts and rules in, sorted findings out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .facts import (
    Data,
    Facts,
    Layer,
    Loop,
    Loss,
    Missing,
    Model,
    Optimizer,
    Output,
    Probe,
    Recipe,
    Unknown,
    known,
    layers,
    outputs,
)
from .finding import Finding, weaker
from .rule import Rule


@dataclass(frozen=True)
class NotChecked:
    """A rule that could not be evaluated (somewhere) because a fact is unknown."""

    rule: str
    needs: str
    subject: str


@dataclass(frozen=True)
class Checked:
    """What the rules had to say about one subject."""

    findings: tuple[Finding, ...]
    not_checked: tuple[NotChecked, ...]


def check(facts: Facts, rules: Iterable[Rule]) -> Checked:
    """Run every rule on every part of `facts` that it subscribes to."""
    findings: list[Finding] = []
    not_checked: dict[tuple[str, str], NotChecked] = {}
    for rule in rules:
        for finding in _apply(rule, facts):
            if isinstance(finding, Unknown):
                not_checked[rule.name, finding.needs] = NotChecked(rule.name, finding.needs, facts.subject.id)
            else:
                level = weaker(finding.level or rule.level, rule.level)
                findings.append(replace(finding, rule=rule.name, level=level, subject=facts.subject.id))
    return Checked(tuple(_fold(sorted(_distinct(findings), key=position))), tuple(not_checked.values()))


def position(finding: Finding) -> tuple[str, int, int, str]:
    """Sort key: by place, then by rule."""
    span = finding.span
    return (span.path, span.line, span.column or 0, finding.rule) if span else ("", 0, 0, finding.rule)


def _apply(rule: Rule, facts: Facts) -> Iterator[Finding | Unknown]:
    """Yield findings, and an Unknown for each call that asked for a fact that nobody knows."""
    try:
        calls = list(_calls(rule, facts))
    except Unknown as unknown:
        yield unknown
        return
    for arguments in calls:
        try:
            said = rule.check(**arguments, **rule.asked)
            if isinstance(said, Finding):
                yield said
            elif said is not None:
                yield from said
        except Unknown as unknown:
            yield unknown


def _calls(rule: Rule, facts: Facts) -> Iterator[dict[str, Any]]:
    wants = rule.wants
    choices = [_PROVIDERS[kind](facts) for kind in wants.values()]
    for values in itertools.product(*choices):
        arguments = dict(zip(wants, values, strict=True))
        output = next((v for v in values if isinstance(v, Output)), None)
        loss = next((v for v in values if isinstance(v, Loss)), None)
        if output is None or loss is None or output.reader == loss:
            yield {name: _seen_by(output.reader if output else loss, value, facts) for name, value in arguments.items()}


def _seen_by(loss: Loss | None, value: Any, facts: Facts) -> Any:
    """Return the data with the target of the loss that a rule is called for; anything else as it is."""
    if loss is None or not isinstance(value, Data):
        return value
    own = known(lambda: loss.compares, None)
    if own is None and len(_recipe(facts).losses) < 2:
        return value
    unknown = Missing("which of several losses compares with it is not known")
    return Data(**{**{name: _stored(value, name) for name in Data.model_fields}, "target": own or unknown})


def _stored(data: Data, name: str) -> Any:
    return known(lambda: getattr(data, name), Missing("not found"))


def _only(name: str) -> Callable[[Facts], Sequence[Any]]:
    def provide(facts: Facts) -> Sequence[Any]:
        value = getattr(facts, name)
        if value is None:
            raise Unknown(name, "none given")
        return (value,)

    return provide


def _recipe(facts: Facts) -> Recipe:
    if facts.recipe is None:
        raise Unknown("recipe", "none given")
    return facts.recipe


_PROVIDERS: dict[Any, Callable[[Facts], Sequence[Any]]] = {
    Model: _only("model"),
    Layer: lambda facts: list(layers(facts)),
    Output: lambda facts: list(outputs(facts)),
    Recipe: _only("recipe"),
    Recipe | None: lambda facts: (facts.recipe,),
    Loss: lambda facts: _recipe(facts).losses,
    Optimizer: lambda facts: _recipe(facts).optimizers,
    Loop: lambda facts: (_recipe(facts).loop,),
    Data: _only("data"),
    Probe: lambda facts: (facts.probe or Probe(),),
}


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Keep one of the findings that say the same about the same place (a layer that is called twice)."""
    return list({(f.rule, f.says, f.span or id(f)): f for f in findings}.values())


def _fold(findings: Sequence[Finding]) -> list[Finding]:
    """Fold what follows from another finding into it: one root cause, one finding."""
    cause_of: dict[int, int] = {}
    for i, effect in enumerate(findings):
        for j, cause in enumerate(findings):
            if effect.rule != cause.rule and effect.rule in cause.explains and _root(j, cause_of) != i:
                cause_of[i] = j
                break
    folded: dict[int, set[str]] = {}
    for i in cause_of:
        folded.setdefault(_root(i, cause_of), set()).add(findings[i].rule)
    return [
        replace(finding, also_explains=tuple(sorted(folded.get(j, ()))))
        for j, finding in enumerate(findings)
        if j not in cause_of
    ]


def _root(i: int, cause_of: dict[int, int]) -> int:
    while i in cause_of:
        i = cause_of[i]
    return i

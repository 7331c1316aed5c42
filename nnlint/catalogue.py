"""The rules that a run has: the built-in pack, the user's packs, and what the settings say about them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from . import registry
from .configuration import did_you_mean
from .finding import LEVELS
from .rule import GOAL, Rule, RuleError, Threshold
from .settings import ConfigurationError, Origin, Settings, chosen

_OPTION = Origin(source="--select")


def all_rules(settings: Settings) -> list[Rule]:
    """Return every rule at the level of the configuration. Raises ConfigurationError for a pack that cannot be used."""
    packs = installed_packs()
    for name in settings.rule_paths:
        origin = settings.origin.get(f"rule_paths:{name}", _OPTION)
        packs.append(Path(settings.root, name))
        if not packs[-1].exists():
            raise ConfigurationError(f"rule-paths: there is no {name}", path=origin.source, line=origin.line)
    try:
        rules = registry.load(packs)
    except RuleError as error:
        path = Path(os.path.relpath(error.path)).as_posix() if error.path.is_absolute() else str(error.path)
        raise ConfigurationError(f"malformed rule: {error.message}", path=path, line=error.line or None) from error
    return [replace(rule, level=settings.levels.get(rule.name, rule.level)) for rule in rules]


def installed_packs() -> list[Path]:
    """Return the folders of the rule packs that installed packages bring (entry points of the group `nnlint.rules`).

    Nothing of such a package is imported. Raises ConfigurationError where its folder cannot be found.
    """
    found = []
    for point in sorted(entry_points(group="nnlint.rules"), key=lambda point: point.name):
        try:
            spec = find_spec(point.value)
        except (ImportError, ValueError):
            spec = None
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not places:
            package = point.dist.name if point.dist is not None else "an installed package"
            raise ConfigurationError(
                f"the rule pack {point.name} of {package} is not a package: {point.value}",
                help=f"reinstall or remove {package}",
            )
        found.append(Path(places[0]))
    return found


def chosen_rules(settings: Settings) -> list[Rule]:
    """Return the rules that are on. Raises ConfigurationError where the settings name one that does not exist."""
    rules = all_rules(settings)
    check_names(settings, rules)
    on = [r for r in rules if chosen(r.name, r.family, r.level, settings.select, settings.ignore)]
    return [replace(rule, asked=asked_of(rule, settings)) for rule in on]


def asked_of(rule: Rule, settings: Settings) -> dict[str, Threshold | None]:
    """Return what the settings ask of a rule: the thresholds that were set, and the goal where it knows of one."""
    goal: dict[str, Threshold | None] = {GOAL: settings.goal} if rule.has_goal else {}
    return {**settings.thresholds.get(rule.name, {}), **goal}


def one_rule(name: str, settings: Settings) -> Rule:
    """Return the rule of that name. Raises ConfigurationError, with the nearest name, where there is none."""
    rules = all_rules(settings)
    wanted = name.strip().replace("_", "-").lower()
    found = next((rule for rule in rules if rule.name == wanted), None)
    if found is None:
        hint = did_you_mean(wanted, [rule.name for rule in rules]) or "`nnlint rules` lists them"
        raise ConfigurationError(f"there is no rule named {name!r}", help=hint)
    return found


def check_names(settings: Settings, rules: Iterable[Rule]) -> None:
    """Raise ConfigurationError where the settings name a rule, family, level or threshold that does not exist."""
    rules = list(rules)
    names = {rule.name for rule in rules}
    known = names | {rule.family for rule in rules} | set(LEVELS) | {"ALL"}
    mentioned = [("select", word, known) for word in settings.select]
    mentioned += [("ignore", word, known) for word in settings.ignore]
    mentioned += [("per_file_ignores", word, known) for words in settings.per_file_ignores.values() for word in words]
    mentioned += [("levels", name, names) for name in settings.levels]
    mentioned += [("thresholds", name, names) for name in settings.thresholds]
    for setting, word, allowed in mentioned:
        if word not in allowed:
            origin = (
                settings.origin.get(f"{setting}:{word}") or settings.origin.get(setting) or Origin(source="--select")
            )
            option = f"{origin.source}: " if origin.source.startswith("--") else ""
            raise ConfigurationError(
                f"{option}there is no rule{'' if allowed is names else ', family or level'} named {word!r}",
                path=None if option else origin.source,
                line=origin.line,
                help=did_you_mean(word, allowed) or "`nnlint rules` lists them",
            )
    for rule in rules:
        for name, value in settings.thresholds.get(rule.name, {}).items():
            _check_threshold(rule, name, value, settings)


def _check_threshold(rule: Rule, name: str, value: Threshold, settings: Settings) -> None:
    declared = rule.thresholds
    origin = settings.origin.get(f"thresholds:{rule.name}.{name}") or Origin(source="thresholds")
    if name not in declared:
        known = f"it has {', '.join(declared)}" if declared else "it has none"
        message = f"{rule.name} has no threshold named {name!r}"
        raise ConfigurationError(
            message, path=origin.source, line=origin.line, help=did_you_mean(name, declared) or known
        )
    default = declared[name]
    kinds = (int, float) if isinstance(default, float) else (type(default),)
    if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(default, bool):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}[type(default)]
        message = f"{rule.name}: {name} takes {wanted}, not {value!r}"
        raise ConfigurationError(message, path=origin.source, line=origin.line, help=f"its default is {default!r}")

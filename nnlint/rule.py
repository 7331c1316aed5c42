"""What a rule file imports.

A rule is a function in a file of its own. Its annotated parameters are its subscription: `(layer: Layer)` is called
once for each call in the model, `(output: Output, data: Data)` once for each output where data is known.

Parameters behind a `*` are what a user may set: `*, most: int = 5` is a threshold of the rule, with its default;
`*, goal: str | None = None` is what the project asks for.
"""

from __future__ import annotations

import hashlib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .facts import Data, Layer, Loop, Loss, Model, Optimizer, Output, Probe, Recipe
from .finding import Finding, Level

Check = Callable[..., Finding | Iterable[Finding] | None]

Threshold = bool | int | float | str
"""The types that a threshold may have."""

GOAL = "goal"
"""The keyword parameter through which a rule learns what the project asks for."""

SUBSCRIPTIONS: tuple[Any, ...] = (Model, Layer, Output, Recipe, Recipe | None, Loss, Optimizer, Loop, Data, Probe)
"""The types that a rule's parameters may have. `Recipe | None` is for a rule that speaks without a recipe as well."""


class RuleError(Exception):
    """A rule file that cannot be used, with the place to mend."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


@dataclass(frozen=True)
class Rule:
    """One rule. `name`, `family` and `path` come from where its file stands."""

    check: Check
    level: Level
    since: str
    preview: bool = True
    name: str = ""
    family: str = ""
    path: Path = field(default=Path())
    asked: Mapping[str, Threshold | None] = field(default_factory=dict, hash=False)
    """What the user set: thresholds of this rule, and `goal`."""

    @property
    def doc(self) -> str:
        """The file's docstring: what the page says."""
        return inspect.cleandoc(self.check.__globals__["__doc__"])

    @property
    def summary(self) -> str:
        """The docstring's first line."""
        return self.doc.partition("\n")[0]

    def pair(self, side: typing.Literal["bad", "good"]) -> Path:
        """Return the path of the faulty or the sound program that belongs to the rule."""
        return self.path.with_suffix(f".{side}.py")

    @property
    def pair_digest(self) -> str:
        """What the pair is known by, the same under every Python: its lines, without comments and blank ones."""
        lines = (line.rstrip() for side in ("bad", "good") for line in self.pair(side).read_text("utf-8").splitlines())
        kept = (line for line in lines if line and not line.lstrip().startswith("#"))
        return hashlib.sha256("\n".join(kept).encode()).hexdigest()

    @property
    def wants(self) -> dict[str, Any]:
        """The subscription: parameter name to type."""
        hints = typing.get_type_hints(self.check)
        return {p.name: hints[p.name] for p in _parameters(self.check) if p.kind != p.KEYWORD_ONLY and p.name in hints}

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """What a user may set, with its defaults: parameter name to value."""
        return {p.name: p.default for p in _settable(self.check) if p.name != GOAL}

    @property
    def has_goal(self) -> bool:
        """Whether what the project asks for changes what the rule says."""
        return any(p.name == GOAL for p in _settable(self.check))


def _parameters(check: Check) -> list[inspect.Parameter]:
    return list(inspect.signature(check).parameters.values())


def _settable(check: Check) -> list[inspect.Parameter]:
    return [p for p in _parameters(check) if p.kind == p.KEYWORD_ONLY]


def rule(*, level: Level, since: str, preview: bool = True) -> Callable[[Check], Rule]:
    """Make a function a rule. `level` is the highest it may reach; `preview` until its evidence is in."""
    return lambda check: Rule(check=check, level=level, since=since, preview=preview)

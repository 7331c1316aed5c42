"""What the user asked for, from the configuration and the command line together. No files are read here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from .facts import Plain
from .finding import LEVELS, Level

ShownLevel = Literal["advice", "warning", "error"]
FailLevel = Literal["warning", "error"]
Goal = Literal["accuracy", "latency", "overfitting", "massive-data", "robustness"]
"""What matters most, for experiments: `overfitting` is to be held down, `massive-data` is there."""


class ConfigurationError(Exception):
    """A mistake in the configuration or in an option, with the place to mend and what to do."""

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None, help: str = "") -> None:
        super().__init__(message)
        self.message, self.path, self.line, self.help = message, path, line, help


class ConfiguredModel(Plain):
    """One `[[tool.nnlint.models]]`: `target` is `path.py:Net(10)` or `package.module:Net`, `input` as for `--input`."""

    target: str
    input: tuple[str, ...] = ()


class Origin(Plain):
    """Where a setting was made: a line of a file, or an option (`--select`)."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


class Settings(Plain):
    """Everything that changes what nnlint does, with the value that is in force.

    `root` is the folder of the configuration (paths and patterns are relative to it), `origin` tells of each setting
    that is no default where it was made.
    """

    root: str = "."
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = {}
    levels: Mapping[str, Level] = {}
    thresholds: Mapping[str, Mapping[str, bool | int | float | str]] = {}
    goal: Goal | None = None
    rule_paths: tuple[str, ...] = ()
    models: tuple[ConfiguredModel, ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: str | None = None
    level: ShownLevel = "warning"
    fail_level: FailLevel = "warning"
    strict: bool = False
    allow_empty: bool = False
    inputs: tuple[str, ...] = ()
    run: bool = False
    static: bool = False
    argv: tuple[str, ...] = ()
    steps: int = 3
    timeout: float = 60.0
    allow_network: bool = False
    python: str | None = None
    origin: Mapping[str, Origin] = {}

    def shows(self, level: Level) -> bool:
        """Return whether the screen shows findings of `level`."""
        return at_least(level, self.level)

    def fails(self, level: Level) -> bool:
        """Return whether a finding of `level` makes the exit status 1."""
        return at_least(level, self.fail_level)


def at_least(level: Level, limit: Level) -> bool:
    """Return whether `level` is as strong as `limit` or stronger."""
    return LEVELS.index(level) <= LEVELS.index(limit)


def chosen(name: str, family: str, level: Level, select: Iterable[str], ignore: Iterable[str]) -> bool:
    """Return whether a rule is on: the most exact word about it counts (rule, family, level, ALL), `ignore` wins a tie.

    `select=["ALL"], ignore=["dropout"]` leaves the family out, `select=["dropout-on-output"]` with it brings one back.
    """
    exactness = {name: 4, family: 3, level: 2, "ALL": 1}
    wanted = max((exactness.get(word, 0) for word in select), default=0)
    unwanted = max((exactness.get(word, 0) for word in ignore), default=0)
    return wanted > unwanted

"""The trainer: what a change is worth, measured by training the program with and without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .confirmation import Arm, Confirmation, Curve, Options
from .range_test import LearningRate, range_test
from .store import FOLDER
from .study import Progress, Study
from .trials import Backend
from .verdict import Failures, Metric, Verdict

__all__ = [
    "FOLDER",
    "Backend",
    "Confirmation",
    "Curve",
    "Failures",
    "LearningRate",
    "Metric",
    "Options",
    "Progress",
    "Verdict",
    "confirm_against",
    "confirm_script",
    "range_test",
]


def _silent(text: str) -> None:
    """Show no progress."""


def confirm_script(
    path: Path,
    variants: Mapping[str, Mapping[str, str]],
    options: Options,
    progress: Progress = _silent,
    *,
    base: Mapping[str, str] | None = None,
) -> Confirmation:
    """Train the script at `path` as it is and as each variant has it, over paired seeds, and judge every variant.

    `variants` maps a name (of a finding) to the new texts of the files that its fix changes, by path; every file is
    run under its own path, whatever its text. `base` changes
    the original likewise. `progress` is given one line at a time, "" at the end. Never raises for
    a script that cannot be trained: its verdicts are "not confirmed", with the reason. Ctrl-C returns what was
    measured, with `interrupted` set.
    """
    arms = [
        Arm(name=name, path=path, texts={str(Path(p).resolve()): text for p, text in texts.items()})
        for name, texts in {"original": base or {}, **variants}.items()
    ]
    return Study(arms, options, progress).run()


def confirm_against(path: Path, other: Path, options: Options, progress: Progress = _silent) -> Confirmation:
    """Train the script at `path` and the one at `other` over paired seeds; the verdict is that of `other`."""
    arms = [Arm(name="original", path=path), Arm(name=other.name, path=other)]
    return Study(arms, options.model_copy(update={"against": True}), progress).run()

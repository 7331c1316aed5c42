"""What a study is given, and what it gives back."""

from __future__ import annotations

from pathlib import Path

from ..facts import Plain
from .plan import Scouted
from .statistics import LOOKS
from .trials import Backend, Trials
from .verdict import Verdict


class Arm(Plain):
    """One program of a study: a script, with the texts that take the place of files (by absolute path)."""

    name: str
    path: Path
    texts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it


class Options(Plain):
    """How much a study may spend, and how scripts are run.

    `budget` is in seconds; `seeds` the most pairs; `samples` the most rows recorded; `epochs` what the source plans
    (used where a script could not be watched to its end). `apart` gives the changed program other seeds, which makes
    of a program against itself a test of the study; `first_seed` is where the seeds of all programs begin. `model` and
    `inputs` say which model of the file is trained on a built-in task, and what it takes (`2x1x28x28`), where the file
    itself trains none. `best_rate` asks for a second verdict with each side at its best learning rate, where the budget
    allows; `against` says that the change is another program. `store` is the folder in which results are kept; None
    keeps nothing.
    `backend` says where the trials run, `address` at which cluster; `workers` how many at a time.
    """

    python: Path
    seeds: int = LOOKS[-1]
    budget: float = 300.0
    samples: int = 20_000
    workers: int = 2
    epochs: int | None = None
    argv: tuple[str, ...] = ()
    module: str | None = None
    root: str = ""
    allow_network: bool = False
    apart: bool = False
    first_seed: int = 0
    model: str | None = None
    inputs: tuple[str, ...] = ()
    best_rate: bool = True
    against: bool = False
    store: Path | None = None
    backend: Backend = "processes"
    address: str | None = None

    def trials(self) -> Trials:
        """Return where the trials run, to be entered."""
        return Trials(
            self.python, workers=self.workers, allow_network=self.allow_network,
            backend=self.backend, address=self.address,
        )  # fmt: skip


class Curve(Plain):
    """How a program trains at the user's rate: its score on validation rows over the epochs, over the seeds."""

    name: str
    epochs: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Confirmation(Plain):
    """What a study found: a verdict for each change, on which data, at what cost."""

    verdicts: tuple[Verdict, ...]
    data: str = ""
    epochs: float = 0.0
    planned_epochs: float = 0.0
    seconds: float = 0.0
    interrupted: bool = False
    cut: bool = False
    """Whether the budget has shortened anything: the training, the number of pairs, the search for the best rates."""
    notes: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    left_out: tuple[Verdict, ...] = ()
    """All fixes against all but one: "hurts" where the one left out carries a part of the gain."""


def described(scout: Scouted, task: str) -> str:
    """Return on which data a study rests; `task` is the name of a built-in one."""
    counts = scout["counts"]
    seen = "first " if scout["cut"] else ""
    whose = f"the built-in task {task} (no data of its own was seen)," if task else "its own data,"
    return (
        f"{whose} the {seen}{scout['rows']} rows of one epoch: {counts['fit']} to fit, "
        f"{counts['choose']} to choose the checkpoint, {counts['report']} to report"
    )

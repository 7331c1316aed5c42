"""The study: scouts first, then pairs of runs until each change has its word, the seeds or the budget are used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..facts import Plain
from .plan import (
    NO_STEP,
    NotConfirmed,
    Scouted,
    affordable,
    check_installed,
    choose_metric,
    epochs_of,
    model_of,
    order_of,
    planned_epochs,
    seconds_of,
    shortened,
    tells_all,
)
from .statistics import LOOKS
from .tasks import NoTask, driver, task_for
from .trials import Answer, Trials, TrialsFailed
from .verdict import Metric, Pair, Verdict, correct, judge

Progress = Callable[[str], None]

SCOUT_SECONDS = 30.0
"""How long a script may run to show how it trains."""


class Arm(Plain):
    """One program of a study: a script, with the texts that take the place of files (by absolute path)."""

    name: str
    path: Path
    texts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it


class Options(Plain):
    """How much a study may spend, and how scripts are run.

    `budget` is in seconds; `seeds` the most pairs; `samples` the most rows recorded; `epochs` what the source plans
    (used where a script could not be watched to its end). `apart` gives the changed program other seeds, which makes
    of a program against itself a test of the study. `model` and `inputs` say which model of the file is trained on a
    built-in task, and what it takes (`2x1x28x28`), where the file itself trains none.
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
    model: str | None = None
    inputs: tuple[str, ...] = ()


class Confirmation(Plain):
    """What a study found: a verdict for each change, on which data, at what cost."""

    verdicts: tuple[Verdict, ...]
    data: str = ""
    epochs: float = 0.0
    planned_epochs: float = 0.0
    seconds: float = 0.0
    interrupted: bool = False
    notes: tuple[str, ...] = ()


class Study:
    """One original, its changes, and what was measured of them so far."""

    def __init__(self, arms: Sequence[Arm], options: Options, progress: Progress) -> None:
        self.arms, self.options, self.progress = arms, options, progress
        self.started = time.monotonic()
        self.scouts: dict[str, Scouted] = {}
        self.refused: dict[str, str] = {}
        self.scores: dict[str, list[float | None]] = {arm.name: [] for arm in arms}
        self.failed: dict[str, int] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.spent: dict[str, float] = {arm.name: 0.0 for arm in arms}
        self.metric: Metric | None = None
        self.orders: dict[str, dict[str, Any]] = {}
        self.epochs = self.planned = 0.0
        self.interrupted = self.late = False
        self.task = ""
        self._plans: dict[str, int | None] = {}

    @property
    def original(self) -> Arm:
        """The program that the others are compared with."""
        return self.arms[0]

    @property
    def changes(self) -> list[Arm]:
        """The changed programs that can be judged."""
        return [arm for arm in self.arms[1:] if arm.name not in self.refused]

    def run(self) -> Confirmation:
        """Do the study. Ctrl-C ends it with what was measured."""
        try:
            check_installed()
            with Trials(
                self.options.python, workers=self.options.workers, allow_network=self.options.allow_network
            ) as trials:
                self._scout(trials)
                self._plan()
                self._compare(trials)
        except NotConfirmed as reason:
            self.refused.update({arm.name: str(reason) for arm in self.arms[1:] if arm.name not in self.refused})
        except TrialsFailed as failure:
            self.refused.update({arm.name: str(failure) for arm in self.changes if not self.verdicts.get(arm.name)})
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.progress("")
        return self._conclude()

    # -- scouts and plan

    def _scout(self, trials: Trials) -> None:
        limit = min(SCOUT_SECONDS, max(2.0, self.options.budget / (4 * len(self.arms))))
        requests = [
            {**self._request(arm, 0), "do": "scout", "limit": limit, "seconds": limit + 60.0,
             "brief": tells_all(self._text(arm), self._planned(arm))}
            for arm in self.arms
        ]  # fmt: skip
        self.progress(f"watching {self.original.path.name} train")
        for place, answer in trials.run(requests):
            name = self.arms[place].name
            if answer["status"] == "ok":
                self.scouts[name] = answer
            else:
                self.refused[name] = str(answer["reason"])
        if self.original.name not in self.scouts:
            reason = self.refused.pop(self.original.name)
            if reason != NO_STEP or self.task:
                raise NotConfirmed(reason)
            self._take_task(trials)
            return
        trials.preload(self.scouts[self.original.name]["libraries"])

    def _take_task(self, trials: Trials) -> None:
        """Train the file's model on a built-in task, behind the text of every arm, and scout again."""
        path, self.refused = self.original.path.resolve(), {}
        expression, inputs = model_of(path, self._text(self.original), self.options.model, self.options.inputs)
        try:
            task = task_for(inputs)
        except NoTask as reason:
            raise NotConfirmed(str(reason)) from reason
        lines = driver(expression, task, trials.scratch)
        self.task, self._plans = task.name, {}
        self.arms = [
            arm.model_copy(update={"texts": {**arm.texts, str(arm.path.resolve()): self._text(arm) + lines}})
            for arm in self.arms
        ]
        self._scout(trials)

    def _plan(self) -> None:
        """Settle metric and length: equal epochs for all, as many as the longest plans, fewer where time is short."""
        for arm in self.changes:
            try:
                choose_metric([self.scouts[self.original.name], self.scouts[arm.name]])
            except NotConfirmed as reason:
                self.refused[arm.name] = str(reason)
        if not self.changes:
            return
        arms = [self.original, *self.changes]
        scouts = [self.scouts[arm.name] for arm in arms]
        self.metric = choose_metric(scouts)
        self.planned = max(epochs_of(s, self._planned(arm)) for arm, s in zip(arms, scouts, strict=True))
        whole = sum(seconds_of(s, self.planned * s["steps_per_epoch"]) for s in scouts) / self.options.workers
        left = self.options.budget - (time.monotonic() - self.started)
        self.epochs = self.planned * affordable(whole * LOOKS[0], left)
        for arm, scout in zip(arms, scouts, strict=True):
            updates = max(1, round(self.epochs * scout["steps_per_epoch"]))
            self.orders[arm.name] = order_of(scout, self.metric, updates)

    def _planned(self, arm: Arm) -> int | None:
        """Return how many epochs the source plans, None where arguments may say otherwise."""
        if arm.name not in self._plans:
            self._plans[arm.name] = None if self.options.argv else planned_epochs(arm.path.resolve(), self._text(arm))
        return self.options.epochs or self._plans[arm.name]

    # -- pairs

    def _compare(self, trials: Trials) -> None:
        done = 0
        for look in (n for n in LOOKS if n <= self.options.seeds):
            open_changes = [arm for arm in self.changes if arm.name not in self.verdicts]
            if not open_changes:
                return
            arms = [self.original, *open_changes]
            if not self._train(trials, arms, range(done, look)):
                return
            done = look
            for arm in open_changes:
                verdict = judge(arm.name, self._pairs(arm), self._measured, final=False)
                if verdict.word != "undecided":
                    self.verdicts[arm.name] = verdict

    def _train(self, trials: Trials, arms: Sequence[Arm], seeds: range) -> bool:
        """Run every arm with these seeds. Return whether there was time for all."""
        for seed in seeds:
            left = self.options.budget - (time.monotonic() - self.started)
            if left <= 0 and seed >= LOOKS[0]:
                self.late = True
                return False
            self.progress(
                f"pair {seed + 1} of at most {self.options.seeds} · {len(arms)} programs · {max(left, 0):.0f} s left"
            )
            requests = [self._trial(arm, seed) for arm in arms]
            answers: dict[int, Answer] = dict(trials.run(requests))
            for place, arm in enumerate(arms):
                self._note(arm, answers[place])
        return True

    def _note(self, arm: Arm, answer: Answer) -> None:
        if answer["status"] == "cannot":
            raise NotConfirmed(str(answer["reason"]))
        self.spent[arm.name] += float(answer.get("seconds", 0.0))
        if answer["status"] == "ok":
            self.scores[arm.name].append(float(answer["score"]))
            return
        self.scores[arm.name].append(None)
        why = f"{arm.name}: {answer['status']}: {answer['reason']}"
        self.failed[why] = self.failed.get(why, 0) + 1

    def _trial(self, arm: Arm, seed: int) -> dict[str, Any]:
        order = self.orders[arm.name]
        offset = seed + 1 + (1000 if self.options.apart and arm is not self.original else 0)
        seconds = 30.0 + 10 * seconds_of(self.scouts[arm.name], order["updates"])
        return {**self._request(arm, offset), "do": "trial", "order": order, "seconds": seconds}

    def _request(self, arm: Arm, offset: int) -> dict[str, Any]:
        path = str(arm.path.resolve())
        own = arm.path == self.original.path
        return {
            "path": path, "overlay": arm.texts, "offset": offset, "most_rows": self.options.samples,
            "module": self.options.module if own else None,
            "root": self.options.root if own else "", "argv": list(self.options.argv),
            "text": self._text(arm),
        }  # fmt: skip

    def _text(self, arm: Arm) -> str:
        return arm.texts.get(str(arm.path.resolve())) or arm.path.read_text(encoding="utf-8", errors="replace")

    def _pairs(self, arm: Arm) -> list[Pair]:
        before, after = self.scores[self.original.name], self.scores[arm.name]
        return [Pair(seed, b, a) for seed, (b, a) in enumerate(zip(before, after))]

    # -- the end

    @property
    def _measured(self) -> Metric:
        assert self.metric is not None
        return self.metric

    def _conclude(self) -> Confirmation:
        verdicts = list(self._words())
        scout = self.scouts.get(self.original.name)
        return Confirmation(
            verdicts=tuple(correct(verdicts)),
            data=_described(scout, self.task) if scout else "",
            epochs=self.epochs,
            planned_epochs=self.planned,
            seconds=time.monotonic() - self.started,
            interrupted=self.interrupted,
            notes=tuple(f"{count} x {why}" for why, count in self.failed.items()),
        )

    def _words(self) -> Iterator[Verdict]:
        for arm in self.arms[1:]:
            if arm.name in self.refused:
                yield Verdict(name=arm.name, word="not confirmed", reason=self.refused[arm.name])
            elif self.metric is None:
                yield Verdict(name=arm.name, word="undecided", reason="interrupted before anything was measured")
            else:
                seconds = self.spent[arm.name] + self.spent[self.original.name]
                verdict = self.verdicts.get(arm.name) or judge(arm.name, self._pairs(arm), self.metric)
                if verdict.word == "undecided" and self.late and arm.name not in self.verdicts:
                    verdict = verdict.model_copy(update={"reason": f"{verdict.reason}, and the budget ended"})
                yield shortened(verdict.model_copy(update={"seconds": seconds}), self.epochs, self.planned)


def _described(scout: Scouted, task: str) -> str:
    counts = scout["counts"]
    seen = "first " if scout["cut"] else ""
    whose = f"the built-in task {task} (no data of its own was seen)," if task else "its own data,"
    return (
        f"{whose} the {seen}{scout['rows']} rows of one epoch: {counts['fit']} to fit, "
        f"{counts['choose']} to choose the checkpoint, {counts['report']} to report"
    )

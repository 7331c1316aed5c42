"""The study: scouts first, then pairs of runs until each change has its word, the seeds or the budget are used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .confirmation import Arm, Confirmation, Curve, Options, described
from .plan import (
    NO_STEP,
    NotConfirmed,
    Scouted,
    affordable,
    check_installed,
    choose_metric,
    epochs_of,
    model_of,
    only_rates_differ,
    order_of,
    planned_epochs,
    seconds_of,
    shortened,
    tells_all,
)
from .race import Race
from .reference import nearest_task
from .runs import Runs
from .statistics import LOOKS
from .store import Store
from .tasks import NoTask, driver
from .trials import Trials, TrialsFailed
from .tuning import best_factors, runs_needed
from .verdict import Metric, Verdict, correct

Progress = Callable[[str], None]

SCOUT_SECONDS = 30.0
"""How long a script may run to show how it trains."""


class Study:
    """One original, its changes, and what was measured of them so far."""

    def __init__(self, arms: Sequence[Arm], options: Options, progress: Progress) -> None:
        self.arms, self.options, self.progress = arms, options, progress
        self.started = time.monotonic()
        self.scouts: dict[str, Scouted] = {}
        self.refused: dict[str, str] = {}
        self.crashed: set[str] = set()
        self.race: Race | None = None
        self.tuned_race: Race | None = None
        self.factors: dict[str, float | None] = {}
        self.notes: list[str] = []
        self.metric: Metric | None = None
        self.orders: dict[str, dict[str, Any]] = {}
        self.epochs = self.planned = 0.0
        self.interrupted = self.cut = False
        self.recalled = 0
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
            with self.options.trials() as trials:
                self.scout(trials)
                self.plan()
                runs = Runs(trials, Store(self.options.store))
                try:
                    if self.changes:
                        self._compare(runs)
                finally:
                    self.recalled = runs.recalled
                    runs.store.close()
        except (NotConfirmed, TrialsFailed) as reason:
            open_changes = [arm for arm in self.changes if not self._judged(arm)]
            self.refused.update({arm.name: str(reason) for arm in open_changes})
            if not open_changes:
                self.notes.append(f"each side's best rate was not found: {reason}")
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.progress("")
        return self._conclude()

    # -- scouts and plan

    def scout(self, trials: Trials) -> None:
        """Watch every program train. Raises NotConfirmed where the original cannot be trained."""
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
                self.crashed |= {name} if answer["status"] == "crashed" else set()
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
            task = nearest_task(inputs)
        except NoTask as reason:
            raise NotConfirmed(str(reason)) from reason
        lines = driver(expression, task, trials.scratch)
        self.task, self._plans = task.name, {}
        self.arms = [
            arm.model_copy(update={"texts": {**arm.texts, str(arm.path.resolve()): self._text(arm) + lines}})
            for arm in self.arms
        ]
        self.scout(trials)

    def plan(self) -> None:
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

    # -- races

    def _compare(self, runs: Runs) -> None:
        """Race at the user's rates, then, where the budget allows, with each program at its best."""
        names = [self.original.name, *(arm.name for arm in self.changes)]
        tuned = [name for name in names if name not in self._rate_is_the_change()]
        end = self.started + self.options.budget
        cost = self._cost(tuned) if self.options.best_rate and len(tuned) > 1 else None
        half = (time.monotonic() + end) / 2
        fits = cost is not None and half + cost <= end
        self.race = self._race(names, half if fits else end, self.trial_request)
        self.race.run(runs)
        if cost is None:
            return
        left = end - time.monotonic()
        if left < cost:
            self.cut = True
            self.notes.append(f"each side's best rate was not looked for: that needs some {cost:.0f} s more (--budget)")
            return
        arms = {arm.name: arm for arm in self.arms}
        self.factors = best_factors(
            tuned, self.scouts, self._measured, runs, lambda n, s, f: self.trial_request(arms[n], s, f), self.progress
        )
        able = [name for name in tuned if self.factors[name] is not None]
        if self.original.name in able and len(able) > 1:
            at_best = lambda arm, seed: self.trial_request(arm, seed, self.factors[arm.name])  # noqa: E731
            self.tuned_race = self._race(able, end, at_best)
            self.tuned_race.run(runs)

    def _race(self, names: Sequence[str], until: float, ask: Callable[[Arm, int], dict[str, Any]]) -> Race:
        arms = {arm.name: arm for arm in self.arms}
        return Race(
            names=names, scouts=self.scouts, metric=self._measured, ask=lambda name, seed: ask(arms[name], seed),
            say=self.progress, seeds=self.options.seeds, until=until,
        )  # fmt: skip

    def _cost(self, names: Sequence[str]) -> float:
        """Return how many seconds tuning and the shortest race at the best rates take."""
        runs = runs_needed(1) + LOOKS[0]
        each = (seconds_of(self.scouts[name], self.orders[name]["updates"]) for name in names)
        return runs * sum(each) / self.options.workers

    def _rate_is_the_change(self) -> set[str]:
        """Return the changes that set the rate and nothing else: tuned, they are the original."""
        if self.options.against:
            return set()
        own = self.scouts[self.original.name]["trace"]
        return {arm.name for arm in self.changes if only_rates_differ(own, self.scouts[arm.name]["trace"])}

    def trial_request(self, arm: Arm, seed: int, factor: float | None = 1.0) -> dict[str, Any]:
        """Return the request for one run of a program, with its rates multiplied by `factor`."""
        order = {**self.orders[arm.name], "factor": factor}
        offset = self.options.first_seed + seed + 1 + (1000 if self.options.apart and arm is not self.original else 0)
        seconds = 30.0 + 10 * seconds_of(self.scouts[arm.name], order["updates"])
        return {**self._request(arm, offset), "do": "trial", "order": order, "seconds": seconds}

    def sweep_request(self, seed: int, low: float, high: float, steps: int) -> dict[str, Any]:
        """Return the request for a range test of the original."""
        scout = self.scouts[self.original.name]
        order = {"low": low, "high": high, "updates": steps, "shuffles": scout["shuffles"], "metric": "error"}
        seconds = 30.0 + 10 * seconds_of(scout, steps)
        return {**self._request(self.original, seed + 1), "do": "sweep", "order": order, "seconds": seconds}

    @property
    def own_rate(self) -> float | None:
        """The learning rate that the original begins with."""
        trace = self.scouts[self.original.name]["trace"]
        return float(trace[0][2][0]["lr"]) if trace and trace[0][2] and "lr" in trace[0][2][0] else None

    @property
    def data(self) -> str:
        """On which data the original trains."""
        scout = self.scouts.get(self.original.name)
        return described(scout, self.task) if scout else ""

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

    # -- the end

    @property
    def _measured(self) -> Metric:
        assert self.metric is not None
        return self.metric

    def _judged(self, arm: Arm) -> bool:
        return self.race is not None and arm.name in self.race.verdicts

    def _conclude(self) -> Confirmation:
        best = {verdict.name: verdict for verdict in correct(list(self._tuned_words()))}
        verdicts = [
            verdict.model_copy(update={"best_rate": best.get(verdict.name)}) for verdict in correct(list(self._words()))
        ]
        failed = [*self.race.failed.items()] if self.race is not None else []
        if self.recalled:
            self.notes.append(f"{self.recalled} runs were not made again: their results were kept")
        return Confirmation(
            verdicts=tuple(verdicts),
            data=self.data,
            epochs=self.epochs,
            planned_epochs=self.planned,
            seconds=time.monotonic() - self.started,
            interrupted=self.interrupted,
            cut=self.cut or self.epochs < 0.99 * self.planned or any(r.late for r in (self.race, self.tuned_race) if r),
            notes=(*(f"{count} x {why}" for why, count in failed), *self.notes),
            curves=tuple(self._curves()),
        )

    def _curves(self) -> Iterator[Curve]:
        for arm in self.arms:
            seeds = [] if self.race is None else [c for c in self.race.curves.get(arm.name, []) if c]
            if seeds and arm.name not in self.refused:
                marks = range(min(len(curve) for curve in seeds))
                scores = [[curve[k][1] for curve in seeds] for k in marks]
                updates = [seeds[0][k][0] / self.scouts[arm.name]["steps_per_epoch"] for k in marks]
                yield Curve(
                    name=arm.name, epochs=tuple(updates), mean=tuple(sum(s) / len(s) for s in scores),
                    low=tuple(map(min, scores)), high=tuple(map(max, scores)),
                )  # fmt: skip

    def _words(self) -> Iterator[Verdict]:
        for arm in self.arms[1:]:
            if arm.name in self.refused:
                reason, crashed = self.refused[arm.name], arm.name in self.crashed
                yield Verdict(name=arm.name, word="not confirmed", reason=reason, crashed=crashed)
            elif self.race is None:
                yield Verdict(name=arm.name, word="undecided", reason="interrupted before anything was measured")
            else:
                yield shortened(self.race.verdict(arm.name), self.epochs, self.planned)

    def _tuned_words(self) -> Iterator[Verdict]:
        """Yield the verdicts with each side at its best rate, for the changes where both were found."""
        if self.tuned_race is None:
            return
        own = self.factors[self.original.name]
        for name in self.tuned_race.names[1:]:
            verdict = self.tuned_race.verdict(name)
            if verdict.seeds:
                word = shortened(verdict, self.epochs, self.planned)
                yield word.model_copy(update={"factors": (own, self.factors[name])})

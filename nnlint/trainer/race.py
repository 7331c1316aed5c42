"""A race: every program over the same seeds, until each change has its word or seeds and time are used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .plan import NotConfirmed, Scouted
from .runs import Runs
from .statistics import LOOKS
from .trials import Answer
from .verdict import Metric, Pair, Verdict, judge

Request = dict[str, Any]
Ask = Callable[[str, int], Request]
"""Makes the request for one run: name of the program, seed."""


@dataclass
class Race:
    """One comparison. The first of `names` is the original; `scouts` tell how each of them trains.

    `until` is the moment (of `time.monotonic`) at which no further pair is begun once the first look is there.
    """

    names: Sequence[str]
    scouts: Mapping[str, Scouted]
    metric: Metric
    ask: Ask
    say: Callable[[str], None]
    seeds: int
    until: float
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    scores: dict[str, list[float | None]] = field(default_factory=dict)
    curves: dict[str, list[Any]] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    late: bool = False

    def run(self, runs: Runs) -> None:
        """Run pairs; what was measured stays, also where this is interrupted."""
        done = 0
        for look in (n for n in LOOKS if n <= self.seeds):
            open_changes = [name for name in self.names[1:] if name not in self.verdicts]
            if not open_changes or not self._train(runs, [self.names[0], *open_changes], range(done, look)):
                return
            done = look
            for name in open_changes:
                verdict = judge(name, self._pairs(name), self.metric, final=False)
                if verdict.word != "undecided":
                    self.verdicts[name] = verdict

    def verdict(self, name: str) -> Verdict:
        """Return the word on a change, from what was measured so far."""
        verdict = self.verdicts.get(name) or judge(name, self._pairs(name), self.metric)
        if verdict.word == "undecided" and self.late and name not in self.verdicts:
            verdict = verdict.model_copy(update={"reason": f"{verdict.reason}, and the budget ended"})
        seconds = self.spent.get(name, 0.0) + self.spent.get(self.names[0], 0.0)
        return verdict.model_copy(update={"seconds": seconds})

    def _train(self, runs: Runs, names: Sequence[str], seeds: range) -> bool:
        """Run every program with these seeds. Return whether there was time for all."""
        together = max(1, runs.trials.workers // len(names))
        for first in range(seeds.start, seeds.stop, together):
            left = self.until - time.monotonic()
            if left <= 0 and first >= LOOKS[0]:
                self.late = True
                return False
            self.say(f"pair {first + 1} of at most {self.seeds} · {len(names)} programs · {max(left, 0):.0f} s left")
            wanted = [(name, seed) for seed in range(first, min(first + together, seeds.stop)) for name in names]
            requests = [self.ask(name, seed) for name, seed in wanted]
            answers = dict(runs.run(requests, [self.scouts[name] for name, _ in wanted]))
            for place, (name, _) in enumerate(wanted):
                self._note(name, answers[place])
        return True

    def _note(self, name: str, answer: Answer) -> None:
        if answer["status"] == "cannot":
            raise NotConfirmed(str(answer["reason"]))
        self.spent[name] = self.spent.get(name, 0.0) + float(answer.get("seconds", 0.0))
        self.curves.setdefault(name, []).append(answer.get("curve", []))
        scores = self.scores.setdefault(name, [])
        if answer["status"] == "ok":
            scores.append(float(answer["score"]))
            return
        scores.append(None)
        why = f"{name}: {answer['status']}: {answer['reason']}"
        self.failed[why] = self.failed.get(why, 0) + 1

    def _pairs(self, name: str) -> list[Pair]:
        before, after = (self.scores.get(n, []) for n in (self.names[0], name))
        return [Pair(seed, b, a) for seed, (b, a) in enumerate(zip(before, after))]

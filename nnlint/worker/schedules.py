"""The learning-rate schedulers of a script: where they are built, and after how much they are stepped."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch.optim import lr_scheduler

from .constructed import construction
from .sites import span_of, user_frame

if TYPE_CHECKING:
    from .patches import Patches
    from .turns import Turns

_ROOTS = (lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau, lr_scheduler.SequentialLR,
          lr_scheduler.ChainedScheduler)  # fmt: skip
_STEPPING = tuple(
    kind for kind in vars(lr_scheduler).values()
    if isinstance(kind, type) and "step" in vars(kind) and kind.__name__ != "Optimizer"
)  # fmt: skip
_PLAIN = (int, float, str, bool, type(None))


class SeenScheduler:
    """One scheduler. `at` holds for each of its steps how many optimizer steps had been made."""

    def __init__(self, scheduler: Any, span: dict[str, Any] | None, given: list[str] | None) -> None:
        self.scheduler, self.span, self.given = scheduler, span, given
        self.at: list[int] = []
        self.first: dict[str, Any] | None = None
        self.metric = False
        self.part = False

    def facts(self, steps: int, whole: bool) -> dict[str, Any]:
        """Return a `Scheduler` dict. `whole` says that one optimizer step sees all data."""
        found: dict[str, Any] = {"kind": type(self.scheduler).__name__, "span": self.span}
        if self.given is not None:
            given = [name for name in self.given if name not in ("optimizer", "self")]
            found["given"] = given
            found["arguments"] = {
                name: value for name in given if name != "last_epoch"
                for value in [getattr(self.scheduler, name, self)] if isinstance(value, _PLAIN)
            }  # fmt: skip
        if self.first is not None:
            found["step"], found["metric"] = self.first, self.metric
            found["before_optimizer"] = 0 in self.at
        between = [self.at.count(n) for n in range(1, steps)]
        if steps > 1 and between and all(between):
            found["stepped"] = "epoch" if whole else "batch"
        return found


class Schedules:
    """Hears of schedulers that are built and stepped."""

    def __init__(self, turns: Turns) -> None:
        self.seen: list[SeenScheduler] = []
        self._turns = turns
        self._running = 0
        self._steps = 0

    def stepped(self, steps: int) -> None:
        """Learn how many steps the optimizers have made."""
        self._steps = steps

    def watch(self, patches: Patches) -> None:
        """Listen to the constructors and steps of torch's schedulers."""
        for root in _ROOTS:
            patches.put(root, "__init__", self._building)
        for kind in _STEPPING:
            patches.put(kind, "step", self._stepping)

    def add(self, scheduler: Any, span: dict[str, Any] | None = None, given: list[str] | None = None) -> None:
        """Remember a scheduler; those inside of another one are stepped by it alone."""
        self.seen.append(SeenScheduler(scheduler, span, given))
        for part in getattr(scheduler, "_schedulers", ()):
            for entry in self.seen:
                entry.part = entry.part or entry.scheduler is part

    def _building(self, original: Any) -> Any:
        def __init__(scheduler: Any, *args: Any, **kwargs: Any) -> None:
            span, given = construction(sys._getframe(1), scheduler)
            self._running += 1  # a constructor makes the first step
            try:
                original(scheduler, *args, **kwargs)
            finally:
                self._running -= 1
            if not any(entry.scheduler is scheduler for entry in self.seen):
                self.add(scheduler, span, given)

        return __init__

    def _stepping(self, original: Any) -> Any:
        def step(scheduler: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._running:
                self._note(scheduler, sys._getframe(1), bool(args or kwargs))
            self._running += 1
            try:
                return original(scheduler, *args, **kwargs)
            finally:
                self._running -= 1

        return step

    def _note(self, scheduler: Any, frame: FrameType | None, metric: bool) -> None:
        if not any(entry.scheduler is scheduler for entry in self.seen):
            self.add(scheduler)
        entry = next(entry for entry in self.seen if entry.scheduler is scheduler)
        entry.at.append(self._steps)
        if entry.first is None:
            entry.first, entry.metric = span_of(user_frame(frame)), metric
        self._turns.note("scheduler_step", frame)

    @property
    def own(self) -> list[SeenScheduler]:
        """Those that are no part of another one."""
        return [entry for entry in self.seen if not entry.part]

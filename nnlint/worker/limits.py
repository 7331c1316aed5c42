"""The time limit that the worker keeps by itself, so that it can say what it saw until then."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

_AGAIN = 0.5
"""Seconds after which a deadline that was swallowed is raised again."""


class Deadline(BaseException):
    """The time limit has passed. No Exception, so that an `except Exception` does not swallow it."""


class Alarm:
    """Calls `ring` in the main thread, in the middle of whatever runs, when the time is up. `due` is when."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self.due = float("inf")
        self._ring = ring

    def set(self, seconds: float) -> None:
        """Ring in `seconds`, and again and again until `off`."""
        self.due = time.monotonic() + seconds
        if _can_interrupt():
            signal.signal(signal.SIGALRM, lambda *_: self._ring())
            signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds), _AGAIN)

    def off(self) -> None:
        """Ring no more."""
        if _can_interrupt():
            signal.setitimer(signal.ITIMER_REAL, 0)

    @property
    def late(self) -> float:
        """Seconds since the time was up; negative before."""
        return time.monotonic() - self.due


def _can_interrupt() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

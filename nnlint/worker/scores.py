"""In which mode a model ran where it was called: evaluation or training, with or without a graph."""

from __future__ import annotations

from types import FrameType
from typing import Any

import torch
from torch import nn

from .sites import span_of, user_frame

_MOST = 64


class Scores:
    """One entry for each place in the user's code that calls a model; a mode that differs between calls is unknown."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, int, int], dict[str, Any]] = {}

    def note(self, model: nn.Module, frame: FrameType, steps: int) -> None:
        """Note a call from outside; `steps` counts the optimizer steps made so far."""
        span = span_of(user_frame(frame))
        if span is None:
            return
        key = (span["path"], span["line"], span.get("column") or 0)
        entry = self._places.get(key)
        if entry is None:
            if len(self._places) >= _MOST:
                return
            entry = self._places[key] = {"span": span, "modes": set(), "graphs": set(), "steps": steps}
        entry["modes"].add(not model.training)
        entry["graphs"].add(not torch.is_grad_enabled())

    def facts(self) -> list[dict[str, Any]]:
        """Return an `Evaluation` dict for each place, the training step's own among them."""
        found = []
        for entry in self._places.values():
            one: dict[str, Any] = {"span": entry["span"]}
            for key, name in (("modes", "eval_mode"), ("graphs", "no_grad")):
                if len(entry[key]) == 1:
                    one[name] = next(iter(entry[key]))
            found.append(one)
        return found

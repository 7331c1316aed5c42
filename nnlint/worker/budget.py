"""What the questions put to a model's forward pass may cost, all of them together.

How many samples are run follows from the traced graph, so that it is the same on every machine; the clock only stops.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from .recorder import NodeDict

SECONDS = 3.0
"""CPU time of this thread for all questions together: the load of the machine does not change the answers."""

SPENT = "the time for running the forward pass is spent"

_WORK = 8e9
"""Multiply-adds that one forward pass on a drawn batch may take."""

_ENTRIES = 64e6
"""Entries of all activations of that pass: some 256 MB while their gradients are waited for."""

_HEAVY = 100e6
"""Multiply-adds for one sample from which on questions are put to as few samples as will do."""

_FAST = 100e9
"""Multiply-adds a second that no core does."""


class OutOfTime(Exception):
    """The time is spent before the answer is there."""


class Load:
    """What one sample costs in a forward pass, by the shapes in its graph."""

    def __init__(self, model: nn.Module, nodes: Sequence[NodeDict], batch: int | None) -> None:
        shapes = {name: tuple(p.shape) for name, p in model.named_parameters(remove_duplicate=False)}
        samples = max(1, batch or 1)
        self.work = sum(_work(node, shapes) for node in nodes) / samples
        self.entries = sum(math.prod(gives["shape"]) for node in nodes for gives in node.get("gives", ())) / samples

    @property
    def heavy(self) -> bool:
        """Whether questions should be put to as few samples as will do."""
        return self.work > _HEAVY

    def samples(self, wanted: int, least: int) -> int:
        """Return how many samples to run at once: those wanted, or as many as one forward pass may cost."""
        fit = min(_WORK / max(self.work, 1.0), _ENTRIES / max(self.entries, 1.0))
        return max(least, min(wanted, int(fit)))


class Budget:
    """Time for questions that run one model, counted from when this is made."""

    def __init__(self, load: Load, seconds: float = SECONDS) -> None:
        self._until = time.thread_time() + seconds
        self.seconds = seconds
        self.pace = load.work / (_FAST * torch.get_num_threads())
        """CPU seconds that one sample takes in a forward pass; before one was run, what it takes at least."""

    @property
    def left(self) -> float:
        """CPU seconds that are left; negative where more was taken."""
        return self._until - time.thread_time()

    def keep(self, share: float) -> None:
        """Raise OutOfTime where less than this share of the whole is left."""
        if self.left < share * self.seconds:
            raise OutOfTime(SPENT)

    def expect(self, samples: float) -> None:
        """Raise OutOfTime where so many samples would take longer than what is left."""
        if samples * self.pace >= self.left:
            raise OutOfTime(SPENT)


def _work(node: NodeDict, shapes: Mapping[str, tuple[int, ...]]) -> float:
    """Return the multiply-adds of a layer with weights: each unit of an output position reads its row of the weight."""
    gives = node.get("gives") or ()
    if not gives or node["op"] == "embedding":
        return 0.0
    entries = float(math.prod(gives[0]["shape"]))
    matrices = [shapes[name] for name in node.get("parameters", ()) if len(shapes.get(name, ())) > 1]
    return sum(entries * math.prod(shape[1:]) for shape in matrices)

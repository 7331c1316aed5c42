"""What ended the user's own training script: the call that raised."""

from __future__ import annotations

from typing import ClassVar

from .graph import Node
from .unknown import Fact, Known, missing


class Failure(Fact):
    """The innermost call of a layer, a function of torch or a loss that raised while the script trained.

    `node` is that call with what it read (and without what it would have given); its id and inputs are those of the
    model's graph only where that graph is known and holds it.
    """

    named: ClassVar[str] = "model.failure"
    error: str
    """The class of the exception: `IndexError`."""
    message: str
    """The first line of what it says."""
    node: Node
    low: Known[float] = missing()
    """The smallest of the whole numbers (ids, labels) that the call read last."""
    high: Known[float] = missing()

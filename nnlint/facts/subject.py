"""What is linted: a model with its recipe and data where known."""

from __future__ import annotations

from typing import Literal

from .data import Data
from .model import Model
from .probe import Probe
from .recipe import Recipe
from .unknown import Plain

Status = Literal["traced", "partial", "structure", "failed"]


class Subject(Plain):
    """Who is described: `target` as the user would name it (`train.py:Net`), and how far the inspection came."""

    id: str
    target: str
    path: str | None
    status: Status
    guessed: bool = False
    """Whether the input was inferred by nnlint."""
    reason: str | None = None
    input: tuple[str, ...] = ()
    """The input used, as `2x1x28x28:float32`."""
    nodes: int = 0
    parameters: int = 0


class Facts(Plain):
    """All that is known of one subject. None stands for "nobody told": rules that ask for it are not checked."""

    subject: Subject
    model: Model | None = None
    recipe: Recipe | None = None
    data: Data | None = None
    probe: Probe | None = None

"""A finding: what a rule has to say about one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .facts import Loss, Model, Node, Optimizer, Span
from .fix import Fix

Level = Literal["error", "warning", "advice", "experiment"]
LEVELS: tuple[Level, ...] = ("error", "warning", "advice", "experiment")
"""From the strongest to the weakest; an experiment is a proposal to try, never a finding."""

Place = Node | Loss | Optimizer | Model | Span


@dataclass(frozen=True)
class Finding:
    """What a rule says about `at`. A rule fills the first block, the engine the second.

    `says` states a fact about the user's code: lower case, no full stop. `why` gives the mechanism with a number,
    `label` stands under the underlined code ("already a softmax"), `help` advises where no fix does. `also` names other
    places that belong to it. `level` may be lower than the
    rule's own, never higher. `explains` names rules whose findings on this subject follow from this one.
    """

    at: Place | None
    says: str
    why: str = ""
    label: str = ""
    help: str = ""
    also: Mapping[Place, str] = field(default_factory=dict)
    fixes: Sequence[Fix] = ()
    level: Level | None = None
    explains: Sequence[str] = ()

    rule: str = ""
    subject: str = ""
    also_explains: tuple[str, ...] = ()

    @property
    def span(self) -> Span | None:
        """The place in the source; None where it is not known."""
        return span_of(self.at)

    @property
    def module(self) -> str | None:
        """The path of the module concerned, where the finding is about a call in the model."""
        return self.at.module if isinstance(self.at, Node) else None


def span_of(place: Place | None) -> Span | None:
    """Return where a place stands in the source."""
    if isinstance(place, Loss):
        return place.span or place.call
    return place if isinstance(place, Span) or place is None else place.span


def weaker(one: Level, other: Level) -> Level:
    """Return the weaker of two levels."""
    return max(one, other, key=LEVELS.index)

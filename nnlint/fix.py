"""The verbs of a fix: what is to change, said over facts. Writers turn them into text or into a changed copy.

A fix is a list of verbs. It is **unsafe unless a test shows otherwise**: safe means that outputs in training and
evaluation mode, after a few steps and through a saved checkpoint stay as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import SerializeAsAny

from .facts import Loss, Node, Optimizer, Plain, Span

Safety = Literal["safe", "unsafe", "display"]


class Code(str):
    """An expression (`self.training`) where a verb else takes a plain value: it is written as it stands."""


class Verb(Plain):
    """One change. Every verb has a text writer in `nnlint.source`; some have a live one in `nnlint.worker`."""

    def as_data(self) -> dict[str, Any]:
        """Return plain data for the live writers, which know verbs by name: `{"verb": "Remove", "node": {...}}`."""
        return {"verb": type(self).__name__, **self.model_dump()}


class Remove(Verb):
    """Take a layer or function out of the flow: its input takes the place of its output."""

    node: Node


class Replace(Verb):
    """Put another operation in the place of a layer or function, in the form that stands there."""

    node: Node
    op: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it


class InsertAfter(Verb):
    """Put an operation behind a layer: as the next item of a `Sequential`, else around the call."""

    node: Node
    op: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it


class InsertBefore(Verb):
    """Put an operation in front of a layer: as the item before it, else around the argument of the call."""

    node: Node
    op: str
    arguments: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it


class SetArgument(Verb):
    """Set one argument of the call at `call` (of a layer's or optimizer's construction, or of a function).

    `position` is the place at which the same argument may stand without its name.
    """

    call: Span
    name: str
    value: Any
    position: int | None = None


class Initialize(Verb):
    """Initialize weights by a scheme (`he_normal`, `lecun_normal`, `glorot_uniform`, ...) and set biases to zero.

    `nodes` are the layers concerned; an existing hand-made initialization of the same weights is taken out.
    """

    nodes: tuple[Node, ...]
    scheme: str


class ReplaceLoss(Verb):
    """Use another loss: `kind` as in `Loss.kind`."""

    loss: Loss
    kind: str


class ReplaceOptimizer(Verb):
    """Use another optimizer class with these arguments, the parameters it steps kept."""

    optimizer: Optimizer
    kind: str
    arguments: dict[str, Any]


Spot = Literal["before", "after", "after_loop", "after_loops", "before_loops", "after_imports"]
"""Where a statement goes, seen from the one at some place: beside it, behind the innermost loop around it, behind or in
front of the outermost one in its function, or behind the imports at the top of its file."""


class InsertStatement(Verb):
    """Put a statement on lines of its own beside the statement at `at`, at its indentation.

    With `clear_of`, it goes beside the largest statement around `at` that holds none of these places and trains
    nothing. `{0}`, `{1}` in the text are what the expressions at `names` are bound to.
    """

    at: Span
    text: str
    where: Spot = "before"
    clear_of: tuple[Span, ...] = ()
    names: tuple[Span, ...] = ()


class MoveStatement(Verb):
    """Take the statement that holds `statement` from where it stands to beside the one at `at`."""

    statement: Span
    at: Span
    where: Spot = "before"


class WrapStatement(Verb):
    """Put the statement at `at` under `header` (`with torch.no_grad():`).

    It is the largest one around `at` that holds none of `clear_of` and trains nothing.
    """

    at: Span
    header: str
    clear_of: tuple[Span, ...] = ()


class ReplaceExpression(Verb):
    """Put `text` in the place of the expression at `at`.

    In the text `{self}` is what stands there; where that is a call, `{owner}` is what its method is called on, `{args}`
    its arguments and `{0}` the first of them.
    """

    at: Span
    text: str


class ChangeArgument(Verb):
    """Write something around one argument of the call at `call`: `text` holds `{}` where the argument stands.

    `position` is the place at which the argument stands without its name; None for one that always has a name.
    """

    call: Span
    name: str
    text: str
    position: int | None = None


class InvertMask(Verb):
    """Turn the mask of padding round that is handed over at `call`: where it is made, else there."""

    call: Span


class RenameMethod(Verb):
    """Give the method (or value) `old` of a class, which stands at `at`, the name `new`, with all that mean it."""

    at: Span
    old: str
    new: str


class SplitLayer(Verb):
    """Build a layer of its own for each of `nodes`, which are calls of one layer."""

    nodes: tuple[Node, ...]


class DropCasts(Verb):
    """Take out what makes values of the file at `at` `dtype` (`bfloat16`, `float16`), autocast left out."""

    at: Span
    dtype: Literal["bfloat16", "float16"]


class SaveState(Verb):
    """Write the state of what is built at `thing` into the checkpoint at `saved`, and load it behind `loaded`.

    `what` is the word for it: `optimizer`, `scheduler`.
    """

    saved: Span
    loaded: Span
    thing: Span
    what: Literal["optimizer", "scheduler"] = "optimizer"


class Fix(Plain):
    """Verbs that belong together: all are applied or none.

    `changes` says what else changes for the user, lower case: "callers that expect probabilities will change".
    """

    title: str
    verbs: tuple[SerializeAsAny[Verb], ...]
    safety: Safety = "unsafe"
    changes: str = ""

    def __add__(self, other: Fix) -> Fix:
        """Join two fixes into one that is as safe as the less safe of them."""
        order: Sequence[Safety] = ("safe", "unsafe", "display")
        worst = max(self.safety, other.safety, key=order.index)
        changes = "; ".join(dict.fromkeys(filter(None, (self.changes, other.changes))))
        return Fix(title=self.title, verbs=self.verbs + other.verbs, safety=worst, changes=changes)


def remove(node: Node, *, title: str, safety: Safety = "unsafe", changes: str = "") -> Fix:
    """Return a fix that takes `node` out."""
    return Fix(title=title, verbs=(Remove(node=node),), safety=safety, changes=changes)


def replace(node: Node, op: str, *, title: str, safety: Safety = "unsafe", changes: str = "", **arguments: Any) -> Fix:
    """Return a fix that puts `op` in the place of `node`."""
    return Fix(title=title, verbs=(Replace(node=node, op=op, arguments=arguments),), safety=safety, changes=changes)


def insert_after(
    node: Node, op: str, *, title: str, safety: Safety = "unsafe", changes: str = "", **arguments: Any
) -> Fix:
    """Return a fix that puts `op` behind `node`."""
    return Fix(title=title, verbs=(InsertAfter(node=node, op=op, arguments=arguments),), safety=safety, changes=changes)


def insert_before(
    node: Node, op: str, *, title: str, safety: Safety = "unsafe", changes: str = "", **arguments: Any
) -> Fix:
    """Return a fix that puts `op` in front of `node`."""
    return Fix(
        title=title, verbs=(InsertBefore(node=node, op=op, arguments=arguments),), safety=safety, changes=changes
    )


def set_argument(
    call: Span,
    name: str,
    value: Any,
    *,
    title: str,
    position: int | None = None,
    safety: Safety = "unsafe",
    changes: str = "",
) -> Fix:
    """Return a fix that sets one argument of the call at `call`."""
    return Fix(
        title=title,
        verbs=(SetArgument(call=call, name=name, value=value, position=position),),
        safety=safety,
        changes=changes,
    )


def change_argument(
    call: Span,
    name: str,
    text: str,
    *,
    title: str,
    position: int | None = None,
    safety: Safety = "unsafe",
    changes: str = "",
) -> Fix:
    """Return a fix that writes `text`, with `{}` for the argument, where an argument of the call at `call` stands."""
    return Fix(
        title=title,
        verbs=(ChangeArgument(call=call, name=name, text=text, position=position),),
        safety=safety,
        changes=changes,
    )


def initialize(nodes: Sequence[Node], scheme: str, *, title: str, safety: Safety = "unsafe", changes: str = "") -> Fix:
    """Return a fix that initializes the weights of `nodes` by `scheme`."""
    return Fix(title=title, verbs=(Initialize(nodes=tuple(nodes), scheme=scheme),), safety=safety, changes=changes)


def replace_loss(loss: Loss, kind: str, *, title: str, safety: Safety = "unsafe", changes: str = "") -> Fix:
    """Return a fix that uses the loss `kind` in the place of `loss`."""
    return Fix(title=title, verbs=(ReplaceLoss(loss=loss, kind=kind),), safety=safety, changes=changes)


def replace_optimizer(
    optimizer: Optimizer,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    title: str,
    safety: Safety = "unsafe",
    changes: str = "",
) -> Fix:
    """Return a fix that uses the optimizer `kind` with `arguments` (besides the parameters)."""
    return Fix(
        title=title,
        verbs=(ReplaceOptimizer(optimizer=optimizer, kind=kind, arguments=dict(arguments)),),
        safety=safety,
        changes=changes,
    )


def insert_statement(
    at: Span,
    text: str,
    *,
    title: str,
    where: Spot = "before",
    clear_of: Sequence[Span] = (),
    names: Sequence[Span] = (),
    safety: Safety = "unsafe",
    changes: str = "",
) -> Fix:
    """Return a fix that puts the statement `text` on lines of its own beside the statement at `at`."""
    verb = InsertStatement(at=at, text=text, where=where, clear_of=tuple(clear_of), names=tuple(names))
    return Fix(title=title, verbs=(verb,), safety=safety, changes=changes)


def move_statement(
    statement: Span, at: Span, *, title: str, where: Spot = "before", safety: Safety = "unsafe", changes: str = ""
) -> Fix:
    """Return a fix that moves a statement to beside the one at `at`."""
    verb = MoveStatement(statement=statement, at=at, where=where)
    return Fix(title=title, verbs=(verb,), safety=safety, changes=changes)


def wrap_statement(
    at: Span, header: str, *, title: str, clear_of: Sequence[Span] = (), safety: Safety = "unsafe", changes: str = ""
) -> Fix:
    """Return a fix that puts the statement at `at` under `header`."""
    verb = WrapStatement(at=at, header=header, clear_of=tuple(clear_of))
    return Fix(title=title, verbs=(verb,), safety=safety, changes=changes)


def replace_expression(at: Span, text: str, *, title: str, safety: Safety = "unsafe", changes: str = "") -> Fix:
    """Return a fix that puts `text` in the place of the expression at `at`."""
    return Fix(title=title, verbs=(ReplaceExpression(at=at, text=text),), safety=safety, changes=changes)

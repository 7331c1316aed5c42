"""The files that a fix touches, and what is known of the layers that share a line of source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...facts import Facts, Node, Span, Unknown
from ...fix import Verb
from .changes import CannotApply
from .document import Document
from .layers import label
from .names import Names
from .statements import write_drops


class Workspace:
    """Documents by path, read once."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._documents: dict[str, Document] = {}
        self._names: dict[str, Names] = {}
        self._verbs: Sequence[Verb] = ()
        self._nodes: tuple[Node, ...] | None = None

    def begin(self, verbs: Sequence[Verb], facts: Facts | None) -> None:
        """Turn to the verbs that concern one subject."""
        self._verbs = verbs
        self._nodes = _nodes(facts)

    def document(self, path: str) -> Document:
        """Return the file at `path`, parsed. Raises CannotApply where it cannot be read."""
        if path not in self._documents:
            try:
                text = self._read(path)
            except (OSError, UnicodeError, KeyError, SyntaxError) as error:
                raise CannotApply(f"{path} cannot be read") from error
            self._documents[path] = Document(path, text)
        return self._documents[path]

    def names(self, doc: Document) -> Names:
        """Return what the names in a file stand for."""
        if doc.path not in self._names:
            self._names[doc.path] = Names(doc)
        return self._names[doc.path]

    def documents(self) -> list[Document]:
        """Return the files that were looked at."""
        return list(self._documents.values())

    def finish(self, doc: Document) -> str:
        """Return a file's new text."""
        write_drops(doc)
        for items in doc.items.values():
            items.write()
        return doc.changes.apply(doc.text)

    # -- layers that share a line ---------------------------------------------------------------------------------

    @property
    def knows(self) -> bool:
        """Whether all nodes of the graph are known, so that `check_alone` decides."""
        return self._nodes is not None

    def sharing(self, node: Node, place: str) -> list[Node]:
        """Return the nodes that the call or construction of `node` makes too, itself included."""
        span: Span | None = getattr(node, place)
        return [n for n in self._nodes or (node,) if getattr(n, place) == span]

    def asked(self, kind: type[Verb]) -> list[Node]:
        """Return the nodes that verbs of one kind name."""
        return [n for v in self._verbs if isinstance(v, kind) if isinstance(n := getattr(v, "node", None), Node)]

    def check_alone(self, node: Node, place: str, covered_by: type[Verb]) -> None:
        """Raise CannotApply where the place of `node` also makes layers that the fix does not name."""
        sharing = self.sharing(node, place)
        asked = {n.id for n in self.asked(covered_by)}
        others = [n for n in sharing if n.id not in asked]
        if others:
            span: Span = getattr(node, place)
            raise CannotApply(
                f"line {span.line} makes {len(sharing)} layers, and {label(node)} is to change in only "
                f"{len(sharing) - len(others)}"
            )


def _nodes(facts: Facts | None) -> tuple[Node, ...] | None:
    if facts is None or facts.model is None:
        return None
    try:
        return facts.model.graph.nodes
    except Unknown:
        return None

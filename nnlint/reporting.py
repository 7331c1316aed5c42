"""From findings, which speak of facts, to entries of the report, which speak of files."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .facts import Facts, Node, Span
from .finding import Finding, span_of
from .fix import Fix
from .report import Experiment, Place, Related, ReportedEdit, ReportedFinding, ReportedFix, lines
from .source.rewrite import CannotApply, edits, read_source, rewrite


class Sources:
    """The texts of the files of one run, by absolute path, and the names under which they are shown.

    `standing_in` maps a file that holds a copy (of standard input) to the name that the user knows.
    """

    def __init__(self, standing_in: Mapping[str, str] | None = None) -> None:
        self._texts: dict[str, str] = {}
        self._names = dict(standing_in or {})

    def read(self, path: str) -> str:
        """Return a file's text; "" where it cannot be read. A notebook's cell comes from Python's line cache."""
        if path not in self._texts:
            try:
                self._texts[path] = read_source(path)
            except (OSError, SyntaxError, UnicodeError):
                self._texts[path] = "".join(linecache.getlines(path))
        return self._texts[path]

    def shown(self, path: str) -> str:
        """Return the path as the report shows it: relative to the working directory."""
        if path in self._names:
            return self._names[path]
        try:
            return Path(os.path.relpath(path)).as_posix()
        except ValueError:  # on another drive
            return Path(path).as_posix()

    def forget(self, paths: Iterable[str]) -> None:
        """Read these files again when they are asked for."""
        for path in paths:
            self._texts.pop(path, None)

    def texts(self) -> dict[str, str]:
        """Return every text that was read, by its shown path."""
        return {self.shown(path): text for path, text in self._texts.items()}


def entry(finding: Finding, facts: Facts, sources: Sources) -> ReportedFinding:
    """Return a finding as the report shows it, its fixes worked out as edits."""
    span = finding.span
    if span is not None and isinstance(finding.at, Node):
        span = narrowed(span, finding.at, sources)
    related = [Related(message=words, **_place(span_of(place), sources)) for place, words in finding.also.items()]
    return ReportedFinding(
        **_place(span, sources),
        rule=finding.rule,
        level=finding.level or "advice",
        message=finding.says,
        subject=finding.subject,
        module=finding.module,
        related=tuple(related),
        why=finding.why,
        help=finding.help,
        fixes=tuple(fix_entry(fix, facts, sources) for fix in finding.fixes),
        also_explains=finding.also_explains,
        label=finding.label,
        origin=finding,
    )


def experiment(finding: Finding, facts: Facts, sources: Sources) -> Experiment:
    """Return a proposal to try."""
    fixes = tuple(fix_entry(fix, facts, sources) for fix in finding.fixes)
    return Experiment(rule=finding.rule, title=fixes[0].title if fixes else finding.says, fixes=fixes)


def fix_entry(fix: Fix, facts: Facts, sources: Sources) -> ReportedFix:
    """Return a fix as edits of the files; without any, and with the reason, where they cannot be written."""
    known = ReportedFix(title=fix.title, safety=fix.safety, changes=fix.changes, origin=fix, facts=facts)
    if not fix.verbs:
        return known
    try:
        changed = rewrite(fix, sources.read, facts)
    except CannotApply as error:
        return known.model_copy(update={"safety": "display", "obstacle": str(error)})
    made = [
        ReportedEdit(
            path=sources.shown(path),
            line=edit.line,
            column=edit.column,
            end_line=edit.end_line,
            end_column=edit.end_column,
            text=edit.text,
        )
        for path, text in changed.items()
        for edit in edits(path, sources.read(path), text)
    ]
    return known.model_copy(update={"edits": tuple(made)})


def narrowed(span: Span, node: Node, sources: Sources) -> Span:
    """Point at `softmax(-1)` alone where a method call `self.head(x).softmax(-1)` is meant."""
    kind, _, method = node.name.partition(".")
    if kind != "Tensor" or span.column is None or span.end_line is None or span.end_column is None:
        return span
    text = lines(sources.read(span.path))[span.line - 1 : span.end_line]
    if len(text) != span.end_line - span.line + 1:
        return span
    text[-1] = text[-1][: span.end_column - 1]
    at = _last_method("".join(text), len("".join(text)), method)
    if at is None or at < span.column - 1:
        return span
    before = "".join(text)[:at]
    row = before.count("\n")
    column = at - (before.rfind("\n") + 1) + 1
    return span.model_copy(update={"line": span.line + row, "column": column})


def _last_method(text: str, end: int, method: str) -> int | None:
    """Return where `method` stands in a text that ends with its call, brackets counted from the back."""
    depth = 0
    for at in range(end - 1, -1, -1):
        depth += (text[at] in ")]}") - (text[at] in "([{")
        if depth == 0 and text[at] == "(":
            name = text[:at].rstrip()
            return len(name) - len(method) if name.endswith(f".{method}") else None
    return None


def _place(span: Span | None, sources: Sources) -> dict[str, str | int | None]:
    if span is None:
        return Place().model_dump()
    sources.read(span.path)  # so that the renderers have its text
    return {**span.model_dump(), "path": sources.shown(span.path)}

"""Comments that keep a finding quiet: `# nnlint: ignore[rule-name] reason` and `# nnlint: ignore-file[rule-name]`."""

from __future__ import annotations

import ast
import difflib
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from .comments import Comment, directives
from .text import SourceError, parse

_RULES = re.compile(r"\[(?P<rules>[^\]]*)\]\s*(?P<reason>.*)", re.DOTALL)


@dataclass(frozen=True)
class Ignore:
    """One such comment. `rules` is empty where it speaks of all."""

    line: int
    column: int
    end_column: int
    rules: tuple[str, ...]
    reason: str
    whole_file: bool
    alone: bool

    def names(self, rule: str) -> bool:
        """Return whether it speaks of a rule."""
        return not self.rules or rule in self.rules


@dataclass(frozen=True)
class Suppressions:
    """The suppressions of one file. Lines count from 1."""

    ignores: tuple[Ignore, ...]
    extents: tuple[tuple[int, int], ...] = ()
    """First and last line of each statement (of the header alone for `if`, `def`, ...), in order, without overlap."""

    def covering(self, rule: str, line: int) -> Ignore | None:
        """Return the comment that keeps a finding of `rule` at `line` quiet; None where it is to be shown.

        A comment counts on any line of the statement that holds `line`, and alone on the line above it.
        """
        first, last = self.extent(line)
        for ignore in self.ignores:
            on_it = first <= ignore.line <= last or (ignore.alone and ignore.line == first - 1)
            if ignore.names(rule) and (ignore.whole_file or on_it):
                return ignore
        return None

    def extent(self, line: int) -> tuple[int, int]:
        """Return the first and last line of the statement that holds `line`."""
        at = bisect_right(self._starts, line) - 1
        if at >= 0 and self.extents[at][0] <= line <= self.extents[at][1]:
            return self.extents[at]
        return line, line

    @cached_property
    def _starts(self) -> list[int]:
        return [first for first, _ in self.extents]

    def unused(self, found: Iterable[tuple[str, int]], checked: Collection[str]) -> list[tuple[Ignore, str]]:
        """Return comments, with the rule, that kept nothing quiet.

        `found` are the rules and lines of all findings (shown or not) in this file, `checked` the rules that could be
        checked on every subject of the file: of others nothing is said.
        """
        used: set[tuple[Ignore, str]] = set()
        for rule, line in found:
            ignore = self.covering(rule, line)
            if ignore is not None:
                used.add((ignore, rule))
        return [(i, rule) for i in self.ignores for rule in i.rules if rule in checked and (i, rule) not in used]

    def unknown(self, rules: Collection[str]) -> list[tuple[Ignore, str, str]]:
        """Return comments that name a rule that does not exist, the name, and the nearest one that does ("")."""
        wrong = [(i, name) for i in self.ignores for name in i.rules if name not in rules]
        return [(i, name, (difflib.get_close_matches(name, list(rules), n=1) or [""])[0]) for i, name in wrong]


def suppressions(text: str) -> Suppressions:
    """Read the suppressions of a file. What does not parse has no statements, but its comments still count."""
    ignores = tuple(_ignore(c) for c in directives(text) if c.word in ("ignore", "ignore-file"))
    if not ignores:
        return Suppressions(())
    try:
        return Suppressions(ignores, tuple(_extents(parse("", text))))
    except (SourceError, RecursionError):
        return Suppressions(ignores)


def _ignore(comment: Comment) -> Ignore:
    found = _RULES.match(comment.rest)
    rules = tuple(r.strip().replace("_", "-") for r in found["rules"].split(",") if r.strip()) if found else ()
    reason = found["reason"].strip() if found else comment.rest
    return Ignore(
        comment.line, comment.column, comment.end_column, rules, reason, comment.word == "ignore-file", comment.alone
    )


def _extents(tree: ast.Module) -> list[tuple[int, int]]:
    """Return the lines of simple statements and of the headers of compound ones, in order."""
    found: list[tuple[int, int]] = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            continue
        body = [c for c in ast.iter_child_nodes(node) if isinstance(c, (ast.stmt, ast.ExceptHandler, ast.match_case))]
        first = _first_line(node)
        last = max(first, _first_line(body[0]) - 1) if body else node.end_lineno or first  # type: ignore[union-attr]
        found.append((first, last))
    return sorted(set(found))


def _first_line(node: ast.AST) -> int:
    """Return where a statement begins, its decorators included."""
    if isinstance(node, ast.match_case):
        return _first_line(node.pattern)
    lines: list[int] = [n.lineno for n in (node, *getattr(node, "decorator_list", ()))]
    return min(lines)

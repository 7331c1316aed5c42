"""The comment that names a model: `# nnlint: model Net(10, width=64) input=2x1x28x28,8x16:int64[0,100)`."""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from .text import SourceError

_DIRECTIVE = re.compile(r"#\s*nnlint\s*:\s*(?P<word>[\w-]+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_INPUT = re.compile(r"(?:^|\s)input\s*=\s*(?P<specs>.*)$")
_SPEC = re.compile(r"\d+(x\d+)*(:\w+)?(\[[^\[\])]*[\])])?")
_SPLIT = re.compile(r",(?![^\[]*[\])])")
DIRECTIVES = ("model", "ignore", "ignore-file")


@dataclass(frozen=True)
class Comment:
    """One `# nnlint: word rest` comment. Columns from 1, in code points, `end_column` exclusive."""

    line: int
    column: int
    end_column: int
    word: str
    rest: str
    alone: bool
    """Whether nothing else stands on its line."""


@dataclass(frozen=True)
class ModelComment:
    """A model that a comment names, with the specifications of its inputs."""

    comment: Comment
    expression: str
    input: tuple[str, ...]


def directives(text: str) -> Iterator[Comment]:
    """Yield nnlint's comments. What stands in strings is no comment; a broken end of the file is passed over."""
    if "nnlint" not in text:
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text.removeprefix("\ufeff")).readline):
            if token.type != tokenize.COMMENT:
                continue
            found = _DIRECTIVE.match(token.string)
            if found:
                (line, column), end = token.start, token.end[1]
                alone = not token.line[:column].strip()
                yield Comment(line, column + 1, end + 1, found["word"].lower(), found["rest"].strip(), alone)
    except (tokenize.TokenError, SyntaxError, RecursionError):
        return


def models(path: str, text: str) -> list[ModelComment]:
    """Return the models that comments name. Raises SourceError for a comment that cannot be understood."""
    return [_model(path, c) for c in directives(text) if c.word == "model"]


def misspelt(text: str) -> Iterator[tuple[Comment, str]]:
    """Yield comments whose word nnlint does not know, with what was probably meant ("" for no idea)."""
    for comment in directives(text):
        if comment.word not in DIRECTIVES:
            near = difflib.get_close_matches(comment.word, DIRECTIVES, n=1)
            yield comment, near[0] if near else ""


def _model(path: str, comment: Comment) -> ModelComment:
    found = _INPUT.search(comment.rest)
    expression = comment.rest[: found.start()].strip() if found else comment.rest
    help = "write `# nnlint: model Net(10) input=2x1x28x28`"
    if not expression:
        raise SourceError(path, comment.line, "the comment names no model", help)
    check_expression(path, comment.line, expression, help)
    specs = tuple(s.strip() for s in _SPLIT.split(found["specs"])) if found else ()
    for spec in specs:
        if not _SPEC.fullmatch(spec):
            raise SourceError(path, comment.line, f"input `{spec}` is not a shape", "write `input=2x1x28x28:float32`")
    return ModelComment(comment, expression, specs)


def check_expression(path: str, line: int, expression: str, help: str) -> ast.expr:
    """Return the tree of one expression. Raises SourceError where it is none."""
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        shown = expression if len(expression) <= 60 else expression[:57] + "..."
        raise SourceError(path, line, f"`{shown}` is not a Python expression", help) from error

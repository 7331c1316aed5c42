"""Read a configuration from YAML: every mistake with its line, and all of them at once."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..configuration import did_you_mean
from ..settings import ConfigurationError
from .schema import Blueprint

Key = tuple[str | int, ...]
"""Where something stands in a configuration: `("model", "layers", 0)`."""


class Mistakes(Exception):
    """What is wrong with a configuration, each with its place."""

    def __init__(self, errors: Sequence[ConfigurationError]) -> None:
        super().__init__(str(errors[0]))
        self.errors = tuple(errors)


class Written:
    """A configuration as its author wrote it: text, data with comments, and the place of every key."""

    def __init__(self, path: Path, text: str, tree: Any, blueprint: Blueprint) -> None:
        self.path, self.text, self.tree, self.blueprint = path, text, tree, blueprint

    def place(self, key: Key) -> tuple[int, int, int]:
        """Return line, column and end column (from 1, end exclusive) of `key`, or of the nearest block around it."""
        return place_in(self.tree, self.text, key)


def read(path: Path, text: str | None = None) -> Written:
    """Read the configuration at `path`; `text` is its content where that is known. Raises Mistakes."""
    if text is None:
        text = _text(path)
    tree = _tree(path, text)
    if not isinstance(tree, dict):
        message = "the configuration is empty" if tree is None else "the configuration is not a mapping of keys"
        raise Mistakes([mistake(path, message, 1, 'it begins with keys such as "data:" and "model:"')])
    try:
        blueprint = Blueprint.model_validate(plain(tree))
    except ValidationError as error:
        raise Mistakes([_explained(path, text, tree, dict(one)) for one in error.errors()]) from error
    return Written(path, text, tree, blueprint)


def place_in(tree: Any, text: str, key: Key) -> tuple[int, int, int]:
    """Return line, column and end column of `key` in a parsed configuration, or of the nearest block around it."""
    line, column = 0, 0
    for part in key:
        try:
            position = tree.lc.item(part) if isinstance(part, int) else tree.lc.key(part)
            tree = tree[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
        line, column = position
    rows = text.splitlines() or [""]
    row = rows[min(line, len(rows) - 1)]
    end = len(row.split(" #")[0].rstrip())
    return line + 1, column + 1, max(end, column + 1) + 1


def dumped(tree: Any, like: str) -> str:
    """Return a configuration as text, with the comments, the order and (as in `like`) the indentation of its author."""
    held = io.StringIO()
    yaml, block = _yaml(), re.search(r"^[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*#[^\n]*\n)*( +)[^\s#-]", like, re.M)
    items = re.search(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n( *)-( +)", like, re.M)
    inner = len(items[2]) - len(items[1]) if items is not None else 2
    yaml.indent(mapping=len(block[1]) if block is not None else 2, sequence=inner + 2, offset=inner)
    yaml.dump(tree, held)
    return held.getvalue()


def parsed(text: str) -> Any:
    """Return the data of a text that was read before, to be changed."""
    return _yaml().load(text)


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise Mistakes([mistake(path, f"the configuration cannot be read: {error.strerror or error}")]) from error
    except UnicodeDecodeError as error:
        raise Mistakes([mistake(path, "the configuration is not UTF-8 text")]) from error


def _tree(path: Path, text: str) -> Any:
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return parsed(text)
    except DuplicateKeyError as error:
        name = str(error.problem).split('"')[1] if '"' in str(error.problem) else ""
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise Mistakes([mistake(path, f"`{name}` is given twice", line)]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = str(error.problem or error.context or "it cannot be parsed").split("\n")[0]
        raise Mistakes([mistake(path, f"not valid YAML: {why}", mark.line + 1 if mark else None)]) from error
    except (YAMLError, ValueError, RecursionError) as error:
        first = str(error).split("\n")[0]
        raise Mistakes([mistake(path, f"not valid YAML: {first}")]) from error


def plain(value: Any) -> Any:
    """Return the data without what ruamel keeps beside it (a copy)."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _explained(path: Path, text: str, tree: Any, error: dict[str, Any]) -> ConfigurationError:
    """Return one mistake that pydantic found, in plain words."""
    key = _existing(tree, error["loc"])
    line = place_in(tree, text, key)[0] if key else 1
    name = ".".join(str(part) for part in key)
    kind, context = str(error["type"]), error.get("ctx", {})
    last = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        return mistake(path, f"there is no key `{name}`", line, did_you_mean(last, _siblings(error["loc"])))
    if kind == "missing":
        above = ".".join((*(str(p) for p in key), last)) if last not in key else name
        return mistake(path, f"`{above}` is missing", line)
    if kind in ("literal_error", "union_tag_invalid"):
        given = str(error["input"] if kind == "literal_error" else context.get("tag", ""))
        expected = str(context.get("expected" if kind == "literal_error" else "expected_tags", ""))
        words = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
        where = name if kind == "literal_error" else f"{name}.kind"
        line = line if kind == "literal_error" else place_in(tree, text, (*key, "kind"))[0]
        help = did_you_mean(given, words) or "it is one of " + ", ".join(words)
        return mistake(path, f"`{where}` cannot be {given!r}", line, help)
    if kind == "union_tag_not_found":
        return mistake(path, f"`{name}.kind` is missing", line, "it is one of mlp, cnn, rnn, gru, lstm, transformer")
    if kind == "value_error":
        return mistake(path, f"{name or 'the configuration'}: {context.get('error', error['msg'])}", line)
    said = str(error["msg"])
    return mistake(path, f"`{name}`: {said[:1].lower()}{said[1:]}, not {error['input']!r}", line)


def _existing(tree: Any, loc: Sequence[Any]) -> Key:
    """Return the part of a pydantic location that stands in the data: names of kinds are left out."""
    key: list[str | int] = []
    for part in loc:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            continue
        key.append(part)
    return tuple(key)


def _siblings(loc: Sequence[Any]) -> list[str]:
    """Return the keys that the block of an unknown key may have."""
    from . import schema

    if len(loc) == 1:
        return list(Blueprint.model_fields)
    kinds: dict[str, type[schema.Part]] = {
        "mlp": schema.Dense, "cnn": schema.Convolutional, "rnn": schema.Recurrent, "gru": schema.Recurrent,
        "lstm": schema.Recurrent, "transformer": schema.Transformer,
    }  # fmt: skip
    blocks: dict[str, type[schema.Part]] = {
        "data": schema.Data, "optimizer": schema.Optimizer, "schedule": schema.Schedule, "clip": schema.Clip,
        "early_stopping": schema.EarlyStopping, "swa": schema.Averaging, "dropout": schema.Dropout,
    }  # fmt: skip
    for part in reversed(loc[:-1]):
        if part in blocks or part in kinds:
            return list((blocks | kinds)[part].model_fields)
    return []


def mistake(path: Path, message: str, line: int | None = None, help: str = "") -> ConfigurationError:
    """Return a mistake in the file at `path`."""
    try:
        shown = path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        shown = str(path)
    return ConfigurationError(message, path=shown, line=line, help=help)

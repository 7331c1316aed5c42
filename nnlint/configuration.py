"""Read `[tool.nnlint]` of the nearest pyproject.toml, and say of a mistake where it stands."""

from __future__ import annotations

import difflib
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from .settings import ConfigurationError, ConfiguredModel, FailLevel, Goal, Origin, Settings, ShownLevel

_TEXTS = "a list of strings"
KEYS: dict[str, tuple[str, str]] = {
    "select": ("select", _TEXTS), "extend-select": ("select", _TEXTS), "ignore": ("ignore", _TEXTS),
    "per-file-ignores": ("per_file_ignores", "a table of patterns and rules"),
    "levels": ("levels", "a table of rules and levels"),
    "thresholds": ("thresholds", "a table for each rule"), "goal": ("goal", "a string"),
    "rule-paths": ("rule_paths", _TEXTS),
    "models": ("models", "an array of tables"), "exclude": ("exclude", _TEXTS), "baseline": ("baseline", "a string"),
    "level": ("level", "a string"),
    "fail-level": ("fail_level", "a string"), "strict": ("strict", "true or false"),
    "run": ("run", "true or false"), "static": ("static", "true or false"), "argv": ("argv", _TEXTS),
    "steps": ("steps", "a positive integer"), "timeout": ("timeout", "a positive number"),
    "allow-network": ("allow_network", "true or false"), "python": ("python", "a string"),
}  # fmt: skip
"""Each key of the table: the setting it makes, and what it takes."""

_Mistake = Callable[..., ConfigurationError]
"""Makes an error of a message, with `help` and the `word` in the line to point at."""
_WORDS: dict[str, tuple[str, ...]] = {
    "level": get_args(ShownLevel), "fail-level": get_args(FailLevel), "goal": get_args(Goal)
}  # fmt: skip


def load(start: Path, given: Path | None = None) -> Settings:
    """Return the settings of `given`, else of the nearest pyproject.toml at or above `start` that has `[tool.nnlint]`.

    Raises ConfigurationError for anything that is not understood.
    """
    if given is not None:
        table, text = _read(given)
        if "tool" in table or given.name == "pyproject.toml":
            return _settings(given, table.get("tool", {}).get("nnlint", {}), text, "tool.nnlint")
        return _settings(given, table, text, "")
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file() and re.search(r"nnlint", path.read_text("utf-8", errors="replace")):
            table, text = _read(path)
            if "nnlint" in table.get("tool", {}):
                return _settings(path, table["tool"]["nnlint"], text, "tool.nnlint")
    return Settings(root=str(start))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?`, or nothing where no known word is near."""
    words = sorted(known)
    near = difflib.get_close_matches(word.replace("_", "-"), words, n=1) or difflib.get_close_matches(word, words, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text("utf-8")
        return tomllib.loads(text), text
    except OSError as error:
        message = f"the configuration cannot be read: {error.strerror or error}"
        raise ConfigurationError(message, path=_shown(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("the configuration is not UTF-8 text", path=_shown(path)) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigurationError(
            f"not valid TOML: {message}", path=_shown(path), line=int(line[1]) if line else None
        ) from error


def _settings(path: Path, table: Any, text: str, section: str) -> Settings:
    shown = _shown(path)
    if not isinstance(table, dict):
        raise ConfigurationError(f"[{section}] is not a table", path=shown, line=1)
    values: dict[str, Any] = {"root": str(path.resolve().parent)}
    origin: dict[str, Origin] = {}
    for key, value in table.items():
        line = line_of(text, section, key)
        if key not in KEYS:
            raise ConfigurationError(
                f"there is no setting named {key!r}", path=shown, line=line, help=did_you_mean(key, KEYS)
            )
        name, wanted = KEYS[key]
        good = _checked(key, value, wanted, partial(_mistake, shown, text, line))
        values[name] = (*values.get(name, ()), *good) if name == "select" else good
        origin[name] = Origin(source=shown, line=line)
        for word in _words(value):
            origin[f"{name}:{word}"] = Origin(source=shown, line=_line_of_word(text, line, word))
        if key == "thresholds":
            origin |= {f"{name}:{at}": Origin(source=shown, line=n) for at, n in _thresholds(text, section, good)}
    if "extend-select" in table and "select" not in table:
        values["select"] = ("ALL", *values["select"])
    return Settings(**values, origin=origin)


def _mistake(shown: str, text: str, line: int, message: str, help: str = "", word: str = "") -> ConfigurationError:
    at = _line_of_word(text, line, word) if word else line
    return ConfigurationError(message, path=shown, line=at, help=help)


def _none_of(key: str, value: str, words: str) -> str:
    return f"{key} {value!r} is none of {', '.join(_WORDS[words])}"


def _thresholds(text: str, section: str, value: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return the line on which each rule's thresholds are set (`rule`), and each of these (`rule.name`)."""
    table = f"{section}.thresholds".lstrip(".")
    lines = []
    for rule, given in value.items():
        line = line_of(text, table, rule)
        lines += [
            (rule, line),
            *((f"{rule}.{name}", max(line, line_of(text, f"{table}.{rule}", name))) for name in given),
        ]
    return lines


def _checked(key: str, value: Any, wanted: str, mistake: _Mistake) -> Any:
    """Return the value of one key in the form of its setting, or raise what `mistake` makes of a message."""
    if key == "models":
        return _models(value, mistake)
    if key == "levels" and _is_table(value, str):
        for rule, word in value.items():
            if word not in get_args(ShownLevel):
                raise mistake(_none_of("level", word, "level"), help=did_you_mean(word, _WORDS["level"]), word=rule)
        return value
    if key == "thresholds" and _is_table(value, dict):
        return value
    if key == "per-file-ignores" and isinstance(value, dict) and all(_is_list(v) for v in value.values()):
        return {pattern: tuple(words) for pattern, words in value.items()}
    if wanted == _TEXTS and _is_list(value):
        return tuple(value)
    if wanted == "true or false" and isinstance(value, bool):
        return value
    if wanted == "a string" and isinstance(value, str):
        if key in _WORDS and value not in _WORDS[key]:
            raise mistake(_none_of(key, value, key), help=did_you_mean(value, _WORDS[key]))
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if number and (wanted == "a positive number" or (wanted == "a positive integer" and isinstance(value, int))):
        return value
    raise mistake(f"{key} takes {wanted}, not {_written(value)}")


def _models(value: Any, mistake: _Mistake) -> tuple[ConfiguredModel, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise mistake("models takes [[tool.nnlint.models]] tables")
    result = []
    for entry in value:
        extra = sorted(set(entry) - {"target", "input"})
        if extra:
            hint = did_you_mean(extra[0], ("target", "input"))
            raise mistake(f"a model has no setting named {extra[0]!r}", help=hint, word=extra[0])
        if not isinstance(entry.get("target"), str) or ":" not in entry["target"]:
            raise mistake('a model needs target = "path.py:Net(10)" or "package.module:Net"')
        given = entry.get("input", [])
        given = [given] if isinstance(given, str) else given
        if not _is_list(given):
            raise mistake('input takes "2x1x28x28" or a list of such')
        result.append(ConfiguredModel(target=entry["target"], input=tuple(given)))
    return tuple(result)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_table(value: Any, kind: type) -> bool:
    return isinstance(value, dict) and all(isinstance(item, kind) for item in value.values())


def _written(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def _words(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [word for item in value.values() for word in _words(item) if isinstance(item, list)] + list(value)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _shown(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def line_of(text: str, section: str, key: str) -> int:
    """Return the line (from 1) on which `key` of the table `section` is set, else the table's own line."""
    table, found = "", 1
    name = f"{section}.{key}".lstrip(".")
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line)
        if header:
            table = header[1].replace('"', "").replace(" ", "")
            if table == name or table.startswith(name + "."):
                return number
            found = number if table == section else found
        elif re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line) and table == section:
            return number
    return found


def _line_of_word(text: str, start: int, word: str) -> int:
    for number, line in enumerate(text.splitlines()[start - 1 :], start):
        if f'"{word}"' in line or f"'{word}'" in line or re.match(rf"\s*{re.escape(word)}\s*=", line):
            return number
    return start


def settings_for(words: Sequence[str], given: Mapping[str, Any]) -> Settings:
    """Return the configuration that belongs to the first of `words` (targets), the options on top."""
    first = next((Path(word.partition(".py:")[0]) for word in words if word != "-"), Path())
    start = first.absolute() if first.is_dir() else first.absolute().parent
    config = Path(given["config"]) if given.get("config") else None
    return with_options(load(start if start.is_dir() else Path.cwd(), config), given)


def with_options(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """Return the settings with what the command line says on top; None and () say nothing.

    `--select` takes the place of the configured one and brings back what the configuration ignores by the same word;
    `--ignore` and `--exclude` add to it.
    """
    if isinstance(given.get("argv"), str):
        try:
            given = {**given, "argv": tuple(shlex.split(given["argv"]))}
        except ValueError as error:
            raise ConfigurationError(f"--argv: {error}") from error
    values = {name: value for name, value in given.items() if value not in (None, ()) and name in Settings.model_fields}
    origin = {name: Origin(source="--" + name.rstrip("s").replace("_", "-")) for name in values}
    for word in given.get("ignore", ()):
        origin[f"ignore:{word}"] = Origin(source="--ignore")
    kept = tuple(word for word in settings.ignore if word not in values.get("select", ()))
    values["ignore"] = (*kept, *values.get("ignore", ()))
    values["exclude"] = (*settings.exclude, *values.get("exclude", ()))
    if "select" in values:
        origin = {**{f"select:{word}": Origin(source="--select") for word in values["select"]}, **origin}
    if values.get("run") and values.get("static"):
        raise ConfigurationError("--run and --static contradict each other")
    return settings.model_copy(update={**values, "origin": {**settings.origin, **origin}})

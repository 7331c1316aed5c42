"""Find rules: every `.py` file of a pack is a rule, and a malformed one is refused with file and line."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from .finding import LEVELS
from .levels import settled
from .rule import GOAL, SUBSCRIPTIONS, Rule, RuleError, Threshold


def builtin_pack() -> Path:
    """Return the folder of the rules that come with nnlint."""
    spec = importlib.util.find_spec("nnlint_rules")
    if spec is None or not spec.submodule_search_locations:
        raise RuleError(Path("nnlint_rules"), 0, "the built-in rules are not installed: reinstall nnlint")
    return Path(next(iter(spec.submodule_search_locations)))


def load(packs: Iterable[Path] = ()) -> list[Rule]:
    """Return the rules of the built-in pack and of `packs`, by name. Raises RuleError for a malformed file."""
    rules: dict[str, Rule] = {}
    for pack in (builtin_pack(), *packs):
        for path in sorted(rule_files(pack)):
            found = load_file(path)
            if found.name in rules:
                raise RuleError(path, 1, f"a rule named {found.name} is already defined in {rules[found.name].path}")
            rules[found.name] = found
    return sorted(rules.values(), key=lambda r: r.name)


def rule_files(pack: Path) -> list[Path]:
    """Return the rule files of a pack: `family/rule_name.py`, pairs and private files left out."""
    if pack.is_file():
        return [pack]
    return [p for p in pack.glob("*/*.py") if p.name.count(".") == 1 and not p.name.startswith("_")]


def load_file(path: Path) -> Rule:
    """Load one rule file, at the level that its evidence carries. Raises RuleError where it is malformed."""
    module = _run(path)
    found = [value for value in vars(module).values() if isinstance(value, Rule)]
    if len(found) != 1:
        raise RuleError(path, 1, f"a rule file defines exactly one rule, this one defines {len(found)}")
    check = found[0].check
    line = inspect.getsourcelines(check)[1]
    if check.__name__ != path.stem:
        raise RuleError(path, line, f"the rule's function is named {check.__name__}, its file {path.stem}")
    if found[0].level not in LEVELS:
        raise RuleError(path, line, f"level {found[0].level!r} is none of {', '.join(LEVELS)}")
    if not (module.__doc__ or "").strip():
        raise RuleError(path, 1, "the file has no docstring, which is the rule's page")
    result = replace(found[0], name=path.stem.replace("_", "-"), family=path.parent.name, path=path)
    _check_subscription(result, path, line)
    return settled(result)


def _check_subscription(found: Rule, path: Path, line: int) -> None:
    try:
        wants = found.wants
    except NameError as error:
        raise RuleError(path, line, f"an annotation cannot be resolved: {error}") from error
    parameters = inspect.signature(found.check).parameters
    if not wants:
        raise RuleError(path, line, "the rule subscribes to nothing: annotate its parameters")
    for name, parameter in parameters.items():
        if parameter.kind == parameter.KEYWORD_ONLY:
            _check_threshold(parameter, path, line)
        elif wants.get(name) not in SUBSCRIPTIONS:
            known = ", ".join(getattr(kind, "__name__", str(kind)) for kind in SUBSCRIPTIONS)
            raise RuleError(path, line, f"parameter {name!r} needs an annotation that is one of {known}")


def _check_threshold(parameter: inspect.Parameter, path: Path, line: int) -> None:
    if parameter.name == GOAL:
        if parameter.default is not None:
            raise RuleError(path, line, "the parameter 'goal' has the default None: nothing is asked for")
    elif not isinstance(parameter.default, Threshold):
        raise RuleError(path, line, f"the threshold {parameter.name!r} needs a number, text or boolean as its default")


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"nnlint_rules.{path.parent.name}.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RuleError(path, 1, "not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise RuleError(path, error.lineno or 1, f"syntax error: {error.msg}") from error
    except Exception as error:
        raise RuleError(path, _line_of(error, path), f"{type(error).__name__}: {error}") from error
    return module


def _line_of(error: BaseException, path: Path) -> int:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

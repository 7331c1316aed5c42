"""The house has floors: a file imports only from lower ones, and nobody goes sideways to another folder of its own."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "nnlint"

FLOORS = {
    "facts": 0, "finding": 0, "fix": 0, "settings": 0,
    "rule": 1, "registry": 1, "levels": 1,
    "configuration": 2, "source": 2, "worker": 2,
    "engine": 3, "inspection": 3, "trainer": 3,
    "advising": 4, "baseline": 4, "blueprint": 4, "catalogue": 4, "cells": 4, "checking": 4,
    "confirming": 4, "drawing": 4,
    "fixing": 4, "ignores": 4, "improving": 4, "laws": 4, "live_study": 4, "pipeline": 4, "render": 4,
    "report": 4, "reporting": 4, "targets": 4, "tracking": 4, "training": 4,
    "__init__": 5, "__main__": 5, "api": 5, "cli": 5, "commands": 5, "options": 5, "server": 5,
}  # fmt: skip
"""The part of nnlint (its folder or file) and the floor that it stands on."""

NEVER_EAGER = {"torch", "numpy", "scipy", "sklearn", "networkx", "libcst"}
"""What costs start-up time: nobody outside its own place imports it when a module is loaded."""


def sources(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.py") if p.name.count(".") == 1)


def part(path: Path) -> str:
    """The folder or the file of nnlint that `path` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[int, str, bool]]:
    """Every import in a file as (line, full dotted name, whether it happens when the module is loaded).

    `from . import x` counts as `package.x`. Imports for the type checker alone are left out.
    """
    tree = ast.parse(path.read_text("utf-8"))
    found: list[tuple[int, str, bool]] = []

    def visit(node: ast.AST, eager: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                found.extend((child.lineno, alias.name, eager) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                found.extend((child.lineno, name, eager) for name in _absolute(path, child))
            visit(child, eager and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    visit(tree, True)
    return found


def _absolute(path: Path, node: ast.ImportFrom) -> list[str]:
    if not node.level:
        return [node.module or ""]
    folder = path.relative_to(ROOT).parts[:-1]
    base = folder[: len(folder) - node.level + 1]
    if node.module:
        return [".".join((*base, node.module))]
    return [".".join((*base, alias.name)) for alias in node.names]


@pytest.mark.parametrize("path", sources(PACKAGE), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    here = part(path)
    assert here in FLOORS, f"{here} stands on no floor: give it one in FLOORS"
    wrong = []
    for line, name, _ in imports(path):
        parts = name.split(".")
        if parts[0] != "nnlint":
            continue
        there = parts[1] if len(parts) > 1 else "__init__"
        if there not in FLOORS:
            there = "__init__"  # a name that the package itself exports
        sideways = (PACKAGE / here).is_dir() and (PACKAGE / there).is_dir()
        down = FLOORS[there] < FLOORS[here] or (FLOORS[there] == FLOORS[here] and not sideways)
        if here != there and not down:
            wrong.append(f"{path.name}:{line}: {here} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sources(PACKAGE / "worker"), ids=lambda p: p.name)
def test_the_worker_needs_only_the_standard_library_and_torch(path: Path) -> None:
    # It runs in the user's interpreter, where nothing of nnlint's may be expected.
    allowed = sys.stdlib_module_names | {"torch"}
    wrong = [
        f"{path.name}:{line}: {name}"
        for line, name, _ in imports(path)
        if name.split(".")[0] not in allowed and not name.startswith("nnlint.worker")
    ]
    assert not wrong, "\n".join(wrong)
    absolute = [line for line, module, level in _froms(path) if module.startswith("nnlint") and level == 0]
    assert not absolute, f"{path.name}:{absolute}: the worker is not called nnlint where it runs, import relatively"


def _froms(path: Path) -> list[tuple[int, str, int]]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return [(n.lineno, n.module or "", n.level) for n in nodes if isinstance(n, ast.ImportFrom)]


@pytest.mark.parametrize(
    "path", [p for p in sources(PACKAGE) if part(p) != "worker"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_torch_is_imported_only_by_the_worker(path: Path) -> None:
    wrong = [f"{path.name}:{line}: {name}" for line, name, _ in imports(path) if name.split(".")[0] == "torch"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "path",
    [p for p in sources(PACKAGE) if part(p) not in {"source", "worker", "trainer"}],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_nothing_heavy_is_imported_at_start(path: Path) -> None:
    wrong = [f"{path.name}:{line}: {n}" for line, n, eager in imports(path) if eager and n.split(".")[0] in NEVER_EAGER]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sources(ROOT / "rules"), ids=lambda p: p.stem)
def test_a_rule_imports_only_facts_findings_fixes_and_rule(path: Path) -> None:
    wrong = []
    for line, name, _ in imports(path):
        top, _, rest = name.partition(".")
        below = top == "nnlint" and rest and FLOORS.get(rest.split(".")[0], 9) <= 1
        pure = top in sys.stdlib_module_names and top not in {"os", "pathlib", "io", "subprocess", "socket", "shutil"}
        if not below and not pure:
            wrong.append(f"{path.name}:{line}: {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", sources(ROOT / "rules"), ids=lambda p: p.stem)
def test_a_rule_reads_no_file_and_prints_nothing(path: Path) -> None:
    assert not called(path) & {"open", "print", "eval", "exec", "input", "__import__"}


@pytest.mark.parametrize(
    "path",
    [p for p in sources(PACKAGE) if part(p) not in {"cli", "worker"}],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_only_the_command_line_prints(path: Path) -> None:
    assert "print" not in called(path)


@pytest.mark.parametrize(
    "path", [p for p in sources(PACKAGE) if part(p) != "source"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_only_source_reads_syntax_trees(path: Path) -> None:
    wrong = [line for line, name, _ in imports(path) if name.split(".")[0] in {"ast", "libcst", "astroid"}]
    assert not wrong, f"{path.name}:{wrong}"


def called(path: Path) -> set[str]:
    """The plain names that a file calls."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}

"""The wheel holds what the tree holds: installed by itself, nnlint has the same rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "site", "tests", "bench", "*.egg-info", "__pycache__")


def sh(*command: str | Path, inside: Path = ROOT, **environment: str) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=inside, capture_output=True, text=True, check=False, env=environment or None)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A copy of the tree, so that a build leaves nothing behind in it.
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "tree", ignore=LEFT_OUT)
    sh(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", folder / "tree")
    (built,) = (folder / "dist").glob("*.whl")
    return built


def tracked(folder: str, into: str) -> set[str]:
    """The files of a folder of the tree under the names that they have in the wheel."""
    files = (p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc" and p.name != "README.md")
    return {into + p.relative_to(ROOT / folder).as_posix() for p in files}


def test_every_file_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    inside = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    package = {name for name in tracked("nnlint", "nnlint/") if not name.endswith("/README.md")}  # for developers
    assert inside == package | tracked("rules", "nnlint_rules/")


@pytest.fixture(scope="module")
def isolated(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nnlint and what it depends on, without torch: what a pre-commit hook has."""
    folder = tmp_path_factory.mktemp("isolated") / "venv"
    sh(sys.executable, "-m", "venv", folder)
    sh(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    here = Path(sysconfig.get_paths()["purelib"])
    there = next((folder / "lib").glob("python*/site-packages"))
    for distribution in needed("nnlint"):
        for name in {file.parts[0] for file in metadata.files(distribution) or () if file.parts[0] != ".."}:
            if not (there / name).exists():
                (there / name).symlink_to(here / name)
    return folder


def needed(name: str) -> set[str]:
    """The names of all distributions that one depends on, extras left out."""
    found: set[str] = set()
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= {requirement.name} | needed(requirement.name)
    return found


def test_an_installed_wheel_lists_the_same_rules(isolated: Path, tmp_path: Path) -> None:
    where = sh(isolated / "bin" / "python", "-c", "import nnlint; print(nnlint.__file__)", inside=tmp_path)
    assert Path(where.strip()).is_relative_to(isolated)
    listed = sh(isolated / "bin" / "nnlint", "rules", inside=tmp_path)
    assert listed == sh(sys.executable, "-m", "nnlint", "rules")
    assert "softmax-before-cross-entropy" in listed


def test_without_torch_it_checks_in_the_python_of_the_project(isolated: Path, tmp_path: Path) -> None:
    absent = "import sys, importlib.util; sys.exit(importlib.util.find_spec('torch') is not None)"
    sh(isolated / "bin" / "python", "-c", absent)
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))[0]
    _, *arguments = hook["entry"].split()
    shutil.copy(ROOT / "examples" / "fraud.py", tmp_path)
    (tmp_path / "settings.py").write_text("DEBUG = True\n")
    project = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    command = [isolated / "bin" / "nnlint", *arguments, "--output-format", "concise", "fraud.py", "settings.py"]
    done = subprocess.run(command, cwd=tmp_path, env=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("fraud.py:23:5: error[softmax-on-one-unit]")
    assert done.stderr == ""


def test_the_wheel_depends_on_nothing_heavy(wheel: Path) -> None:
    requires = zipfile.ZipFile(wheel).read(f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/METADATA").decode()
    always = [line for line in requires.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert always
    assert not [line for line in always if "torch" in line or "numpy" in line]

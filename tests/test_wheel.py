"""The wheel holds what the tree holds: installed by itself, nnlint has the same rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

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
    files = (p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc")
    return {into + p.relative_to(ROOT / folder).as_posix() for p in files}


def test_every_file_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    inside = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert inside == tracked("nnlint", "nnlint/") | tracked("rules", "nnlint_rules/")


def test_an_installed_wheel_lists_the_same_rules(wheel: Path, tmp_path: Path) -> None:
    sh(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    sh(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    # The dependencies come from this environment, nnlint does not: its editable install is no folder on the path.
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_paths()["purelib"]}
    where = sh(python, "-c", "import nnlint, nnlint_rules; print(nnlint.__file__)", inside=tmp_path, **environment)
    assert Path(where.strip()).is_relative_to(tmp_path)
    listed = sh(tmp_path / "venv" / "bin" / "nnlint", "rules", inside=tmp_path, **environment)
    assert listed == sh(sys.executable, "-m", "nnlint", "rules")
    assert "softmax-before-cross-entropy" in listed


def test_installed_without_torch_it_needs_no_torch(wheel: Path) -> None:
    requires = zipfile.ZipFile(wheel).read(f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/METADATA").decode()
    needed = [line for line in requires.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert needed
    assert not [line for line in needed if "torch" in line or "numpy" in line]

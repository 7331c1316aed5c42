"""Which files a run is about."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .text import SourceError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SKIPPED = frozenset(
    {"venv", "env", "build", "dist", "node_modules", "__pycache__", "site-packages", "__pypackages__", "_build"}
)
"""Folders that hold no source of the user's, besides hidden ones and virtual environments."""


def find_files(paths: Sequence[str | Path], exclude: Iterable[str], root: Path) -> list[Path]:
    """Return the Python files among `paths`, each once: a named file always, in a folder all that is not left out.

    `exclude` are patterns as in `.gitignore`, relative to `root`. Raises SourceError for a path that does not exist
    and for a folder without Python.
    """
    found: dict[Path, Path] = {}
    left_out = _spec(tuple(exclude))
    for path in map(Path, paths):
        if path.is_dir():
            inside = list(_walk(path, left_out, root.absolute()))
            if not inside:
                raise SourceError(path, 0, "holds no Python file", "name a file, or a folder with `.py` files")
        elif path.is_file():
            inside = [path]
        elif path.is_symlink() or path.exists():
            raise SourceError(path, 0, "is neither a file nor a folder")
        else:
            raise SourceError(path, 0, "no such file or folder")
        for file in inside:
            found.setdefault(file.absolute(), file)
    return list(found.values())


def _walk(folder: Path, exclude: GitIgnoreSpec, root: Path) -> Iterator[Path]:
    """Yield the Python files under a folder in order of name, links to folders not followed."""
    ignores = _outer_ignores(folder.absolute())
    for current, folders, files in os.walk(folder):
        here = Path(current)
        full = here.absolute()
        if ".gitignore" in files:
            ignores[full] = _ignore_file(full / ".gitignore")
        above = [(base, ignores[base]) for base in (full, *full.parents) if base in ignores]

        def is_out(
            name: str, slash: str = "", above: list[tuple[Path, GitIgnoreSpec]] = above, full: Path = full
        ) -> bool:
            path = full / name
            if path.is_relative_to(root) and exclude.match_file(path.relative_to(root).as_posix() + slash):
                return True
            return _is_ignored(path, slash, above)

        folders[:] = sorted(f for f in folders if not _is_skipped(here / f) and not is_out(f, "/"))
        yield from (here / f for f in sorted(files) if f.endswith(".py") and not is_out(f))


def _is_skipped(folder: Path) -> bool:
    name = folder.name
    if name.startswith(".") or name in ("node_modules", "__pycache__", "site-packages", "__pypackages__"):
        return True
    if name in SKIPPED:
        # a package of the user's may well be called `build` or `env`
        return not (folder / "__init__.py").exists()
    return name.endswith(".egg-info") or (folder / "pyvenv.cfg").exists()


def _is_ignored(path: Path, slash: str, above: list[tuple[Path, GitIgnoreSpec]]) -> bool:
    """The nearest `.gitignore` that has something to say about a path decides."""
    for base, spec in above:
        said = spec.check_file(path.relative_to(base).as_posix() + slash).include
        if said is not None:
            return said
    return False


def _outer_ignores(folder: Path) -> dict[Path, GitIgnoreSpec]:
    """Return the `.gitignore` files from a folder's repository down to its parent."""
    found: dict[Path, GitIgnoreSpec] = {}
    for base in (folder, *folder.parents):
        if base != folder and (base / ".gitignore").is_file():
            found[base] = _ignore_file(base / ".gitignore")
        if (base / ".git").exists():
            return found
    return {}


def _ignore_file(path: Path) -> GitIgnoreSpec:
    try:
        return _spec(tuple(path.read_text(encoding="utf-8", errors="replace").splitlines()))
    except OSError:
        return _spec(())


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    kept = []
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError:
            continue  # git passes over a pattern that makes no sense
        kept.append(pattern)
    return GitIgnoreSpec.from_lines(kept)

"""What was trained already: one SQLite file, so that nothing is trained twice and an interrupted study goes on.

A run is known by all that its result depends on: the request (texts, order, seed), what the scout found of the data
and of the files that the script imports, and the versions of Python, torch and nnlint's worker. Every answer is
written as it comes, in a transaction of its own: killing the process loses at most the runs in flight, and several
processes may write at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parent.parent / "worker"

FOLDER = ".nnlint_cache"
"""Where results are kept, in the working directory; `nnlint clean` removes it."""

_TABLE = "CREATE TABLE IF NOT EXISTS trials (key TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT NULL)"
_WAIT = 30.0
"""Seconds to wait for another process that is writing."""

_KEPT = ("ok", "diverged")
"""Answers that the same run would give again; a crash or a hang may be the machine's doing."""


class Store:
    """Answers by key. With `folder` None, or where it cannot be written, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._base: sqlite3.Connection | None = None
        if folder is None:
            return
        try:
            _prepare(folder)
            self._base = sqlite3.connect(folder / "trials.sqlite3", timeout=_WAIT, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute(_TABLE)
        except (OSError, sqlite3.Error):
            self._base = None

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer to a run that was made before, None where there is none."""
        if self._base is None:
            return None
        try:
            row = self._base.execute("SELECT answer FROM trials WHERE key = ?", (key,)).fetchone()
            return None if row is None else dict(json.loads(row[0]))
        except (sqlite3.Error, ValueError, TypeError):
            return None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer, unless it is one that another run need not give."""
        if self._base is not None and answer.get("status") in _KEPT:
            with contextlib.suppress(sqlite3.Error):
                self._base.execute(
                    "INSERT OR REPLACE INTO trials VALUES (?, ?, ?)", (key, json.dumps(answer), time.time())
                )

    def close(self) -> None:
        """Let go of the file."""
        if self._base is not None:
            with contextlib.suppress(sqlite3.Error):
                self._base.close()


def key_of(request: Mapping[str, Any], scout: Mapping[str, Any], scratch: str) -> str:
    """Return what a run is known by. `scratch` is the folder of this study, which no result depends on."""
    depends = {name: value for name, value in request.items() if name not in ("id", "seconds", "limit", "brief")}
    known = {"request": depends, "content": scout.get("content"), "torch": scout.get("torch"), "worker": _worker()}
    return hashlib.sha256(json.dumps(known, sort_keys=True).replace(scratch, "").encode()).hexdigest()


@cache
def _worker() -> str:
    """Return the content of the files that train: others may give other results."""
    digest = hashlib.sha256()
    for path in sorted(WORKER.glob("fit*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("# Made by nnlint.\n*\n", encoding="utf-8")

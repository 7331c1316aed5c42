"""Facts of programs, each found out once for all tests, and for all processes that share the work."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import Forks

from nnlint import inspection
from nnlint.facts import Facts
from nnlint.inspection import Options, inspect_file
from nnlint.source.discover import outline
from nnlint.source.text import read_text


class Laboratory:
    """What can be found out about a program in `--run`. Nothing is kept from one run of the tests to the next."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self.forks: Forks | None = None
        self.seen: dict[Path, tuple[Facts, ...]] = {}

    def facts(self, program: Path) -> tuple[Facts, ...]:
        if program not in self.seen:
            text = self._once("-".join(program.parts[-2:]), lambda: self._inspected(program))
            self.seen[program] = tuple(Facts.model_validate(one) for one in json.loads(text))
        return self.seen[program]

    def call(self, function: str, **arguments: Any) -> Any:
        return self._forks().call(f"pair_programs:{function}", **arguments)

    def _forks(self) -> Forks:
        if self.forks is None:
            self.forks = Forks()
        return self.forks

    def _inspected(self, program: Path) -> str:
        launch, inspection.launch = inspection.launch, self._forks().launch  # type: ignore[assignment]
        try:
            found = inspect_file(outline(program, read_text(program)), Options(run=True))
        finally:
            inspection.launch = launch
        assert found.facts, [problem.message for problem in found.problems] + [found.prints]
        return json.dumps([json.loads(one.model_dump_json()) for one in found.facts])

    def _once(self, name: str, make: Callable[[], str]) -> str:
        """Return what `make` gives, which only one of several test processes is asked for."""
        path = self.shared / f"{name}.json"
        with open(self.shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                path.write_text(make())
        return path.read_text()


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "laws"
    shared.mkdir(exist_ok=True)
    made = Laboratory(shared)
    yield made
    if made.forks is not None:
        made.forks.close()

"""Where a rule can matter on the reference tasks: a sound program with the rule's defect, and nnlint's own fix of it.

The programs stand in `bench/reference`, one for each task and architecture. The defect is put into them as the
mutation study does (`bench/mutations`); a rule that speaks of the program as it stands needs no defect. nnlint then
checks the faulty program, and its first fix gives the other one: what is trained is what a user gets.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from forked import Forks
from mutations.defects import DEFECTS
from mutations.program import Program

from nnlint import inspection
from nnlint.pipeline import check_targets
from nnlint.report import Report, ReportedEdit, ReportedFix, applied
from nnlint.settings import Settings

HERE = Path(__file__).resolve().parent
PROGRAMS = (
    "segment_dense", "digits_convnet", "vowels_gru", "diabetes_dense", "mnist1d_dense", "cancer_dense", "wine_dense",
    "names_transformer",
)  # fmt: skip
"""In this order: those first that tell much and take little time."""
AS_IT_STANDS = "as it stands"
_IMPORT = re.compile(r"^from nnlint\.trainer\.reference_data import (\w+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One comparison. `defect` says in which spelling it was put in, `fix` what nnlint did about it."""

    program: str
    about: str
    defect: str
    fix: str
    faulty: str
    fixed: str

    @property
    def path(self) -> Path:
        """Under which name both run."""
        return HERE / "reference" / f"{self.program}.py"

    @property
    def digest(self) -> str:
        """What the two texts are known by."""
        return hashlib.sha256(f"{self.faulty}\0{self.fixed}".encode()).hexdigest()


def prepare() -> None:
    """Let workers be forked from a process that has torch and scikit-learn, and not start for each program."""
    preloaded = ("sklearn.datasets", "sklearn.model_selection", "sklearn.preprocessing")
    inspection.launch = Forks(*preloaded).launch  # type: ignore[assignment]


def case_of(rule: str, program: str) -> Case | str:
    """Return the rule's comparison on this program, or the reason why there is none."""
    sound = text_of(program)
    about = Program(program, sound).tree.body[0].value.value  # type: ignore[attr-defined]
    tried = 0
    for defect, faulty in ((AS_IT_STANDS, sound), *_mutants(rule, program)):
        tried += defect != AS_IT_STANDS
        report = _report(program, faulty)
        for fix in _fixes(rule, report):
            return Case(program, about, defect, fix.title, faulty, applied(faulty, _ordered(fix)))
    if tried:
        return "nnlint offers no fix of it there"
    return "the defect has no place in it" if rule in DEFECTS else "nothing to say of it, and no defect to put in"


def text_of(program: str) -> str:
    """Return a program that stands alone: the function that reads its data is written into it."""
    text = (HERE / "reference" / f"{program}.py").read_text("utf-8")

    def written(found: re.Match[str]) -> str:
        source = inspect.getsource(getattr(_data(), found[1]))
        return "\n\n" + source.replace(" -> tuple[Any, Any]", "") + "\n"

    return _IMPORT.sub(written, text)


@cache
def _data() -> Any:
    """Return the module of the reference data."""
    return importlib.import_module("nnlint.trainer.reference_data")


def _mutants(rule: str, program: str) -> Iterator[tuple[str, str]]:
    """Yield spelling and text of every way in which the rule's defect has a place in the program."""
    if rule in DEFECTS:
        for one in DEFECTS[rule](Program(program, text_of(program))):
            yield one.spelling, one.text


@cache
def _report(program: str, text: str) -> Report:
    """Return what nnlint says of a text with `--run`."""
    with tempfile.TemporaryDirectory(prefix="nnlint-") as folder:
        path = Path(folder, f"{program}.py")
        path.write_text(text, encoding="utf-8")
        return check_targets([str(path)], Settings(run=True))


def _fixes(rule: str, report: Report) -> Iterator[ReportedFix]:
    """Yield the first fix of each thing that the rule says and that has one."""
    for said in (*report.findings, *report.experiments):
        usable = [fix for fix in said.fixes if fix.edits and fix.safety != "display"]
        if said.rule == rule and usable:
            yield usable[0]


def _ordered(fix: ReportedFix) -> list[ReportedEdit]:
    return sorted(fix.edits, key=lambda edit: (edit.line or 0, edit.column or 0))

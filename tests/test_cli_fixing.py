"""Rounds of fixes: what is applied, what is taken back, what goes in a circle. The check is played by the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sample_reports import edit, finding, subject

from nnlint.facts import Span
from nnlint.fix import SetArgument, insert_statement, set_argument
from nnlint.fixing import ROUNDS, TAKEN_BACK, Fixed, fix
from nnlint.report import Report, ReportedFinding, ReportedFix, Trouble
from nnlint.settings import Settings

TEXT = "import torch.nn as nn\n\ndrop = nn.Dropout(0.9)\nlayer = nn.Linear(3, 4)\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(TEXT)
    return path


def setting(path: Path, rule: str, line: int, name: str, value: object, safety: str = "safe") -> ReportedFinding:
    """A finding whose fix sets one argument of the call on `line`."""
    text = path.read_text().splitlines()[line - 1]
    start = text.index("nn.")
    call = Span(path=str(path), line=line, column=start + 1, end_line=line, end_column=len(text) + 1)
    at = 0 if name == "p" else None
    origin = set_argument(call, name, value, title=f"set {name}", position=at, safety=safety)  # type: ignore[arg-type]
    assert isinstance(origin.verbs[0], SetArgument)
    known = ReportedFix(title=origin.title, safety=origin.safety, edits=(edit(line, 1, line, 1, ""),), origin=origin)
    return finding(rule=rule, line=line, fixes=(known,))


def run(check: Callable[[], Report], *, unsafe: bool = False, dry: bool = False) -> Fixed:
    return fix(check, Settings(), unsafe=unsafe, dry=dry)


def test_fixes_that_go_together_are_applied_in_one_round(file: Path) -> None:
    def check() -> Report:
        found = []
        if "0.9" in file.read_text():
            found.append(setting(file, "rate", 3, "p", 0.5))
        if "bias" not in file.read_text():
            found.append(setting(file, "bias", 4, "bias", False))
        return Report(findings=tuple(found), subjects=(subject(),))

    done = run(check)
    assert [f.rule for f in done.mended] == ["rate", "bias"]
    assert done.report.findings == ()
    assert "nn.Dropout(p=0.5)" in file.read_text() or "nn.Dropout(0.5)" in file.read_text()
    assert "nn.Linear(3, 4, bias=False)" in file.read_text()


def test_unsafe_fixes_are_applied_only_where_asked_for(file: Path) -> None:
    def check() -> Report:
        wrong = "bias" not in file.read_text()
        return Report(findings=(setting(file, "bias", 4, "bias", False, "unsafe"),) if wrong else ())

    assert run(check).mended == []
    assert file.read_text() == TEXT
    assert len(run(check, unsafe=True).mended) == 1


def test_a_dry_run_writes_nothing_and_shows_a_diff(file: Path) -> None:
    done = run(lambda: Report(findings=(setting(file, "bias", 4, "bias", False),)), dry=True)
    assert file.read_text() == TEXT
    assert "+layer = nn.Linear(3, 4, bias=False)\n" in done.diff(lambda path: "net.py")


@pytest.mark.parametrize("spoilt", ["subject", "status", "error"])
def test_a_fix_after_which_nothing_can_be_checked_is_taken_back(file: Path, spoilt: str) -> None:
    def check() -> Report:
        text = file.read_text()
        found = [setting(file, "rate", 3, "p", 0.5)] if "0.9" in text else []
        found += [setting(file, "bias", 4, "bias", False)] if "bias" not in text else []
        good = Report(findings=tuple(found), subjects=(subject(),))
        if "bias" not in text:
            return good
        worse = {
            "subject": {"subjects": ()},
            "status": {"subjects": (subject(status="partial", reason="forward raises"),)},
            "error": {"errors": (Trouble(kind="source", message="syntax error"),)},
        }
        return good.model_copy(update=worse[spoilt])

    done = run(check)
    assert [f.rule for f in done.mended] == ["rate"]
    assert done.left == {("bias", "set bias"): TAKEN_BACK}
    assert "bias" not in file.read_text()
    assert "0.5" in file.read_text()


def test_fixes_that_go_in_a_circle_come_to_an_end(file: Path) -> None:
    def check() -> Report:
        at = Span(path=str(file), line=3, column=1, end_line=3, end_column=5)
        origin = insert_statement(at, "x = 1", title="one more", safety="safe")
        one = ReportedFix(title="one more", safety="safe", edits=(edit(3, 1, 3, 1, ""),), origin=origin)
        return Report(findings=(finding(fixes=(one,)),))

    done = run(check)
    assert 0 < len(done.mended) <= ROUNDS

"""Reports made by hand for the tests of the renderers."""

from __future__ import annotations

from typing import Any

from nnlint.engine import NotChecked
from nnlint.facts import Subject
from nnlint.report import (
    Evidence,
    Measured,
    Related,
    Report,
    ReportedEdit,
    ReportedFinding,
    ReportedFix,
    Suppressed,
    Trouble,
)

NET = "\n" * 30 + "        return self.head(x).softmax(-1)\n"
TRAIN = "\n" * 7 + "loss_fn = nn.CrossEntropyLoss()\n"


def finding(**given: Any) -> ReportedFinding:
    """A finding at line 1 of net.py, changed by what is given."""
    known = {"rule": "some-rule", "level": "warning", "message": "something is so", "subject": "net.py:Net"}
    place = {"path": "net.py", "line": 1, "column": 1, "end_line": 1, "end_column": 4}
    return ReportedFinding(**{**place, **known, **given})


def edit(line: int, column: int, end_line: int, end_column: int, text: str, path: str = "net.py") -> ReportedEdit:
    return ReportedEdit(path=path, line=line, column=column, end_line=end_line, end_column=end_column, text=text)


def subject(**given: Any) -> Subject:
    return Subject(**{"id": "net.py:Net", "target": "net.py:Net", "path": "net.py", "status": "traced", **given})


SOFTMAX = finding(
    line=31,
    column=29,
    end_line=31,
    end_column=40,
    rule="softmax-before-cross-entropy",
    level="error",
    label="already a softmax",
    module="",
    message="`CrossEntropyLoss` receives probabilities, not logits",
    why="with 10 classes this loss cannot fall below 1.46",
    related=(
        Related(path="train.py", line=8, column=11, end_line=8, end_column=32, message="applies log-softmax itself"),
    ),
    evidence=(
        Evidence(
            task="digits",
            seeds=8,
            metric="accuracy",
            your_rate=Measured(before=0.465, after=0.966, interval=(0.4, 0.6), verdict="helps"),
            best_rate=Measured(before=0.965, after=0.967, interval=(-0.01, 0.02), verdict="no difference"),
        ),
    ),
    fixes=(
        ReportedFix(
            title="return the logits",
            safety="unsafe",
            changes="callers that expect probabilities will change",
            edits=(edit(31, 28, 31, 40, ""),),
        ),
    ),
)

FULL = Report(
    findings=(
        SOFTMAX,
        finding(
            level="advice", rule="a-piece-of-advice", message="a | table, 100 % <b>bold</b>: `code`", help="try, this"
        ),
    ),
    not_checked=(NotChecked("unscaled-features", "data", "net.py:Net"), NotChecked("few-epochs", "data", "net.py:Net")),
    subjects=(
        subject(input=("2x1x28x28:float32",), guessed=True, nodes=7, parameters=12810),
        subject(
            id="net.py:Other", target="net.py:Other", status="structure", reason="forward raises\nValueError at line 31"
        ),
    ),
    suppressed=(Suppressed(rule="relu-before-loss", path="net.py", line=4, by="comment"),),
    errors=(
        Trouble(kind="source", path="other.py", line=3, message="syntax error: invalid syntax", help="mend it"),
        Trouble(kind="model", path="net.py", message="nothing built `Third`", fatal=False),
    ),
    sources={"net.py": NET, "train.py": TRAIN},
)

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from sample_reports import FULL, SOFTMAX, TRAIN, edit, finding, subject

from nnlint.engine import NotChecked
from nnlint.render import FORMATS, Form, error_lines, render
from nnlint.report import Related, Report, ReportedFinding, ReportedFix, Trouble, applied
from nnlint.settings import Settings

SNAPSHOTS = Path(__file__).parent / "snapshots" / "render"


def lines_of(report: Report, *, level: Any = "warning", **form: Any) -> list[str]:
    return render(report, Settings(level=level), Form(**form)).splitlines()


def shown(one: ReportedFinding, source: str, *, path: str = "net.py") -> str:
    """The finding alone, with this text as its file."""
    return render(Report(findings=(one,), sources={path: source}), Settings(level="advice"), Form()).rpartition("\n\n")[
        0
    ]


def test_a_finding_reads_as_the_design_shows_it() -> None:
    report = Report(findings=(SOFTMAX,), sources=FULL.sources)
    assert render(report, Settings(), Form()).startswith(
        """\
error[softmax-before-cross-entropy]: `CrossEntropyLoss` receives probabilities, not logits
  --> net.py:31:29
   |
31 |         return self.head(x).softmax(-1)
   |                             ^^^^^^^^^^^ already a softmax
  --> train.py:8:11
   |
 8 | loss_fn = nn.CrossEntropyLoss()
   |           --------------------- applies log-softmax itself
   = why: with 10 classes this loss cannot fall below 1.46
   = evidence: digits, 8 seeds: 46.5 % -> 96.6 % at your rate; 96.5 % -> 96.7 % with each side's best rate
help: return the logits (unsafe: callers that expect probabilities will change)
   |
31 -         return self.head(x).softmax(-1)
31 +         return self.head(x)

"""
    )


@pytest.mark.parametrize("format", FORMATS)
def test_snapshot_of_every_format(format: Any) -> None:
    settings = Settings(level="advice")
    text = render(FULL, settings, Form(format, verbose=True), version="0.1.0")
    path = SNAPSHOTS / f"full.{format}.txt"
    if os.environ.get("NNLINT_BLESS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_the_last_line_says_what_was_withheld() -> None:
    last = lines_of(FULL)[-1]
    assert last == (
        "1 finding (0 safe fixes, 1 unsafe) · 1 advice hidden (--level advice) · 1 suppressed"
        " · 2 rules not checked: no data given"
    )


def test_reasons_for_rules_not_checked_are_counted() -> None:
    needs = {"a": "data", "b": "data", "c": "recipe", "d": "recipe.optimizer.lr"}
    report = Report(subjects=(subject(),), not_checked=tuple(NotChecked(r, n, "net.py:Net") for r, n in needs.items()))
    assert lines_of(report) == [
        "no findings in 1 model · 4 rules not checked: no data given (2), no training recipe known (1), other (1)"
    ]


def test_a_rule_that_fired_is_not_counted_as_not_checked() -> None:
    report = Report(
        findings=(finding(),), subjects=(subject(),), not_checked=(NotChecked("some-rule", "data", "net.py:Net"),)
    )
    assert lines_of(report)[-1] == "1 finding"


def test_advice_is_shown_three_times_a_subject_at_most() -> None:
    many = [finding(level="advice", line=n, end_line=n, subject=s) for s in ("a", "b") for n in range(1, 6)]
    report = Report(findings=tuple(many), subjects=(subject(),))
    assert len(report.shown("advice")) == 6
    assert lines_of(report, level="advice")[-1] == "6 findings · 4 advice hidden (three a subject are shown)"
    assert lines_of(report)[-1] == "no findings in 1 model · 10 advice hidden (--level advice)"


def test_level_error_hides_warnings_and_says_so() -> None:
    report = Report(findings=(finding(), finding(line=2, end_line=2), finding(level="advice")), subjects=(subject(),))
    assert lines_of(report, level="error") == [
        "no findings in 1 model · 1 advice and 2 warnings hidden (--level advice)"
    ]


def test_a_report_of_nothing_says_nothing() -> None:
    assert render(Report(), Settings(), Form()).strip() == ""


def test_what_stands_on_one_line_is_shown_once() -> None:
    also = (Related(path="net.py", line=1, column=12, end_line=1, end_column=24, message="the other one"),)
    text = shown(
        finding(column=26, end_column=38, label="this one", related=also), "nn.Stack(1, Linear(1, 2), Linear(2, 3))\n"
    )
    assert text.splitlines()[3:] == [
        " 1 | nn.Stack(1, Linear(1, 2), Linear(2, 3))",
        "   |                          ^^^^^^^^^^^^ this one",
        "   |            ------------ the other one",
    ]


def test_tabs_and_wide_letters_keep_the_ruler_under_the_code() -> None:
    text = shown(finding(column=13, end_column=16), "\tx = '漢字' + bad\n").splitlines()
    assert text[3:] == [" 1 |     x = '漢字' + bad", "   |                  ^^^"]


def test_a_form_feed_ends_no_line_and_steers_no_terminal() -> None:
    text = shown(finding(line=2, end_line=2, column=1, end_column=2), "a\x0c\x1b[2J\nb = 1\n")
    assert " 2 | b = 1" in text
    assert "\x1b" not in shown(finding(), "a\x1b[2Jb\n")
    assert "\x1b" not in shown(finding(message="an \x1b[31mevil\nmessage"), "a\n")


def test_a_place_over_several_lines_is_underlined_on_each() -> None:
    source = "net = nn.Sequential(\n    nn.Linear(1, 2),\n)\n"
    text = shown(finding(column=7, end_line=3, end_column=2, label="all of it"), source).splitlines()
    assert text[3:] == [
        " 1 | net = nn.Sequential(",
        "   |       ^^^^^^^^^^^^^^",
        " 2 |     nn.Linear(1, 2),",
        "   |     ^^^^^^^^^^^^^^^^",
        " 3 | )",
        "   | ^ all of it",
    ]


def test_a_long_place_loses_its_middle() -> None:
    text = shown(finding(end_line=20, end_column=2), "(\n" + "  1,\n" * 18 + ")\n")
    assert "   ..." in text
    assert text.count("\n") < 14


def test_a_very_long_line_is_cut_around_the_place() -> None:
    text = shown(finding(column=501, end_column=504), "a" * 500 + "bad" + "c" * 500 + "\n").splitlines()
    assert len(text[3]) < 200
    assert text[3][text[4].index("^") : text[4].rindex("^") + 1] == "bad"


def test_only_the_line_is_known() -> None:
    text = shown(finding(column=None, end_line=None, end_column=None), "    x = 1\n").splitlines()
    assert text[1:] == ["  --> net.py:1", "   |", " 1 |     x = 1", "   |     ^^^^^"]


@pytest.mark.parametrize(("line", "end_line"), [(3, 3), (3, 9)])
def test_a_place_behind_the_end_of_the_file_shows_no_source(line: int, end_line: int) -> None:
    text = shown(finding(line=line, end_line=end_line), "x = 1\n").splitlines()
    assert text == ["warning[some-rule]: something is so", f"  --> net.py:{line}:1"]


def test_no_place_at_all_names_the_subject() -> None:
    nowhere = {"path": None, "line": None, "column": None, "end_line": None, "end_column": None}
    assert shown(finding(**nowhere, module="layer1.0"), "").splitlines()[1] == "  --> net.py:Net (layer1.0)"


def test_alternatives_and_obstacles_are_said() -> None:
    fixes = (
        ReportedFix(title="do it", safety="display", obstacle="the layer is built in a loop"),
        ReportedFix(title="do that", safety="safe", edits=(edit(1, 1, 1, 2, "y"),)),
    )
    text = shown(finding(fixes=fixes, help="or read a book"), "x = 1\n").splitlines()
    assert text[-3:] == [
        "help: do it (by hand: the layer is built in a loop)",
        "help: or do that (safe)",
        "help: or read a book",
    ]


def test_a_diff_counts_lines_in_the_old_and_the_new_file_and_names_another_file() -> None:
    edits = (edit(1, 1, 1, 1, "import torch\n"), edit(2, 1, 2, 6, "x = 2"), edit(8, 11, 8, 32, "f()", path="train.py"))
    fix = ReportedFix(title="two", safety="unsafe", edits=edits)
    report = Report(findings=(finding(fixes=(fix,)),), sources={"net.py": "a = 1\nx = 1\n", "train.py": TRAIN})
    text = render(report, Settings(), Form())
    assert text[text.index("help") :].splitlines()[:9] == [
        "help: two (unsafe)",
        "   |",
        " 1 + import torch",
        " 2 - x = 1",
        " 3 + x = 2",
        "  --> train.py",
        "   |",
        " 8 - loss_fn = nn.CrossEntropyLoss()",
        " 8 + loss_fn = f()",
    ]


def test_a_long_diff_is_cut_and_says_so() -> None:
    fix = ReportedFix(title="many", safety="safe", edits=(edit(1, 1, 1, 1, "x = 1\n" * 30),))
    text = shown(finding(fixes=(fix,)), "y = 1\n")
    assert "... 18 more changed lines (--diff shows them)" in text


def test_colour_paints_words_and_nothing_else() -> None:
    plain = render(FULL, Settings(level="advice"), Form())
    painted = render(FULL, Settings(level="advice"), Form(colour=True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == plain


def test_statistics_count_by_rule() -> None:
    report = Report(findings=(finding(), finding(line=2, end_line=2), SOFTMAX))
    assert lines_of(report, statistics=True)[:2] == [
        "   2  some-rule                     warning",
        "   1  softmax-before-cross-entropy  error (unsafe fix)",
    ]


def test_errors_are_one_line_and_one_for_what_to_do() -> None:
    assert error_lines(FULL) == [
        "error: other.py:3: syntax error: invalid syntax",
        "  help: mend it",
        "note: net.py: nothing built `Third`",
    ]
    assert error_lines(Report(errors=(Trouble(kind="x", message="one\ntwo"),))) == ["error: one two"]


def test_edits_are_applied_from_the_back_and_keep_line_ends() -> None:
    text = "a = 1\r\nb = 2\r\n"
    edits = [edit(1, 5, 1, 6, "10"), edit(2, 1, 2, 6, ""), edit(3, 1, 3, 1, "c = 3\r\n")]
    assert applied(text, edits) == "a = 10\r\n\r\nc = 3\r\n"

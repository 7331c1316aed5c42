"""Comments that keep findings quiet."""

from __future__ import annotations

from nnlint.source import suppressions

TEXT = """\
import torch
model = f(
    1,  # nnlint: ignore[rule-a, rule_b] on purpose
    2,
)
# nnlint: ignore[rule-c]
@decorated
class Net(Base):
    x = "# nnlint: ignore[rule-a]"
    if x:  # nnlint: ignore
        y = 1
z = 1  # nnlint: ignore[rule-d]
w = 2
"""


def test_a_comment_counts_on_any_line_of_its_statement() -> None:
    found = suppressions(TEXT)
    for line in (2, 3, 4, 5):
        assert found.covering("rule-a", line) is not None
        assert found.covering("rule-b", line) is not None
    assert found.covering("rule-c", 2) is None
    assert found.covering("rule-a", 1) is None


def test_a_comment_alone_counts_for_the_statement_below() -> None:
    found = suppressions(TEXT)
    assert found.covering("rule-c", 8) is not None, "the class line, decorators included"
    assert found.covering("rule-c", 9) is None, "a class's comment is not about its body"
    assert found.covering("rule-d", 13) is None, "a comment behind code is about its own line"


def test_without_brackets_every_rule_is_meant_and_a_header_does_not_cover_its_body() -> None:
    found = suppressions(TEXT)
    assert found.covering("anything", 10) is not None
    assert found.covering("anything", 11) is None


def test_a_comment_in_a_string_is_none() -> None:
    assert suppressions(TEXT).covering("rule-a", 9) is None
    assert suppressions("x = '''\n# nnlint: ignore-file\n'''\n").ignores == ()


def test_a_whole_file() -> None:
    found = suppressions("x = 1\n\n# nnlint: ignore-file[rule-a]\n")
    assert found.covering("rule-a", 1) is not None
    assert found.covering("rule-b", 1) is None
    assert suppressions("# nnlint: ignore-file generated\n").covering("rule-b", 7) is not None


def test_the_reason_and_place_are_kept() -> None:
    (first, *_) = suppressions(TEXT).ignores
    assert (first.line, first.column, first.end_column) == (3, 9, 52)
    assert first.reason == "on purpose"


def test_unused_is_said_only_of_rules_that_were_checked() -> None:
    found = suppressions(TEXT)
    unused = found.unused([("rule-a", 4), ("rule-c", 99)], checked={"rule-a", "rule-b", "rule-c"})
    assert [(i.line, rule) for i, rule in unused] == [(3, "rule-b"), (6, "rule-c")]


def test_unknown_rules_come_with_the_nearest_name() -> None:
    found = suppressions("x = 1  # nnlint: ignore[missing-zero-gard, zzz]\n")
    assert [(i.line, n, near) for i, n, near in found.unknown({"missing-zero-grad"})] == [
        (1, "missing-zero-gard", "missing-zero-grad"),
        (1, "zzz", ""),
    ]


def test_a_broken_file_keeps_its_comments() -> None:
    found = suppressions("x = 1  # nnlint: ignore[rule-a]\ndef f(:\n")
    assert found.covering("rule-a", 1) is not None

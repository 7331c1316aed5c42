"""Files as a whole: line ends, encodings, edits, diffs, atomic writing, several fixes at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewriting import PATH, applied, function, layer, spot

from nnlint.fix import Fix, InsertAfter, InsertStatement, Remove, Replace, SetArgument
from nnlint.source.rewrite import CannotApply, edits, read_source, rewrite, rewrite_all, unified_diff, write

TEXT = "import torch\nimport torch.nn.functional as F\n\n\ndef f(x):  # é\n    return F.softmax(x, dim=1)\n"


def softmax(text: str) -> Remove:
    return Remove(node=function(text, "softmax", "F.softmax(x, dim=1)"))


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("    ", "\t"), ("import torch\n", "\ufeffimport torch\n")])
def test_line_ends_tabs_and_marks_stay(change: tuple[str, str]) -> None:
    text = TEXT.replace(*change)
    span = spot(text.removeprefix("\ufeff"), "F.softmax(x, dim=1)")
    node = function(TEXT, "softmax", "F.softmax(x, dim=1)").model_copy(update={"call": span})
    expected = TEXT.replace("import torch.nn.functional as F\n", "").replace("F.softmax(x, dim=1)", "x")
    assert applied(text, Remove(node=node)) == expected.replace(*change)


def test_spans_count_code_points() -> None:
    text = "s = 'é😀'; y = F.softmax(x, dim=1)\n"
    assert applied("import F\n" + text, softmax("import F\n" + text)) == "s = 'é😀'; y = x\n"


@pytest.mark.parametrize("text", ["y = F.softmax(x, dim=1", "def\n", "y = 1\n"])
def test_what_cannot_be_read_is_left(text: str) -> None:
    with pytest.raises(CannotApply):
        applied(text, softmax(TEXT))


def test_a_missing_file_is_a_reason() -> None:
    def read(path: str) -> str:
        raise FileNotFoundError(path)

    with pytest.raises(CannotApply, match="cannot be read"):
        rewrite(Fix(title="", verbs=(softmax(TEXT),)), read)


# -- several fixes ----------------------------------------------------------------------------------------------------


def test_fixes_that_do_not_touch_go_together() -> None:
    text = "import torch.nn as nn\nnet = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Softmax(dim=1))\n"
    fixes = [
        Fix(title="1", verbs=(Remove(node=layer(text, "softmax", "nn.Softmax(dim=1)")),)),
        Fix(title="2", verbs=(InsertAfter(node=layer(text, "linear", "nn.Linear(2, 3)"), op="relu"),)),
        Fix(title="3", verbs=(SetArgument(call=spot(text, "nn.Linear(3, 3)"), name="bias", value=False),)),
    ]
    result = rewrite_all(fixes, {PATH: text}.__getitem__)
    assert result.left == ()
    assert result.files[PATH] == (
        "import torch.nn as nn\nnet = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3, bias=False))\n"
    )


def test_the_later_of_two_fixes_of_one_place_is_left() -> None:
    text = "import torch.nn as nn\nnet = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))\n"
    node = layer(text, "softmax", "nn.Softmax(dim=1)")
    fixes = [Fix(title=op, verbs=(Replace(node=node, op=op),)) for op in ("sigmoid", "relu")]
    result = rewrite_all(fixes, {PATH: text}.__getitem__)
    assert result.applied == (fixes[0],)
    assert [(fix.title, reason) for fix, reason in result.left] == [("relu", "two changes meet in line 2")]
    assert "nn.Sigmoid()" in result.files[PATH]


def test_a_fix_is_done_as_a_whole_or_not_at_all() -> None:
    broken = SetArgument(call=spot(TEXT, "import"), name="lr", value=1)
    with pytest.raises(CannotApply, match="was not found"):
        rewrite(Fix(title="", verbs=(softmax(TEXT), broken)), {PATH: TEXT}.__getitem__)
    result = rewrite_all(
        [Fix(title="a", verbs=(softmax(TEXT), broken)), Fix(title="b", verbs=(softmax(TEXT),))],
        {PATH: TEXT}.__getitem__,
    )
    assert [fix.title for fix in result.applied] == ["b"]


def test_two_files_change_together() -> None:
    other = "for x in y:\n    loss.backward()\n"
    verb = InsertStatement(at=spot(other, "loss.backward()", path="/project/train.py"), text="opt.zero_grad()")
    files = {PATH: TEXT, "/project/train.py": other}
    result = rewrite(Fix(title="", verbs=(softmax(TEXT), verb)), files.__getitem__)
    assert result["/project/train.py"] == "for x in y:\n    opt.zero_grad()\n    loss.backward()\n"
    assert "softmax" not in result[PATH]


# -- edits and diffs --------------------------------------------------------------------------------------------------

LINES = st.lists(st.text("ab\t é\x0c", max_size=4), max_size=8)


@given(LINES, LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_edits_turn_one_text_into_the_other(old: list[str], new: list[str], end: str, last: bool) -> None:
    one, other = (end.join(rows) + end * last for rows in (old, new))
    found = edits("f.py", one, other)
    result, lines = one, one.replace("\r\n", "\n\n").replace("\r", "\n").split("\n")
    starts = [0]
    for row in one.replace("\r\n", "\0\n").replace("\r", "\n").split("\n"):
        starts.append(starts[-1] + len(row) + 1)
    assert lines
    for edit in reversed(found):
        start = starts[edit.line - 1] + edit.column - 1
        finish = starts[edit.end_line - 1] + edit.end_column - 1
        assert start <= finish <= len(one)
        result = result[:start] + edit.text + result[finish:]
    assert result == other


def test_edits_are_small() -> None:
    new = TEXT.replace("F.softmax(x, dim=1)", "x").replace("import torch.nn.functional as F\n", "")
    found = [(e.line, e.column, e.end_line, e.end_column, e.text) for e in edits(PATH, TEXT, new)]
    assert found == [(2, 1, 3, 1, ""), (6, 12, 6, 31, "x")]


def test_a_diff_reads_as_git_writes_it() -> None:
    assert unified_diff("net.py", "a\r\nb", "a\r\nc") == (
        "--- a/net.py\n+++ b/net.py\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n"
        "+c\n\\ No newline at end of file\n"
    )
    assert unified_diff("net.py", "a\n", "a\n") == ""


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "x = 'é'\r\ny = 2\r\n".encode(),
        b"\xef\xbb\xbfx = '\xc3\xa9'\ny = 2\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\ny = 2\n",
    ],
)
def test_encoding_marks_and_line_ends_stay(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(data)
    text = read_source(str(path))
    assert "é" in text
    write({str(path): text.replace("2", "3")})
    assert path.read_bytes() == data.replace(b"2", b"3")
    write({str(path): text.replace("\r\n", "\n").replace("2", "4")})
    assert path.read_bytes() == data.replace(b"2", b"4")


def test_a_link_and_permissions_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text("x = 1\n")
    real.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(real)
    write({str(link): "x = 2\n"})
    assert link.is_symlink()
    assert real.read_text() == "x = 2\n"
    assert real.stat().st_mode & 0o777 == 0o750
    assert sorted(os.listdir(tmp_path)) == ["link.py", "real.py"]


def test_nothing_is_written_where_one_text_cannot_be(tmp_path: Path) -> None:
    one, other = tmp_path / "a.py", tmp_path / "b.py"
    one.write_text("x = 1\n")
    other.write_bytes(b"# coding: ascii\nx = 1\n")
    with pytest.raises(UnicodeEncodeError):
        write({str(one): "x = 2\n", str(other): "# coding: ascii\nx = 'é'\n"})
    assert one.read_text() == "x = 1\n"
    assert sorted(os.listdir(tmp_path)) == ["a.py", "b.py"]

"""Notebooks: read as one program, shown by cell and line, changed in place with the rest of the file as it was."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from nnlint.fixing import fix
from nnlint.pipeline import check_targets, exit_status
from nnlint.render import Form, render
from nnlint.settings import Settings
from nnlint.source.notebook import cells, place, program, written
from nnlint.source.text import SourceError

MAGICS = [
    "%matplotlib inline", "!pip install torch", "%%time\nx = 1", "%%bash\necho 'x = ('\n\nls", "x?", "?x", "x.y??",
    "files = !ls *.py", "if True:\n    %load_ext autoreload\n    !ls", "%time x = f(1)", "%timeit -n 10 f(1)",
    "y = (4\n% 3)\n!ls", "s = '''\n%no magic\n'''\n%magic", "%%html\n<b>", "a = 1  # 100 %", "", "x = 1\n",
    "%%capture out\n!ls",
    "data = %env HOME", "x = [\n!\n]", "print('%d' % 3)\n%pwd",
]  # fmt: skip


def notebook(*sources: str, text: bool = False, indent: int | None = 1, **more: Any) -> bytes:
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": ["# Ü\n", "words"]}]
    for source in sources:
        rows = source.split("\n")
        listed = [row + "\n" for row in rows[:-1]] + ([rows[-1]] if rows[-1] else [])
        made.append(
            {
                "cell_type": "code", "execution_count": 3, "id": "a1", "metadata": {"tags": ["x"]},
                "outputs": [{"output_type": "stream", "name": "stdout", "text": ["é…\n"]}],
                "source": source if text else listed,
            }
        )  # fmt: skip
    whole = {"cells": made, "metadata": {"kernelspec": {"language": "python", "name": "python3"}}, **more}
    return (
        json.dumps({**whole, "nbformat": 4, "nbformat_minor": 5}, indent=indent, ensure_ascii=False) + "\n"
    ).encode()


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("source", MAGICS)
def test_what_python_does_not_understand_comes_back_as_it_was(source: str, text: bool) -> None:
    data = notebook("import os", source, "b = 2", text=text)
    read = program("a.ipynb", data)
    if source != "x = [\n!\n]":
        compile(read, "a.ipynb", "exec")
    assert written("a.ipynb", data, read) == data
    changed = written("a.ipynb", data, read.replace("b = 2", "b = 3"))
    assert changed == data.replace(b"b = 2", b"b = 3")


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_only_changed_lines_change_in_the_file(indent: int | None) -> None:
    data = notebook("import os\nx = 1\ny = 2", "z = '\\u00fc'", indent=indent)
    read = program("a.ipynb", data)
    changed = written("a.ipynb", data, read.replace("x = 1", "x = 1\nw = 'ß'"))
    expected = notebook("import os\nx = 1\nw = 'ß'\ny = 2", "z = '\\u00fc'", indent=indent)
    assert changed == expected


def test_places_are_cells_and_lines() -> None:
    found = cells(program("a.ipynb", notebook("a = 1\nb = 2", "c = 3")))
    assert [place(found, line) for line in (2, 3, 5)] == [(2, 1), (2, 2), (3, 1)]


def test_an_import_put_in_front_goes_into_the_first_cell() -> None:
    data = notebook("a = 1", "b = 2")
    changed = written("a.ipynb", data, "import os\n" + program("a.ipynb", data))
    assert changed == notebook("import os\na = 1", "b = 2")


def test_a_lost_marker_is_refused() -> None:
    data = notebook("a = 1", "b = 2")
    with pytest.raises(SourceError, match="told apart"):
        written("a.ipynb", data, program("a.ipynb", data).replace("# %% nnlint cell 3\n", ""))


BROKEN = {
    "no JSON": (b'{"cells": [', "its JSON cannot be read"),
    "no text": (b"\xff\xfe\x00", "its JSON cannot be read"),
    "a list": (b"[]", "it has no cells"),
    "old": (b'{"worksheets": [], "nbformat": 3}', "of version 4"),
    "no source": (b'{"cells": [{"cell_type": "code"}]}', "cell 1 has no source"),
    "in R": (b'{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "a notebook in R"),
    "deep": (b"[" * 100_000, "its JSON cannot be read"),
    "syntax": (notebook("import torch", "def f(:"), "syntax error"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_notebook_is_one_clear_error(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, words = BROKEN[kind]
    Path("a.ipynb").write_bytes(data)
    report = check_targets(["a.ipynb"], Settings())
    (error,) = report.errors
    assert words in error.message
    assert exit_status(report, Settings()) == 2
    assert (error.cell, error.line) == ((3, 1) if kind == "syntax" else (None, error.line))


STUDY = [
    "%matplotlib inline\nimport torch\nfrom torch import nn",
    "net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))\nX, Y = torch.randn(40, 6), torch.arange(40) % 3",
    textwrap.dedent("""\
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(50):
        %time loss = criterion(net(X), Y)
        loss.backward()
        opt.step()
    display(net)"""),
]


def test_a_notebook_is_run_shown_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.ipynb").write_bytes(notebook(*STUDY))
    settings = Settings(select=("missing-zero-grad",))
    done = fix(lambda: check_targets(["a.ipynb"], settings), settings, unsafe=True)
    assert done.report.findings == ()
    assert done.report.subjects[0].status == "traced"
    expected = notebook(*STUDY[:2], STUDY[2].replace("    loss.backward()", "    opt.zero_grad()\n    loss.backward()"))
    assert Path("a.ipynb").read_bytes() == expected
    assert list(tmp_path.iterdir()) == [tmp_path / "a.ipynb"]


def test_every_form_tells_the_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.ipynb").write_bytes(notebook(*STUDY))
    settings = Settings(select=("missing-zero-grad",), static=True)
    report = check_targets(["a.ipynb"], settings)
    (finding,) = report.findings
    assert (finding.path, finding.cell, finding.line) == ("a.ipynb", 4, 5)
    assert "--> a.ipynb:cell 4:5:5" in render(report, settings, Form())
    entry = json.loads(render(report, settings, Form("json")))["findings"][0]
    assert (entry["cell"], entry["line"], entry["fixes"][0]["edits"][0]["cell"]) == (4, 5, 4)
    location = json.loads(render(report, settings, Form("sarif")))["runs"][0]["results"][0]["locations"][0]
    assert location["logicalLocations"] == [{"name": "cell 4", "kind": "module"}]
    assert "cell 4, line 5: gradients" in render(report, settings, Form("github"))


def test_a_comment_silences_in_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quiet = STUDY[2].replace("loss.backward()", "loss.backward()  # nnlint: ignore[missing-zero-grad]")
    Path("a.ipynb").write_bytes(notebook(*STUDY[:2], quiet))
    report = check_targets(["a.ipynb"], Settings(select=("missing-zero-grad",), static=True))
    assert report.findings == ()
    assert [(one.cell, one.line) for one in report.suppressed] == [(4, 5)]

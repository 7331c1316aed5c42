"""What goes wrong is said in one clear line, with the exit status that belongs to it: no traceback, no hang."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from test_cli import FAULTY, RULE, SOUND, nnlint

BROKEN = SOUND.replace("nn.Linear(width, 3)", "nn.Linear(width + 1, 3)")
NEEDY = SOUND.replace("width=8", "width, depth")


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("error:", "note:"))]


CASES = {
    "missing file": ("mising.py", None, "error: mising.py: no such file or folder"),
    "syntax error": ("case.py", "def f(:\n", "error: case.py:1: syntax error: invalid syntax: `def f(:`"),
    "import error": (
        "case.py",
        "import torch\nimport no_such_thing\n" + SOUND,
        "error: case.py:2: cannot import `no_such_thing`",
    ),
    "constructor that needs arguments": ("case.py", NEEDY, "error: case.py:4: `Net` needs `width`, `depth`"),
    "sys.exit at import": (
        "case.py",
        "import sys\nsys.exit(3)\n" + SOUND,
        "error: case.py:2: calls sys.exit(3) before a model is trained",
    ),
    "endless loop at import": (
        "case.py",
        "while True:\n    pass\n" + SOUND,
        "error: case.py:1: still running after 2 s",
    ),
    "binary file": ("case.py", random.Random(0).randbytes(2000), "error: case.py: is a binary file, not Python source"),
    "empty file": ("case.py", "", "error: case.py: no PyTorch model found"),
    "no model": ("case.py", "x = 1\n", "error: case.py: no PyTorch model found"),
    "no such model": ("case.py:Nett", SOUND, "error: case.py: holds nothing named `Nett`"),
    "no such module": ("no.such:Net", None, "error: no.such:Net: there is no module no.such here or on Python's path"),
    "latin-1": (
        "case.py",
        "# caf\xe9\n".encode("latin-1"),
        "error: case.py:1: its encoding cannot be read: invalid or missing encoding declaration",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_status_2(tmp_path: Path, case: str) -> None:
    target, content, line = CASES[case]
    if content is not None:
        (tmp_path / "case.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = nnlint(tmp_path, target, "--timeout", "2")
    assert done.status == 2
    assert errors(done.err) == [line]
    assert done.out == ""


def test_a_near_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "training.py").write_text(SOUND)
    assert "did you mean 'training.py'?" in nnlint(tmp_path, "trainin.py").err
    assert "did you mean `Net`?" in nnlint(tmp_path, "training.py:Nett").err


def test_a_folder_without_python(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    done = nnlint(tmp_path, "notes")
    assert (done.status, errors(done.err)) == (2, ["error: notes: holds no Python file"])


def test_what_a_folder_holds_is_a_note_at_most(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def f(:\n")
    (tmp_path / "plain.py").write_text("x = 1\n")
    (tmp_path / "sound.py").write_text(SOUND)
    done = nnlint(tmp_path, ".")
    assert done.status == 0
    assert errors(done.err) == ["note: bad.py:1: syntax error: invalid syntax: `def f(:`"]
    assert done.out.startswith("no findings in 1 model")


def test_files_without_a_model_are_passed_over_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("x = 1\n")
    done = nnlint(tmp_path, "plain.py", "--allow-empty")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_a_forward_that_raises_is_checked_in_part_and_said(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(BROKEN)
    done = nnlint(tmp_path, "case.py")
    assert done.status == 0
    assert done.out.startswith("case.py: Net: checked in part: forward raises RuntimeError: ")
    assert nnlint(tmp_path, "case.py", "--strict").status == 2


def test_a_forward_that_raises_on_the_users_own_input_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(SOUND)
    done = nnlint(tmp_path, "case.py", "--input", "2x5")
    assert done.status == 2
    assert "on the input 2x5:float32 that you gave" in errors(done.err)[0]
    wrong = nnlint(tmp_path, "case.py", "--input", "2xx")
    assert (wrong.status, errors(wrong.err)[0][:16]) == (2, "error: input '2x")


def test_cuda_written_out_runs_on_the_cpu(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(SOUND + "\n\nnet = Net().cuda()\n" + SOUND[:0])
    done = nnlint(tmp_path, "case.py", "--output-format", "json")
    assert (done.status, [s["status"] for s in done.json["subjects"]]) == (0, ["traced"])


def test_relative_imports_work(tmp_path: Path) -> None:
    package = tmp_path / "nets"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "parts.py").write_text("WIDTH = 5\n")
    (package / "net.py").write_text("from .parts import WIDTH\n" + SOUND.replace("width=8", "width=WIDTH"))
    done = nnlint(tmp_path, "nets/net.py", "--output-format", "json")
    assert [(s["status"], s["parameters"]) for s in done.json["subjects"]] == [("traced", 4 * 5 + 5 + 15 + 3)]


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        (
            '[tool.nnlint]\nignore = ["dropout-on-outptu"]\n',
            "error: pyproject.toml:2: there is no rule, family or level named 'dropout-on-outptu'",
        ),
        ("[tool.nnlint]\nselct = []\n", "error: pyproject.toml:2: there is no setting named 'selct'"),
        ("[tool.nnlint\n", "error: pyproject.toml:1: not valid TOML: Expected ']' at the end of a table declaration"),
        ('[tool.nnlint]\nrule-paths = ["nowhere"]\n', "error: pyproject.toml:2: rule-paths: there is no nowhere"),
    ],
)
def test_a_mistake_in_the_configuration(tmp_path: Path, toml: str, line: str) -> None:
    (tmp_path / "case.py").write_text(SOUND)
    (tmp_path / "pyproject.toml").write_text(toml)
    done = nnlint(tmp_path, "case.py", "--output-format", "json")
    assert (done.status, errors(done.err)) == (2, [line])
    (error,) = done.json["errors"]
    assert (error["kind"], error["path"]) == ("configuration", "pyproject.toml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n", "own/house/wrong.py:1: malformed rule: a rule file defines exactly one rule, this one defines 0"),
        ("def f(:\n", "own/house/wrong.py:1: malformed rule: syntax error: invalid syntax"),
        (
            "\nimport no_such_thing\n",
            "own/house/wrong.py:2: malformed rule: ModuleNotFoundError: No module named 'no_such_thing'",
        ),
    ],
)
def test_a_malformed_rule_of_ones_own(tmp_path: Path, text: str, line: str) -> None:
    family = tmp_path / "own" / "house"
    family.mkdir(parents=True)
    (family / "wrong.py").write_text(text)
    (tmp_path / "case.py").write_text(SOUND)
    (tmp_path / "pyproject.toml").write_text('[tool.nnlint]\nrule-paths = ["own"]\n')
    done = nnlint(tmp_path, "case.py")
    assert (done.status, errors(done.err)) == (2, [f"error: {line}"])


def test_a_rule_that_fails_does_not_keep_the_others_from_being_checked(tmp_path: Path) -> None:
    family = tmp_path / "own" / "house"
    family.mkdir(parents=True)
    (family / "breaks.py").write_text(
        '"""Breaks."""\nfrom nnlint.facts import Layer\nfrom nnlint.rule import rule\n\n'
        '@rule(level="error", since="1")\ndef breaks(layer: Layer) -> None:\n    return layer.nothing_of_the_kind\n'
    )
    (tmp_path / "case.py").write_text(FAULTY)
    (tmp_path / "pyproject.toml").write_text('[tool.nnlint]\nrule-paths = ["own"]\n')
    done = nnlint(tmp_path, "case.py", "--output-format", "json")
    assert done.status == 2
    assert RULE in done.rules
    (line,) = errors(done.err)
    assert line.startswith("error: own/house/breaks.py:7: the rule breaks failed: AttributeError: ")


def test_options_that_do_not_exist_or_contradict(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(SOUND)
    unknown = nnlint(tmp_path, "case.py", "--unsafe-fix")
    assert unknown.status == 2
    assert "--unsafe-fixes" in unknown.err
    both = nnlint(tmp_path, "case.py", "--run", "--static")
    assert (both.status, errors(both.err)) == (2, ["error: --run and --static contradict each other"])


def test_an_unwritable_report(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(SOUND)
    done = nnlint(tmp_path, "case.py", "--static", "--output-file", "no/such/folder.txt")
    assert done.status == 2
    assert "no/such/folder.txt" in done.err


def test_an_error_of_nnlints_own_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from nnlint import cli, pipeline

    def fails(*_: object, **__: object) -> None:
        raise KeyError("surprise")

    (tmp_path / "case.py").write_text(SOUND)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "check_targets", fails)
    monkeypatch.setattr(sys, "argv", ["nnlint", "case.py"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[0].startswith("error: nnlint itself failed: KeyError: 'surprise' (test_bad_input.py:")
    assert "please report" in error[1]
    assert len(error) == 2


def test_json_is_valid_also_where_nothing_could_be_checked(tmp_path: Path) -> None:
    done = nnlint(tmp_path, "missing.py", "--output-format", "json")
    assert done.status == 2
    assert done.json["errors"][0]["path"] == "missing.py"
    assert json.loads(done.out)["findings"] == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(SOUND)
    (tmp_path / "case.py").chmod(0)
    done = nnlint(tmp_path, "case.py")
    assert (done.status, errors(done.err)) == (2, ["error: case.py: cannot be read: Permission denied"])

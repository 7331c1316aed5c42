"""`--baseline`: findings of long standing are passed over until their line changes."""

import json
import subprocess
import sys

import pytest

NET = """from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 16)
        self.drop = nn.Dropout(0.95)
        self.b = nn.Linear(16, 4)

    def forward(self, x):
        return self.b(self.drop(self.a(x).relu()))


# nnlint: model Net() input=2x8
"""


def nnlint(folder, *arguments):
    command = [sys.executable, "-m", "nnlint", "net.py", "--level", "advice", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    assert nnlint(tmp_path).returncode == 1
    done = nnlint(tmp_path, "--baseline", "known.json", "--write-baseline")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "wrote" in done.stderr
    return tmp_path


def test_what_stands_in_the_baseline_is_passed_over_also_where_it_moves(project):
    (project / "net.py").write_text("# a line more\n" + NET)
    done = nnlint(project, "--baseline", "known.json", "--output-format", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"]) == (0, [])
    assert {one["by"] for one in report["suppressed"]} == {"baseline"}


def test_a_new_finding_is_shown(project):
    again = NET.replace("(0.95)", "(0.95)\n        self.more = nn.Dropout(0.9)").replace(
        "self.drop(", "self.more(self.drop("
    )
    (project / "net.py").write_text(again.replace(".relu()))", ".relu())))"))
    done = nnlint(project, "--baseline", "known.json", "--output-format", "concise")
    assert done.returncode == 1
    assert "net.py:9:" in done.stdout
    assert "net.py:8:" not in done.stdout


def test_the_configuration_may_name_it(project):
    (project / "pyproject.toml").write_text('[tool.nnlint]\nbaseline = "known.json"\n')
    assert nnlint(project).returncode == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "there is no such baseline"), ("[]", "not a baseline"), ('{"version": 9, "findings": []}', "version 9")],
)  # fmt: skip
def test_a_bad_baseline_is_one_error(project, text, says):
    if text is None:
        (project / "known.json").unlink()
    else:
        (project / "known.json").write_text(text)
    done = nnlint(project, "--baseline", "known.json")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_writing_needs_to_know_where(project):
    done = nnlint(project, "--write-baseline")
    assert done.returncode == 2
    assert "--baseline FILE" in done.stderr

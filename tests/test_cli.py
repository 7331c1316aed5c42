"""The command line as a user meets it: every test starts it in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / "schema" / "report.schema.json").read_text("utf-8"))

SOUND = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.hidden = nn.Linear(4, width)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        return self.head(self.hidden(x).relu())
"""

FAULTY = SOUND.replace("nn.Linear(width, 3)", "nn.Linear(width, 1)").replace(
    "self.head(self.hidden(x).relu())", "self.head(self.hidden(x).relu()).softmax(-1)"
)
RULE = "softmax-on-one-unit"

TRAINING = (
    FAULTY
    + """

import torch

net = Net()
loss_fn = nn.BCELoss()
optimizer = torch.optim.Adam(net.parameters())
torch.manual_seed(0)
inputs = torch.randn(64, 4)
targets = (inputs[:, :1] > 0).float()
for step in range(100000):
    optimizer.zero_grad()
    loss = loss_fn(net(inputs), targets)
    loss.backward()
    optimizer.step()
    print("step", step)
"""
)


class Done:
    def __init__(self, process: subprocess.CompletedProcess[bytes]) -> None:
        self.status = process.returncode
        self.out, self.err = process.stdout.decode(), process.stderr.decode()
        assert "Traceback" not in self.out + self.err

    @property
    def json(self) -> dict[str, Any]:
        data = json.loads(self.out)
        jsonschema.Draft202012Validator(SCHEMA).validate(data)
        return data

    @property
    def rules(self) -> list[str]:
        return [finding["rule"] for finding in self.json["findings"]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "sound.py").write_text(SOUND)
    (tmp_path / "faulty.py").write_text(FAULTY)
    return tmp_path


def nnlint(folder: Path, *arguments: str, stdin: bytes = b"", **environment: str) -> Done:
    command = [sys.executable, "-m", "nnlint", *arguments]
    clean = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR")}
    return Done(
        subprocess.run(command, cwd=folder, input=stdin, capture_output=True, env={**clean, **environment}, timeout=150)
    )


def test_a_finding_is_explained_and_makes_the_status_1(here: Path) -> None:
    done = nnlint(here, "faulty.py")
    assert done.status == 1
    assert f"error[{RULE}]:" in done.out
    assert "  --> faulty.py:11:49\n" in done.out
    assert (
        "11 |         return self.head(self.hidden(x).relu()).softmax(-1)\n"
        "   |                                                 ^^^^^^^^^^^"
    ) in done.out


def test_a_sound_file_is_clean(here: Path) -> None:
    done = nnlint(here, "sound.py")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("no findings in 1 model")
    assert done.out.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", ["faulty.py --exit-zero", "--ignore gradients faulty.py", "faulty.py --select dropout"]
)
def test_options_that_make_the_status_0(here: Path, arguments: str) -> None:
    assert nnlint(here, *arguments.split()).status == 0


def test_several_files_come_in_the_order_given(here: Path) -> None:
    (here / "copy.py").write_text(FAULTY)
    done = nnlint(here, "faulty.py", "sound.py", "copy.py", "--output-format", "json")
    assert [s["target"] for s in done.json["subjects"]] == ["faulty.py:Net", "sound.py:Net", "copy.py:Net"]
    assert [f["path"] for f in done.json["findings"] if f["rule"] == RULE] == ["faulty.py", "copy.py"]


def test_a_folder_a_named_model_and_a_module(here: Path) -> None:
    package = here / "src" / "nets"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "net.py").write_text("from .parts import width\n" + SOUND)
    (package / "parts.py").write_text("width = 3\n")
    assert {s["target"] for s in nnlint(here, ".", "--output-format", "json").json["subjects"]} == {
        "faulty.py:Net", "sound.py:Net", "src/nets/net.py:Net",
    }  # fmt: skip
    named = nnlint(here, "sound.py:Net(16)", "--output-format", "json").json["subjects"]
    assert [(s["parameters"], s["status"]) for s in named] == [(4 * 16 + 16 + 16 * 3 + 3, "traced")]
    module = nnlint(here, "nets.net:Net(width=2)", "--output-format", "json").json["subjects"]
    assert [(s["path"], s["parameters"]) for s in module] == [("src/nets/net.py", 4 * 2 + 2 + 2 * 3 + 3)]


def test_a_command_wins_over_a_folder_of_its_name(here: Path) -> None:
    (here / "rules").mkdir()
    (here / "rules" / "net.py").write_text(FAULTY)
    assert "`nnlint rule NAME` explains one" in nnlint(here, "rules").out
    assert nnlint(here, "./rules").status == 1


def test_no_path_prints_the_help(here: Path) -> None:
    done = nnlint(here)
    assert done.status == 0
    assert "Usage: nnlint" in done.out
    assert "--fix" in nnlint(here, "--fix").out


def test_json_is_complete_and_positions_are_exact(here: Path) -> None:
    done = nnlint(here, "faulty.py", "--output-format", "json")
    (finding,) = [f for f in done.json["findings"] if f["rule"] == RULE]
    line = FAULTY.splitlines()[finding["line"] - 1]
    assert finding["line"] == finding["end_line"] == 11
    assert line[finding["column"] - 1 : finding["end_column"] - 1] == "softmax(-1)"
    assert finding["subject"] == done.json["subjects"][0]["id"]
    assert done.json["subjects"][0]["guessed"] is True
    assert done.json["not_checked"]


def test_json_edits_make_the_fixed_file(here: Path) -> None:
    from nnlint.report import ReportedEdit, applied

    (finding,) = [f for f in nnlint(here, "faulty.py", "--output-format", "json").json["findings"] if f["rule"] == RULE]
    edits = [ReportedEdit(**edit) for edit in finding["fixes"][0]["edits"]]
    nnlint(here, "faulty.py", "--select", RULE, "--fix", "--unsafe-fixes")
    assert applied(FAULTY, edits) == (here / "faulty.py").read_text() != FAULTY


def test_fix_writes_and_reports_what_is_left(here: Path) -> None:
    safe_only = nnlint(here, "faulty.py", "--fix")
    assert (safe_only.status, (here / "faulty.py").read_text()) == (1, FAULTY)
    done = nnlint(here, "faulty.py", "--fix", "--unsafe-fixes")
    assert done.status == 0
    assert "fixed 1 finding in faulty.py" in done.err
    assert "softmax" not in (here / "faulty.py").read_text()
    again = (here / "faulty.py").read_text()
    nnlint(here, "faulty.py", "--fix", "--unsafe-fixes")
    assert (here / "faulty.py").read_text() == again


def test_diff_shows_and_writes_nothing(here: Path) -> None:
    done = nnlint(here, "--diff", "--unsafe-fixes", "faulty.py")
    assert (here / "faulty.py").read_text() == FAULTY
    assert done.out.startswith("--- a/faulty.py\n+++ b/faulty.py\n@@ ")
    assert subprocess.run(["git", "apply", "--check", "-"], cwd=here, input=done.out.encode()).returncode == 0


def test_standard_input_is_a_file_of_the_name_given(here: Path) -> None:
    done = nnlint(here, "-", "--stdin-filename", "nets/new.py", "--output-format", "concise", stdin=FAULTY.encode())
    assert done.status == 1
    assert done.out.startswith(f"nets/new.py:11:49: error[{RULE}]: ")
    fixed = nnlint(here, "-", "--fix", "--unsafe-fixes", stdin=FAULTY.encode())
    assert "class Net" in fixed.out
    assert "softmax" not in fixed.out


def test_a_training_script_is_stopped_and_its_prints_stay_out(here: Path) -> None:
    (here / "train.py").write_text(TRAINING)
    done = nnlint(here, "train.py", "--output-format", "json")
    assert done.status == 1
    assert RULE in done.rules
    (subject,) = done.json["subjects"]
    assert (subject["status"], subject["guessed"], subject["input"]) == ("traced", False, ["64x4:float32"])


def test_a_model_seen_at_work_needs_no_comment(here: Path) -> None:
    rest = TRAINING.partition("net = Net()")[2]
    build = "def build(width):\n    return nn.Sequential(nn.Linear(width, 1), nn.Sigmoid())\n"
    body = "inputs = torch.randn(64, 4)\nnet = build(inputs.shape[1])" + rest
    main = "def main():\n" + "".join(f"    {row}\n" for row in body.splitlines())
    guarded = "import torch\nfrom torch import nn\n" + build + main + "if __name__ == '__main__':\n    main()\n"
    (here / "train.py").write_text("# nnlint: modle Net(4)\n" + guarded)
    seen, read = nnlint(here, "train.py", "--run"), nnlint(here, "train.py")
    assert "cannot be told from the source" in read.out + read.err
    assert "cannot be told from the source" not in seen.out + seen.err
    assert "unknown comment" in seen.out + seen.err


def test_static_runs_nothing(here: Path) -> None:
    (here / "train.py").write_text(TRAINING + "\nopen('ran', 'w')\n")
    done = nnlint(here, "train.py", "--static", "--output-format", "json")
    assert done.status == 0
    assert [s["status"] for s in done.json["subjects"]] == ["structure"]


def test_what_stands_under_the_main_guard_runs_with_run_alone(here: Path) -> None:
    head, _, rest = TRAINING.partition("net = Net()")
    guarded = (
        head + "if __name__ == '__main__':\n" + "".join(f"    {row}\n" for row in ("net = Net()" + rest).splitlines())
    )
    (here / "train.py").write_text(guarded)
    without = nnlint(here, "train.py", "--output-format", "json").json["subjects"]
    with_run = nnlint(here, "train.py", "--run", "--output-format", "json").json["subjects"]
    assert [s["guessed"] for s in without] == [True]
    assert [(s["guessed"], s["input"]) for s in with_run] == [(False, ["64x4:float32"])]


def test_suppressions_by_comment_and_by_configuration(here: Path) -> None:
    (here / "quiet.py").write_text(FAULTY.replace(".softmax(-1)", f".softmax(-1)  # nnlint: ignore[{RULE}] on purpose"))
    done = nnlint(here, "quiet.py", "--output-format", "json")
    assert (done.status, done.rules) == (0, [])
    assert [(s["rule"], s["line"], s["by"]) for s in done.json["suppressed"]] == [(RULE, 11, "comment")]
    (here / "pyproject.toml").write_text(f'[tool.nnlint.per-file-ignores]\n"faulty.py" = ["{RULE}"]\n')
    done = nnlint(here, "faulty.py", "--output-format", "json")
    assert [(s["rule"], s["by"]) for s in done.json["suppressed"]] == [(RULE, "configuration")]


def test_a_batch_that_was_drawn_carries_no_warning_of_weak_weights(here: Path) -> None:
    text = """\
        from torch import nn

        def build(widths):
            layers = []
            for before, after in zip(widths, widths[1:]):
                layers += [nn.Linear(before, after), nn.ReLU()]
            return nn.Sequential(*layers, nn.Linear(widths[-1], 1))

        model = build([16] + 12 * [48])
        """
    (here / "default.py").write_text(textwrap.dedent(text))
    (finding,) = nnlint(here, "default.py", "--output-format", "json").json["findings"]
    assert (finding["rule"], finding["level"]) == ("init-mismatched-to-activation", "advice")


def test_suppressions_that_do_nothing_are_named(here: Path) -> None:
    (here / "idle.py").write_text(
        SOUND.rstrip()
        + "\n# nnlint: ignore-file[learning-rate-out-of-rang]\n# nnlint: ignore-file[linear-after-linear]\n"
    )
    done = nnlint(here, "idle.py")
    assert done.status == 0
    assert "`# nnlint: ignore[learning-rate-out-of-rang]` names no rule" in done.err
    assert "did you mean learning-rate-out-of-range?" in done.err
    assert "`# nnlint: ignore[linear-after-linear]` keeps nothing quiet" in done.err


def test_the_configuration_is_found_beside_the_file_and_options_win(here: Path) -> None:
    (here / "pyproject.toml").write_text(f'[tool.nnlint]\nignore = ["{RULE}"]\nlevel = "advice"\n')
    outside = here.parent
    assert nnlint(outside, str(here / "faulty.py")).status == 0
    assert nnlint(here, "faulty.py", "--select", RULE).status == 1
    settings = json.loads(nnlint(here, "config", "faulty.py", "--output-format", "json").out)
    assert settings["ignore"] == {"value": [RULE], "origin": "pyproject.toml:2"}
    assert settings["steps"] == {"value": 3, "origin": "default"}


def test_models_and_levels_of_the_configuration(here: Path) -> None:
    levels = f'[tool.nnlint.levels]\n"{RULE}" = "advice"\n'
    models = '[[tool.nnlint.models]]\ntarget = "faulty.py:Net(5)"\ninput = "7x4"\n'
    (here / "pyproject.toml").write_text(levels + models)
    done = nnlint(here, "faulty.py", "--output-format", "json")
    (subject,) = done.json["subjects"]
    assert (subject["parameters"], subject["input"]) == (4 * 5 + 5 + 5 + 1, ["7x4:float32"])
    assert [f["level"] for f in done.json["findings"] if f["rule"] == RULE] == ["advice"]
    assert done.status == 0


def test_rules_of_a_pack_of_ones_own(here: Path) -> None:
    family = here / "own" / "house"
    family.mkdir(parents=True)
    (family / "no_bias.py").write_text(
        '"""A layer has a bias."""\n'
        "from nnlint.facts import Layer\nfrom nnlint.finding import Finding\nfrom nnlint.rule import rule\n\n"
        '@rule(level="warning", since="1")\n'
        "def no_bias(layer: Layer) -> Finding | None:\n"
        '    return Finding(at=layer.node, says="a bias") if layer.bias else None\n'
    )
    (here / "pyproject.toml").write_text('[tool.nnlint]\nrule-paths = ["own"]\n')
    assert nnlint(here, "sound.py", "--output-format", "json").rules.count("no-bias") == 2
    assert "no-bias" in nnlint(here, "rules").out


def test_rules_and_their_pages(here: Path) -> None:
    entries = json.loads(nnlint(here, "rules", "--output-format", "json").out)
    names = [entry["name"] for entry in entries]
    assert RULE in names
    assert names == sorted(names)
    page = nnlint(here, "rule", RULE)
    assert page.status == 0
    assert "Why is this bad?" in page.out
    assert "--- before" in page.out
    wrong = nnlint(here, "rule", "softmax-on-one-unti")
    assert wrong.status == 2
    assert f"did you mean '{RULE}'?" in wrong.err


def test_facts_show_the_layers(here: Path) -> None:
    text = nnlint(here, "facts", "sound.py").out
    assert "sound.py:Net" in text
    assert "(Linear)" in text
    (facts,) = json.loads(nnlint(here, "facts", "sound.py", "--output-format", "json").out)["models"]
    assert [n["op"] for n in facts["model"]["graph"]["nodes"] if n["kind"] == "layer"] == ["linear", "linear"]


def test_the_report_goes_to_a_file(here: Path) -> None:
    done = nnlint(here, "faulty.py", "--output-format", "sarif", "--output-file", "out.sarif")
    assert (done.status, done.out) == (1, "")
    assert json.loads((here / "out.sarif").read_text())["runs"][0]["results"][0]["ruleId"] == RULE


def test_colour_only_where_it_is_wanted(here: Path) -> None:
    assert "\x1b[" not in nnlint(here, "faulty.py").out
    assert "\x1b[" in nnlint(here, "faulty.py", FORCE_COLOR="1").out
    assert "\x1b[" not in nnlint(here, "faulty.py", FORCE_COLOR="1", NO_COLOR="1").out


def test_a_screen_without_our_letters_gets_others(here: Path) -> None:
    done = nnlint(here, "faulty.py", PYTHONIOENCODING="ascii")
    assert done.status == 1


def test_a_broken_pipe_is_no_error(here: Path) -> None:
    command = f"{sys.executable} -m nnlint rules | head -n 1"
    done = subprocess.run(command, shell=True, cwd=here, capture_output=True, timeout=60, check=False)
    assert done.stderr == b""

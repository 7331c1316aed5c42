"""What the user's code may do to nnlint: each is handled, or one clear line, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from nnlint.inspection import Options, inspect_file
from nnlint.inspection.interpreter import NoInterpreter, choose, has_torch
from nnlint.inspection.launch import WorkerFailed, launch
from nnlint.source import outline

MODEL = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
    def forward(self, x):
        return self.fc(x)
"""

TRAINING = """
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(100000):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(torch.randn(8, 4)), torch.randn(8, 2)).backward()
    optimizer.step()
"""


def inspect(tmp_path, text, name="train.py", **options):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return inspect_file(outline(path, path.read_text()), Options(**options))


def test_import_error_is_one_line_with_help(tmp_path):
    found = inspect(tmp_path, MODEL + "import no_such_package\nnet = Net()\n")
    (problem,) = found.problems
    assert problem.kind == "import"
    assert problem.message == "cannot import `no_such_package`"
    assert problem.line == 10
    assert sys.executable.split("/")[-1][:6] in problem.help


def test_exception_at_import_still_shows_what_was_defined(tmp_path):
    found = inspect(tmp_path, MODEL + "raise RuntimeError('no data\\nhere')\n")
    (problem,) = found.problems
    assert (problem.message, problem.line) == ("raises RuntimeError: no data", 10)
    assert [f.subject.target.rpartition(":")[2] for f in found.facts] == ["Net"]
    assert found.facts[0].subject.status == "partial"


def test_exit_at_import(tmp_path):
    found = inspect(tmp_path, MODEL + "import sys\nsys.exit('usage: train.py DATA')\n")
    assert found.ended == "exit"
    assert "usage: train.py DATA" in found.problems[0].message
    assert found.facts[0].subject.target.endswith("train.py:Net")


def test_endless_loop_comes_back_in_time(tmp_path):
    begun = time.monotonic()
    found = inspect(
        tmp_path, MODEL + "while True:\n    try:\n        pass\n    except BaseException:\n        pass\n", timeout=2
    )
    assert time.monotonic() - begun < 60
    (problem,) = found.problems
    assert problem.kind == "timeout"
    assert "2 s" in problem.message
    assert problem.line is not None
    assert found.facts[0].subject.status == "partial"


def test_what_was_seen_before_the_time_limit_is_kept(tmp_path):
    found = inspect(tmp_path, MODEL + TRAINING.replace("100000", "2") + "while True: pass\n", timeout=4)
    assert found.facts[0].recipe.loss.kind == "mse"
    assert found.facts[0].subject.status == "partial"


def test_native_code_that_cannot_be_interrupted(tmp_path):
    text = MODEL + "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nimport time\ntime.sleep(1000)\n"
    found = inspect(tmp_path, text, timeout=1)
    assert found.problems or found.ended == "timeout"


def test_a_constructor_that_needs_arguments(tmp_path):
    found = inspect(tmp_path, MODEL.replace("__init__(self)", "__init__(self, width)") + "x = input()\n")
    assert found.facts == () or all(f.model is None for f in found.facts)


def test_a_forward_that_raises(tmp_path):
    found = inspect(tmp_path, MODEL.replace("self.fc(x)", "self.fc(x) + self.missing") + "net = Net()\n")
    (facts,) = found.facts
    assert facts.subject.status in ("partial", "structure")
    assert "missing" in facts.subject.reason


def test_a_forward_that_raises_in_training_is_told_with_its_line(tmp_path):
    found = inspect(tmp_path, MODEL.replace("nn.Linear(4, 2)", "nn.Linear(5, 2)") + TRAINING)
    assert found.problems[0].kind == "raises"
    assert "shapes cannot be multiplied" in found.problems[0].message
    assert found.problems[0].line == 9
    assert found.facts[0].subject.status == "partial"


def test_writes_are_refused_and_end_the_run(tmp_path):
    text = MODEL + TRAINING.replace("100000", "2") + "torch.save(net.state_dict(), 'best.pt')\nprint('never')\n"
    found = inspect(tmp_path, text)
    (problem,) = found.problems
    assert problem.kind == "refused"
    assert "best.pt" in problem.message
    assert problem.fatal is False
    assert found.facts[0].recipe.loss.kind == "mse"
    assert found.facts[0].subject.status == "partial"
    assert "never" not in found.prints


@pytest.mark.parametrize(
    "act",
    [
        "open('made', 'w')",
        "__import__('os').remove(__file__)",
        "__import__('shutil').rmtree('folder')",
        "__import__('os').mkdir('made')",
        "__import__('subprocess').run(['touch', 'made'])",
    ],
)
def test_nothing_is_changed(tmp_path, act, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").write_text("x")
    monkeypatch.chdir(tmp_path)
    found = inspect(tmp_path, MODEL + f"try:\n    {act}\nexcept Exception:\n    pass\n")
    assert found.ended == "refused"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["folder", "kept", "train.py"]


def test_what_is_harmless_is_allowed(tmp_path):
    text = (
        MODEL
        + """
import tempfile, os, subprocess
with tempfile.TemporaryDirectory() as folder:
    open(os.path.join(folder, 'x'), 'w').write('1')
open(os.devnull, 'w').write('x')
os.makedirs(os.path.dirname(__file__), exist_ok=True)
import matplotlib.pyplot as plt
plt.plot([1]); plt.show()
torch.save(torch.ones(2), os.path.join(tempfile.gettempdir(), 'w.pt'))
"""
    )
    found = inspect(tmp_path, text + TRAINING)
    assert (found.ended, found.problems) == ("stopped", ())


def test_the_network_is_closed(tmp_path):
    text = "import urllib.request\n" + MODEL + "urllib.request.urlopen('http://example.org/data.csv')\n"
    found = inspect(tmp_path, text)
    (problem,) = found.problems
    assert problem.kind == "network"
    assert "example.org" in problem.message
    assert "--allow-network" in problem.help


def test_input_is_not_waited_for(tmp_path):
    found = inspect(tmp_path, MODEL + "name = input('which? ')\n")
    assert "waits for input" in found.problems[0].message


def test_prints_are_kept_apart_and_bounded(tmp_path):
    found = inspect(tmp_path, MODEL + "print('{\"subjects\": []}')\nprint('x' * 3_000_000)\n" + TRAINING)
    assert found.facts[0].subject.status == "traced"
    assert len(found.prints) <= 100_000


def test_relative_imports_and_modules_with_taken_names(tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layers.py").write_text("WIDTH = 4\n")
    (package / "profile.py").write_text("raise RuntimeError('a neighbour that is not asked for')\n")
    found = inspect(tmp_path, "from .layers import WIDTH\n" + MODEL + TRAINING, name="pack/random.py")
    assert (found.ended, found.problems) == ("stopped", ())
    found = inspect(
        tmp_path,
        "from .layers import WIDTH\n" + MODEL + "if __name__ == '__main__':\n" + textwrap.indent(TRAINING, "    "),
        name="pack/main.py",
        run=True,
    )
    assert (found.ended, found.problems) == ("stopped", ())


def test_the_main_guard_stays_shut_without_run_and_argv_reaches_it(tmp_path):
    text = MODEL + "if __name__ == '__main__':\n    import sys\n    assert sys.argv[1:] == ['--lr', '3'], sys.argv\n"
    text += textwrap.indent(TRAINING, "    ")
    shut = inspect(tmp_path, text)
    assert shut.ended == "finished"
    assert [f.recipe.loop.steps_seen for f in shut.facts] == [0]
    opened = inspect(tmp_path, text, run=True, argv=("--lr", "3"))
    assert opened.ended == "stopped"
    assert opened.facts[0].recipe.loop.steps_seen == 3


def test_static_runs_nothing(tmp_path):
    found = inspect(tmp_path, MODEL + TRAINING + "open('/nowhere/x', 'w')\n", static=True)
    assert found.ended == "not run"
    assert found.facts[0].subject.status == "structure"
    assert found.facts[0].recipe.optimizers[0].lr == 0.1


def test_children_of_the_user_do_not_outlive_the_run(tmp_path):
    text = (
        MODEL + "import os, time\npid = os.fork()\nif pid == 0:\n    time.sleep(300)\nprint('child', pid)\n" + TRAINING
    )
    found = inspect(tmp_path, text)
    child = int(found.prints.split("child")[-1].split()[0])
    time.sleep(0.2)
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_interrupting_ends_the_worker(tmp_path):
    def workers():
        listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=False).stdout
        return [line for line in listed.splitlines() if "nnlint/worker" in line and str(tmp_path) in line]

    (tmp_path / "train.py").write_text(MODEL + "print('here')\nwhile True: pass\n")
    # What is started in the background inherits that interrupts are ignored; a user at a keyboard does not.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path; from nnlint.source import outline; from nnlint.inspection import *\n"
        "path = Path(sys.argv[1]); inspect_file(outline(path, path.read_text()), Options(timeout=100))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "train.py")],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # the worker's job lies there: so its command names this folder
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not workers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert not workers()


def test_a_broken_worker_is_one_clear_problem(tmp_path):
    found = inspect(tmp_path, MODEL + "import os\nos._exit(7)\n")
    (problem,) = found.problems
    assert problem.kind == "worker"
    assert "status 7" in problem.message
    assert "\n" not in problem.message


class TestInterpreter:
    def test_own_python_has_torch(self):
        assert has_torch(Path(sys.executable))

    def test_named_python_is_not_passed_over(self, tmp_path):
        with pytest.raises(NoInterpreter, match="no Python at"):
            choose(str(tmp_path / "missing"), tmp_path)
        fake = tmp_path / "python"
        fake.write_text("#!/bin/sh\nexit 3\n")
        fake.chmod(0o755)
        with pytest.raises(NoInterpreter, match="has no torch"):
            choose(str(fake), tmp_path)

    def test_order(self, tmp_path):
        def environment(name, status):
            python = tmp_path / name / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text(f"#!/bin/sh\nexit {status}\n")
            python.chmod(0o755)
            return python

        active, near = environment("active", 0), environment("project/.venv", 0)
        empty = environment("empty", 3)
        inside = tmp_path / "project" / "src"
        inside.mkdir()
        assert choose(None, inside, {"VIRTUAL_ENV": str(active.parent.parent)}) == active
        assert choose(None, inside, {"VIRTUAL_ENV": str(empty.parent.parent)}) == near
        assert choose(None, tmp_path, {}) == Path(sys.executable)


def test_a_worker_that_does_not_start(tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho 'Illegal instruction'\nexit 132\n")
    fake.chmod(0o755)
    with pytest.raises(WorkerFailed, match="status 132: Illegal instruction"):
        launch(fake, {"path": "x"}, timeout=1)


def test_event_files_go_to_the_scratch_folder(tmp_path):
    package = tmp_path / "tensorboardX"
    package.mkdir()
    (package / "__init__.py").write_text("from .writer import SummaryWriter\n")
    (package / "writer.py").write_text(
        "import os\nclass SummaryWriter:\n    def __init__(self, logdir=None, comment=''):\n"
        "        os.makedirs(os.path.join(logdir, 'deep'))\n        open(os.path.join(logdir, 'events'), 'w')\n"
    )
    text = (
        MODEL + "from tensorboardX import SummaryWriter\nwriter = SummaryWriter('runs/one', comment='x')\n" + TRAINING
    )
    found = inspect(tmp_path, text)
    assert (found.ended, found.problems) == ("stopped", ())
    assert not (tmp_path / "runs").exists()

"""Scripts that do not end by themselves: back in time, one clear status, nothing left behind."""

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from nnlint.inspection import Options, inspect_file
from nnlint.source import outline

MODEL = """
import atexit, os, signal, subprocess, sys, threading, time
import torch
from torch import nn
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
def train(steps=5):
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(torch.randn(8, 4)), torch.zeros(8, 2)).backward()
        optimizer.step()
"""

LATE = "still running after 1 s"
PROGRAMS = {
    "never steps": (
        "while True:\n    try:\n        net(torch.randn(8, 4))\n    except BaseException:\n        pass\n",
        "timeout", LATE,
    ),
    "waits for a thread": (
        "t = threading.Thread(target=time.sleep, args=(1000,))\nt.start()\nt.join()\n", "timeout", LATE
    ),
    "leaves much behind": (
        "from torch.utils.data import DataLoader, TensorDataset\nos.chdir('/')\n"
        "for _ in range(3):\n    threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(int, 1)]).start()\n"
        "atexit.register(time.sleep, 1000)\natexit.register(lambda: open('left.txt', 'w').write('x'))\n"
        "for x, in DataLoader(TensorDataset(torch.randn(64, 4)), 8, num_workers=2, persistent_workers=True):\n"
        "    train(1)\n",
        "stopped", None,
    ),
    "starts a program": (
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\ntrain()\n",
        "refused", "starts another program",
    ),
    "sys.exit": ("train(2)\nsys.exit(3)\n", "exit", "sys.exit(3)"),
    "os._exit": ("train(2)\nos._exit(0)\n", None, "ended"),
    "own signal handlers": (
        "for s in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):\n    signal.signal(s, lambda *_: None)\n"
        "while True:\n    pass\n",
        "timeout", LATE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_script_comes_back(tmp_path, name, monkeypatch):
    body, ended, said = PROGRAMS[name]
    (tmp_path / "scratch").mkdir()
    (tmp_path / "code").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))  # where the worker's job lies
    monkeypatch.chdir(tmp_path / "code")
    path = tmp_path / "code" / "train.py"
    path.write_text(MODEL + body)
    found = inspect_file(outline(path, path.read_text()), Options(run=True, timeout=1 if said == LATE else 30))
    if ended is not None:
        assert found.ended == ended, (found.ended, found.problems)
    messages = [problem.message for problem in found.problems]
    assert len(messages) == (said is not None), messages
    assert all(said in message for message in messages), messages
    assert Path.cwd() == tmp_path / "code"
    assert [p.name for p in (tmp_path / "code").rglob("*") if "__pycache__" not in p.parts] == ["train.py"]
    assert not alive(tmp_path)


def alive(folder):
    """Return what still runs of the worker and of what it started, a moment later."""
    for _ in range(20):
        left = [pid for pid in processes() if str(folder) in command(pid)]
        if not left:
            return []
        time.sleep(0.05)
    return left


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def command(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return "" if state == "Z" else Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""

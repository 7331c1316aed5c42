"""What is imported from the project's own modules is followed; nothing is executed, and nothing foreign is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnlint.source import Outline, outline

CONFIG = """
from dataclasses import dataclass
LR = 3e-4
EPOCHS = 7
OPTIONS = {"batch": 64, "momentum": 0.8}
@dataclass
class Settings:
    decay: float = 1e-4
"""
TOOLS = """
import torch
from torch.utils.data import DataLoader, TensorDataset
from {up}config import OPTIONS
def make_optimizer(model, lr, decay):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=OPTIONS["momentum"], weight_decay=decay)
def make_loader():
    return DataLoader(TensorDataset(torch.randn(640, 3)), batch_size=OPTIONS["batch"], shuffle=True)
def train_epoch(model, loader, optimizer, criterion):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
"""
MAIN = """
from torch import nn
{imports}
model = nn.Linear(3, 2)
optimizer = make_optimizer(model, {lr}, Settings().decay)
loader = make_loader()
for epoch in range({epochs}):
    train_epoch(model, loader, optimizer, nn.CrossEntropyLoss())
"""
IMPORTS = {
    "absolute": ("from config import LR, EPOCHS, Settings\nfrom tools import make_optimizer, make_loader, train_epoch",
                 "LR", "EPOCHS"),
    "renamed": ("from config import LR as RATE, EPOCHS as N, Settings\n"
                "from tools import make_optimizer, make_loader, train_epoch", "RATE", "N"),
    "module": ("import config\nfrom config import Settings\nfrom tools import make_optimizer, make_loader, train_epoch",
               "config.LR", "config.EPOCHS"),
    "star": ("from config import *\nfrom tools import *", "LR", "EPOCHS"),
}  # fmt: skip


def read(folder: Path, files: dict[str, str], main: str = "train.py") -> Outline:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return outline(folder / main, files[main])


@pytest.mark.parametrize("way", IMPORTS)
def test_a_script_and_its_modules(way: str, tmp_path: Path) -> None:
    imports, lr, epochs = IMPORTS[way]
    main = MAIN.format(imports=imports, lr=lr, epochs=epochs)
    found = read(tmp_path, {"config.py": CONFIG, "tools.py": TOOLS.format(up=""), "train.py": main}).recipe
    (optimizer,) = found.optimizers
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (3e-4, 0.8, 1e-4)
    assert (found.batch_size, found.epochs, found.updates, found.shuffles) == (64, 7, 70, True)
    assert [c.kind for c in found.loop.calls] == ["zero_grad", "forward", "loss", "backward", "step"]
    assert found.loss.span is not None
    assert found.loss.span.path == str(tmp_path / "train.py")
    assert found.loop.step is not None
    assert found.loop.step.path == str(tmp_path / "tools.py")


def test_a_package_with_relative_imports(tmp_path: Path) -> None:
    imports = "from .config import LR, Settings\nfrom . import config as c\nfrom .sub import make_optimizer\n"
    imports += "from .sub.tools import make_loader, train_epoch"
    files = {
        "pkg/__init__.py": "", "pkg/config.py": CONFIG, "pkg/sub/tools.py": TOOLS.format(up=".."),
        "pkg/sub/__init__.py": "from .tools import make_optimizer\n",
        "pkg/train.py": MAIN.format(imports=imports, lr="LR", epochs="c.EPOCHS"),
    }  # fmt: skip
    found = read(tmp_path, files, "pkg/train.py").recipe
    assert (found.optimizers[0].lr, found.optimizers[0].momentum, found.epochs) == (3e-4, 0.8, 7)


def test_the_models_of_other_files_are_not_candidates(tmp_path: Path) -> None:
    net = "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    net += "other = Net()\n"
    main = "import torch\nfrom net import Net\nmodel = Net()\noptimizer = torch.optim.SGD(model.parameters(), lr=1)\n"
    alone = outline(Path("alone.py"), main)
    assert read(tmp_path, {"net.py": net, "train.py": main}).candidates == tuple(
        c.model_copy(update={"span": c.span and c.span.model_copy(update={"path": str(tmp_path / "train.py")})})
        for c in alone.candidates
    )


@pytest.mark.parametrize("other", ["import train\nLR = 0.5\n", "def broken(:\n", "LR = 0.5\n" + "# x\n" * 60_000])
def test_circles_broken_and_huge_modules_do_no_harm(other: str, tmp_path: Path) -> None:
    main = "import torch\nfrom other import LR\nopt = torch.optim.SGD(w, lr=LR)\nfor x in d:\n"
    main += "    (x @ w).sum().backward()\n"
    found = read(tmp_path, {"other.py": other, "train.py": main + "    opt.step()\n"}).recipe
    known = "lr" in found.optimizers[0].__dict__
    assert known == other.startswith("import train")


def test_a_training_that_only_another_file_runs_is_not_this_files(tmp_path: Path) -> None:
    train = "import torch\ndef fit(model, data):\n    opt = torch.optim.SGD(model.parameters(), lr=1)\n"
    train += "    for x in data:\n        model(x).backward()\n        opt.step()\n"
    main = "from torch import nn\nfrom lib import fit\nmodel = nn.Linear(3, 1)\nprint(model)  # trained elsewhere\n"
    found = read(tmp_path, {"lib.py": train, "train.py": main}).recipe
    assert "loop" not in found.__dict__

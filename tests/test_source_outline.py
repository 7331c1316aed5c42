"""What a file holds, read without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnlint.source import Candidate, Outline, SourceError, outline
from nnlint.source.discover import module_name

HEAD = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.fc = nn.Linear(width, 2)

    def forward(self, x):
        return self.fc(x)

class Wide(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.fc = nn.Linear(sizes[0], sizes[-1])

"""


def read(text: str, named: str | None = None, **kwargs: object) -> Outline:
    return outline(Path("train.py"), text, named, **kwargs)  # type: ignore[arg-type]


def offered(text: str, named: str | None = None) -> list[tuple[str, str]]:
    return [(c.how, c.expression) for c in read(text, named).candidates]


def first(text: str, named: str | None = None) -> tuple[str, str] | None:
    found = offered(text, named)
    return found[0] if found else None


@pytest.mark.parametrize(
    "text",
    [
        "import torch\nclass A(torch.nn.Module): pass\n",
        "from torch.nn import Module as M\nclass A(M): pass\n",
        "import torch.nn as nn\nclass A(nn.Module): pass\n",
        "from torch import nn\nclass B(nn.Module): pass\nclass A(B): pass\n",
        "from torch import nn\nclass A(nn.Sequential): pass\n",
        "import pytorch_lightning as pl\nclass A(pl.LightningModule): pass\n",
        "import lightning as L\nclass A(L.LightningModule): pass\n",
        "from fastai.vision.all import *\nclass A(nn.Module): pass\n",
        "try:\n    import torch.nn as nn\nexcept ImportError:\n    nn = None\nclass A(nn.Module): pass\n",
        "from torch import nn\nfrom .base import Base\nclass A(Base):\n    def __init__(self):\n"
        "        self.l = nn.Linear(1, 2)\n    def forward(self, x): return x\n",
    ],
)
def test_module_classes_are_known_through_aliases_and_bases(text: str) -> None:
    assert "A" in read(text).classes


@pytest.mark.parametrize(
    "text",
    [
        "", "x = 1\n", "class A: pass\n", "class A(A): pass\n",
        "import torch\nclass A(torch.autograd.Function): pass\n",
        "class nn:\n    class Module: pass\nclass A(nn.Module): pass\n", "import torch\nx = torch.zeros(3)\n",
        "from torch import nn\nloss = nn.MSELoss()\nact = nn.ReLU()\n",
    ],
)  # fmt: skip
def test_a_file_without_a_model_is_passed_over_silently(text: str) -> None:
    found = read(text)
    assert found.candidates == ()
    assert found.classes == ()
    assert found.hints == ()


def test_candidates_stand_in_the_order_of_preference() -> None:
    text = HEAD + (
        "model = Wide([1, 2])\n"
        "# nnlint: model Net(10) input=2x10\n"
        "def main():\n    net = Net(7)\n    net.parameters()\n"
        "def make():\n    return Net(9)\n"
    )
    configured = [Candidate(expression="Net(8)", how="config")]
    found = [(c.how, c.expression) for c in read(text, configured=configured).candidates]
    assert found == [
        ("comment", "Net(10)"),
        ("config", "Net(8)"),
        ("instance", "model"),
        ("construction", "Net(7)"),
        ("construction", "Wide([1, 2])"),
        ("factory", "make()"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def main():\n    net = Wide([784, 30, 10])\n", "Wide([784, 30, 10])"),
        ("def main():\n    sizes = [784, 10]\n    net = Wide(sizes)\n", "Wide([784, 10])"),
        ("H = 4 * 8\ndef main():\n    net = Net(H)\n", "Net(32)"),
        ("def main(width=5):\n    net = Net(width)\nmain()\n", "Net(5)"),
        ("def main(width):\n    net = Net(width=width)\nmain(6)\n", "Net(width=6)"),
        ("def main():\n    net = Net(3).to('cuda')\n", "Net(3)"),
        ("def main():\n    net = nn.DataParallel(Net(3))\n", "Net(3)"),
        ("def main():\n    inner = Net(3)\n    net = nn.Sequential(inner, nn.ReLU())\n",
         "nn.Sequential(Net(3), nn.ReLU())"),
        ("if __name__ == '__main__':\n    n = 4\n    net = Net(n)\n", "Net(4)"),
        ("def main():\n    net = nn.Sequential(*[nn.Linear(2, 2) for _ in range(3)])\n",
         "nn.Sequential(*[nn.Linear(2, 2) for _ in range(3)])"),
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('--width', type=int, default='12')\n"
         "def main():\n    a = p.parse_args()\n    net = Net(a.width)\n", "Net(12)"),
        ("class Run:\n    def __init__(self, width):\n        self.net = Net(width)\nRun(11)\n", "Net(11)"),
        ("from dataclasses import dataclass\n@dataclass\nclass C:\n    width: int = 7\n"
         "def main():\n    c = C()\n    net = Net(c.width)\n", "Net(7)"),
    ],
)  # fmt: skip
def test_a_construction_is_rewritten_with_constants(body: str, expected: str) -> None:
    found = [c.expression for c in read(HEAD + body).candidates if c.how == "construction"]
    assert found == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "def main():\n    net = Wide(load())\n",
        "def main(sizes):\n    net = Wide(sizes)\n",
        "def main():\n    sizes = []\n    sizes.append(3)\n    net = Wide(sizes)\n",
        "def main():\n    for s in ([1], [2]):\n        net = Wide(s)\n",
        "def main():\n    net = Wide([1])\n    net.fc = nn.Linear(2, 3)\n",
        "def main():\n    X = read()\n    net = Wide([X.shape[1], 2])\n",
    ],
)
def test_a_construction_that_cannot_be_told_is_no_candidate_but_a_reason(body: str) -> None:
    text = HEAD.replace("class Net(nn.Module)", "class Net") + body
    found = read(text)
    assert found.candidates == ()
    assert found.hints
    assert all(h.line and h.message and h.help for h in found.hints)


def test_both_nets_of_a_gan_are_instances_and_parts_are_not() -> None:
    text = HEAD + "enc = Net(2)\nG = nn.Sequential(enc, nn.ReLU())\nD = Net(3).eval()\nG.parameters()\nD.parameters()\n"
    instances = [c for c in read(text).candidates if c.how == "instance"]
    assert [(c.expression, c.trained) for c in instances] == [("G", True), ("D", True)]


def test_a_class_used_inside_another_or_as_its_base_is_no_root() -> None:
    text = (
        "from torch import nn\nclass Part(nn.Module): pass\nclass Base(nn.Module): pass\n"
        "class MyLoss(nn.Module): pass\n"
        "class Whole(Base):\n    def __init__(self):\n        super().__init__()\n        self.p = Part()\n"
    )
    assert offered(text) == [("class", "Whole()")]


def test_factories_need_no_arguments_and_do_not_train() -> None:
    text = HEAD + (
        "def make():\n    m = Net()\n    return m\n"
        "def make_wide(sizes):\n    return Wide(sizes)\n"
        "def fit():\n    m = Net()\n    o = torch.optim.SGD(m.parameters())\n    for i in range(3):\n"
        "        m(x).sum().backward()\n        o.step()\n    return m\n"
    )
    assert [c.expression for c in read(text).candidates if c.how == "factory"] == ["make()"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Net", "Net(4)"), ("Net(10, width=64)", "Net(10, width=64)"), ("Wide", "Wide([4, 5])"), ("model", "model"),
        ("make", "make()"), ("nn.Linear(2, 3)", "nn.Linear(2, 3)"), ("[Net(i) for i in range(2)][0]",) * 2,
    ],
)  # fmt: skip
def test_what_the_user_names_is_the_only_candidate(named: str, expected: str) -> None:
    text = HEAD + "model = nn.Linear(1, 1)\ndef make():\n    return Net(4)\ndef main():\n    w = Wide([4, 5])\n"
    assert offered(text, named) == [("named", expected)]


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("Nett", "holds nothing named `Nett`"),
        ("Wide", "`Wide` needs `sizes`"),
        ("Net(", "is not a Python expression"),
        ("Net(widht)", "holds nothing named `widht`"),
    ],
)
def test_a_name_that_cannot_be_had_is_one_clear_line(named: str, message: str) -> None:
    with pytest.raises(SourceError, match=message.replace("(", r"\(").replace("`", "`")) as error:
        read(HEAD, named)
    assert error.value.help


def test_a_comment_lends_its_input_to_the_class_that_is_named() -> None:
    text = HEAD + "# nnlint: model Wide([4, 5]) input=2x4:float32,8x16:int64[0,100)\n"
    (found,) = read(text, "Wide").candidates
    assert (found.how, found.expression, found.input) == ("named", "Wide([4, 5])", ("2x4:float32", "8x16:int64[0,100)"))


@pytest.mark.parametrize(
    "comment",
    [
        "# nnlint: model",
        "# nnlint: model Net( input=2x3",
        "# nnlint: model Net() input=2xx3",
        "# nnlint: model Net() input=",
    ],
)
def test_a_model_comment_that_cannot_be_read_is_an_error_with_its_line(comment: str) -> None:
    with pytest.raises(SourceError) as error:
        read(HEAD + comment + "\n")
    assert error.value.line == HEAD.count("\n") + 1


def test_a_misspelt_comment_is_a_hint_and_one_in_a_string_is_nothing() -> None:
    found = read(HEAD + "# nnlint: modle Net()\nx = '# nnlint: model Wide('\n")
    assert [(h.message, h.help) for h in found.hints] == [("unknown comment `nnlint: modle`", "did you mean `model`?")]


@pytest.mark.parametrize(
    ("body", "trains"),
    [
        ("for i in range(3):\n    loss.backward()\n    opt.step()\n", True),
        ("def fit():\n    for i in range(3):\n        loss.backward()\n        opt.step()\nfit()\n", True),
        ("class T:\n    def fit(self):\n        loss.backward()\n        self.opt.step()\nt = T()\nt.fit()\n", True),
        ("def f():\n    loss.backward()\n    return loss\nfor i in range(3):\n    opt.step(f)\n", True),
        ("import lightning as L\ntrainer = L.Trainer()\ntrainer.fit(Net())\n", True),
        ("def fit():\n    for i in range(3):\n        loss.backward()\n        opt.step()\n", False),
        ("if __name__ == '__main__':\n    for i in range(3):\n        loss.backward()\n        opt.step()\n", False),
        ("if '__main__' == __name__:\n    pass\nelse:\n    for i in range(3):\n        loss.backward()\n", True),
        ("loss.backward()\n", False),
        ("env.step(1)\n", False),
        ("model = Net()\nmodel.train()\n", False),
    ],
)
def test_whether_an_import_trains(body: str, trains: bool) -> None:
    assert read(HEAD + body).trains_at_import is trains


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ("import pandas as pd\nd = pd.read_csv('x')\n", True),
        ("from torchvision import datasets\nd = datasets.MNIST('.')\n", True),
        ("def load():\n    return open('x').read()\nd = load()\n", True),
        ("def load():\n    return open('x').read()\n", False),
        ("if __name__ == '__main__':\n    open('x')\n", False),
        ("x = torch.randn(3)\n", False),
    ],
)
def test_whether_an_import_reads_data(body: str, reads: bool) -> None:
    assert read(HEAD + body).reads_data_at_import is reads


def test_a_main_guard_is_seen_in_both_orders() -> None:
    assert read("if __name__ == '__main__':\n    pass\n").has_main_guard
    assert read("if '__main__' == __name__ and x:\n    pass\n").has_main_guard
    assert not read("if __name__ == 'train':\n    pass\n").has_main_guard


def test_a_file_in_a_package_has_its_dotted_name(tmp_path: Path) -> None:
    inner = tmp_path / "pkg" / "models"
    inner.mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").touch()
    (inner / "__init__.py").touch()
    (inner / "net.py").touch()
    assert module_name(inner / "net.py") == ("pkg.models.net", tmp_path)
    assert module_name(inner / "__init__.py") == ("pkg.models", tmp_path)
    assert module_name(tmp_path / "train.py") == (None, tmp_path)


def test_spans_point_to_what_builds_the_model() -> None:
    text = "from torch import nn\nclass Né(nn.Module): pass\nx = 'é'; model = Né()\n"
    instance, _, cls = read(text).candidates
    assert instance.span is not None
    assert (instance.span.line, instance.span.column, instance.span.end_column) == (3, 18, 22)
    assert cls.span is not None
    assert (cls.span.line, cls.span.column, cls.span.end_column) == (2, 1, 9)

"""Where the layers of an object that is handed in were built: right, or not said at all."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nnlint.source.construction import constructions
from nnlint.worker import rebuilt as search
from nnlint.worker.rebuilt import rebuilt
from nnlint.worker.sites import ConstructionSites, site

ROOT = Path(__file__).resolve().parent.parent


PROGRAMS: list[str] = []


@pytest.fixture(autouse=True)
def _program_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the programs of a test be all of the user's code: pytest's own files set attributes by name."""
    PROGRAMS.clear()
    monkeypatch.setattr(search, "_texts", lambda: list(PROGRAMS))


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    PROGRAMS.append(str(path))
    return module


def compared(watched: nn.Module, model: nn.Module) -> tuple[int, int, list[str]]:
    """Return how many layers have a span, how many there are, and those whose span is not the one that was watched."""
    spans = rebuilt(model, constructions)
    seen = dict(watched.named_modules())
    wrong, found, total = [], 0, 0
    for path, module in model.named_modules():
        if not path:
            continue
        total += 1
        if id(module) in spans:
            found += 1
            if spans[id(module)] != site(seen[path]):
                wrong.append(f"{path}: {spans[id(module)]} is not {site(seen[path])}")
    return found, total, wrong


HEAD = """import torch
import torch.nn as tnn
from collections import OrderedDict
from torch import nn
from torch.nn import Linear


"""
LAYERS = (
    "nn.Linear(4, 4)", "tnn.Linear(4, 4, bias=False)", "Linear(4, width)", "nn.ReLU()", "nn.Dropout(p=0.1)",
    "nn.LayerNorm(4)", "Inner(4)", "nn.Conv1d(4, 4, kernel_size=3)", "nn.TransformerEncoderLayer(4, 2, 8)", "made(4)",
    "nn.Linear(4, 4).float()", "nn.Linear(\n            4,\n            width,\n        )",
    'nn.Sequential(OrderedDict([("a", nn.ReLU())]))', "nn.ModuleList([nn.Linear(i + 1, 4) for i in range(3)])",
)  # fmt: skip


def program(draw: random.Random) -> str:
    """Return a program with a class `Net` whose layers are built, replaced and shared in all sorts of ways."""
    lines = [
        HEAD + "class Inner(nn.Module):\n    def __init__(self, n):\n        super().__init__()",
        "        self.deep = nn.Linear(n, n); self.act, self.é = nn.ReLU(), nn.Tanh()\n\n",
        "def made(n):\n    return nn.Linear(n, n)\n\n",
        "class Net(nn.Module):\n    def __init__(self, width=4):\n        super().__init__()",
    ]
    names = [f"part{i}" for i in range(draw.randint(2, 7))]
    for name in names:
        layers = [draw.choice(LAYERS) for _ in range(draw.randint(1, 4))]
        one = layers[0]
        lines += draw.choice((
            [f"        self.{name} = {one}"],
            [f"        self.{name} = {one}"],
            [f"        self.{name}: nn.Module = {one}"],
            [f"        self.{name} = nn.Sequential({', '.join(layers)})"],
            [f"        self.{name} = nn.ModuleList([{', '.join(layers)}])"],
            [f"        if width > {draw.choice((3, 5))}:", f"            self.{name} = {one}",
             "        else:", f"            self.{name} = {layers[-1]}"],
            [f"        self.{name} = nn.ModuleList()", "        for _ in range(2):",
             f"            self.{name}.append({one})"],
            [f"        self.{name} = nn.Sequential(*[{one} for _ in range(3)])"],
            [f"        nn = tnn; self.{name} = {one}"],
            [f"        self.{name} = self.other{name} = {one}"],
            [f"        self.add_module('{name}', {one})"],
            [f"        layer = {one}", f"        self.{name} = layer"],
            [f"        self.{name} = Linear(4, 4) if width else {one}"],
        ))  # fmt: skip
    lines += ["\n\ndef build():\n    net = Net()"]
    for _ in range(draw.randint(0, 2)):
        name, one = draw.choice(names), draw.choice(LAYERS[:8])
        lines += draw.choice((
            [f"    width = 4; net.{name} = {one}"],
            [f"    width = 4; setattr(net, '{name}', {one})"],
            [f"    width = 4; net._modules['{name}'] = {one}"],
            [f"    if isinstance(net.{name}, nn.Sequential):", f"        width = 4; net.{name}[0] = {one}"],
            [f"    if isinstance(net.{name}, nn.ModuleList):", f"        width = 4; net.{name}.insert(0, {one})"],
        ))  # fmt: skip
    return "\n".join([*lines, "    return net"]) + "\n"


def test_what_is_found_is_what_is_seen_when_a_program_runs(tmp_path: Path) -> None:
    found = total = built = 0
    for seed in range(80):
        PROGRAMS.clear()
        path = tmp_path / f"drawn_{seed}.py"
        path.write_text(program(random.Random(seed)), "utf-8")
        module = loaded(path)
        try:
            with ConstructionSites():
                watched = module.build()
        except Exception:
            continue  # `nn` taken as a local name before it is one, and the like
        one, all_of_it, wrong = compared(watched, module.build())
        assert not wrong, (path.read_text("utf-8"), wrong)
        found, total, built = found + one, total + all_of_it, built + 1
    assert built > 50
    assert found > 0.25 * total, (found, total)


EXAMPLE = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.body = nn.Sequential(nn.Linear(8, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 8)))
        self.blocks = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])
        self.mixed = nn.MultiheadAttention(8, 2)
"""
)


def test_named_listed_and_repeated_layers_are_found(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(EXAMPLE)
    module = loaded(path)
    with ConstructionSites():
        watched = module.Net()
    assert compared(watched, module.Net()) == (11, 11, [])


@pytest.mark.parametrize("edit", ["# one line more\n" + EXAMPLE, EXAMPLE.replace("(4, 8)", "(4,  8)"), "", "class"])
def test_a_source_that_was_changed_tells_nothing(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(EXAMPLE)
    module = loaded(path)
    path.write_text(edit)
    assert rebuilt(module.Net(), constructions) == {}


def test_layers_that_another_file_may_replace_are_left_out(tmp_path: Path) -> None:
    path, other = tmp_path / "net.py", tmp_path / "other.py"
    path.write_text(EXAMPLE)
    module = loaded(path)
    other.write_text("def change(net):\n    net.first = None\n    net.body[0] = None\n")
    loaded(other)
    spans, net = rebuilt(module.Net(), constructions), module.Net()
    spans = rebuilt(net, constructions)
    named = {name for name, m in net.named_modules() if id(m) in spans}
    assert named == {"body", "blocks", "blocks.0", "blocks.1", "mixed", "mixed.out_proj"}
    other.write_text("def change(net, name):\n    setattr(net, name, None)\n")
    assert rebuilt(net, constructions) == {}


def test_a_layer_of_another_size_was_built_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(EXAMPLE)
    net = loaded(path).Net()
    net.first = nn.Linear(5, 8)
    assert id(net.first) not in rebuilt(net, constructions)


def test_nothing_is_written_into_the_object(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(EXAMPLE)
    net = loaded(path).Net()
    before = [list(m.__dict__) for m in net.modules()]
    from nnlint.worker.in_process import describe_object

    facts = describe_object(net.first, inputs=torch.zeros(2, 4), read=constructions)
    assert "built" not in facts["model"]["modules"][0]
    facts = describe_object(net, inputs=torch.zeros(2, 4), read=constructions)
    assert sum("built" in m for m in facts["model"]["modules"]) == 11
    assert before == [list(m.__dict__) for m in net.modules()]

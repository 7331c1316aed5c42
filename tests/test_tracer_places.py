"""Each layer's place is the expression that built it, each call's the expression that made it, however written."""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from nnlint.worker.job import run
from nnlint.worker.sites import ConstructionSites, site

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.py"))


def text(span: dict[str, Any]) -> str:
    """Return what a span covers."""
    lines = Path(span["path"]).read_text("utf-8").split("\n")[span["line"] - 1 : span["end_line"]]
    lines[-1] = lines[-1][: span["end_column"] - 1]
    lines[0] = lines[0][span["column"] - 1 :]
    return "\n".join(lines)


def expressions(path: Path) -> dict[str, list[ast.expr]]:
    source = path.read_text("utf-8")
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.expr):
            found.setdefault(str(ast.get_source_segment(source, node)), []).append(node)
    return found


def callee(node: ast.expr) -> str:
    assert isinstance(node, ast.Call)
    return ast.unparse(node.func).rpartition(".")[2]


def listed(node: dict[str, Any], kinds: dict[str, str]) -> bool:
    """Whether a layer is an item of a `Sequential`, which makes its call."""
    path = node.get("module", "")
    return bool(path) and kinds.get(path.rpartition(".")[0]) == "nn.Sequential"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_layer_of_the_examples(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    answer = run({"path": str(path), "run": True, "steps": 1, "timeout": 30, "candidates": []})
    assert answer["subjects"], answer["problems"]
    known = expressions(path)
    for subject in answer["subjects"]:
        inside = {}
        for module in subject["model"]["modules"]:
            (node,) = {ast.dump(n): n for n in known[text(module["built"])]}.values()
            assert callee(node) == module["kind"].rpartition(".")[2]
            inside[module["path"]] = module["kind"]
        for node in subject["model"]["graph"]["nodes"]:
            if node["kind"] == "layer" and not listed(node, inside):
                assert isinstance(known[text(node["call"])][0], ast.Call), node
            if node["kind"] == "function" and node.get("call"):
                assert text(node["call"]) in known, node


PROLOGUE = """
import functools
from collections import OrderedDict
from dataclasses import dataclass, field

from torch import nn
from other import made_elsewhere


def helper(kind, *args, **kwargs):
    return kind(*args, **kwargs)


def logged(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner


def block(width): return nn.Sequential(nn.Linear(width, width), nn.Tanh())


@logged
def decorated(width):
    return nn.Linear(width, 7)


class Wide(nn.Linear):
    def __init__(self, width):
        super().__init__(width, 2 * width)


@dataclass(eq=False)
class Data(nn.Module):
    width: int = 3
    fc: nn.Module = field(init=False)

    def __post_init__(self):
        super().__init__()
        self.fc = nn.Linear(self.width, 9)


ready = functools.partial(nn.Linear, 4)
short = lambda n: nn.Linear(n, 6)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
"""
OTHER = "from torch import nn\n\n\ndef made_elsewhere(n):\n    return nn.Linear(n, 11)\n"

PARTS: list[tuple[str, dict[str, str]]] = [
    ("self.{0} = nn.Linear({1}, 3)", {"": "nn.Linear({1}, 3)"}),
    ("é = 'é'; self.{0} = nn.Linear(  {1},3  )", {"": "nn.Linear(  {1},3  )"}),
    ("self.{0} = nn.Linear(\n            {1},\n            out_features=3,\n        )",
     {"": "nn.Linear(\n            {1},\n            out_features=3,\n        )"}),
    ("self.{0} = nn.ModuleList([nn.Linear({1}, i + 1) for i in range(2)])",
     {"": "nn.ModuleList([nn.Linear({1}, i + 1) for i in range(2)])",
      "0": "nn.Linear({1}, i + 1)", "1": "nn.Linear({1}, i + 1)"}),
    ("self.{0} = nn.ModuleList()\n        for i in range(2):\n            self.{0}.append(nn.Linear({1}, 3))",
     {"": "nn.ModuleList()", "0": "nn.Linear({1}, 3)", "1": "nn.Linear({1}, 3)"}),
    ("self.{0} = nn.ModuleDict({{'a': nn.ReLU(), 'b': nn.Linear({1}, 2)}})",
     {"a": "nn.ReLU()", "b": "nn.Linear({1}, 2)"}),
    ("self.{0} = nn.Sequential(nn.Linear({1}, {1}), *block({1}), nn.ReLU(True))",
     {"0": "nn.Linear({1}, {1})", "1": "nn.Linear(width, width)", "2": "nn.Tanh()", "3": "nn.ReLU(True)"}),
    ("self.{0} = nn.Sequential(OrderedDict([('fc', nn.Linear({1}, 4)), ('act', nn.Sigmoid())]))",
     {"fc": "nn.Linear({1}, 4)", "act": "nn.Sigmoid()"}),
    ("self.add_module('{0}', nn.LayerNorm({1}))", {"": "nn.LayerNorm({1})"}),
    ("setattr(self, '{0}', nn.LayerNorm({1}) if True else nn.ReLU())", {"": "nn.LayerNorm({1})"}),
    ("self.{0} = helper(nn.Linear, {1}, 5)", {"": "kind(*args, **kwargs)"}),
    ("self.{0} = decorated({1})", {"": "nn.Linear(width, 7)"}),
    ("self.{0} = (lambda n: nn.Linear(n, 5))({1})", {"": "nn.Linear(n, 5)"}),
    ("self.{0} = short({1})", {"": "nn.Linear(n, 6)"}),
    ("self.{0} = ready({1})", {"": "ready({1})"}),
    ("self.{0} = Wide({1})", {"": "Wide({1})"}),
    ("self.{0} = Data({1})", {"": "Data({1})", "fc": "nn.Linear(self.width, 9)"}),
    ("self.{0} = made_elsewhere({1})", {"": "nn.Linear(n, 11)"}),
    ("self.{0} = (\n            nn\n            .Sequential("
     "\n                nn.Linear({1}, 3),\n            )\n            .train()\n        )",
     {"": "nn\n            .Sequential(\n                nn.Linear({1}, 3),\n            )", "0": "nn.Linear({1}, 3)"}),
    ("self.{0} = nn.TransformerEncoderLayer(4 * {1}, 2)",
     {"": "nn.TransformerEncoderLayer(4 * {1}, 2)", "self_attn.out_proj": "nn.TransformerEncoderLayer(4 * {1}, 2)"}),
    ("for {0}_i in range(2): self.add_module(f'{0}_{{{0}_i}}', nn.Linear({1}, 3))",
     {"_0": "nn.Linear({1}, 3)", "_1": "nn.Linear({1}, 3)"}),
]  # fmt: skip


def test_programs_put_together_at_random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "other.py").write_text(OTHER)
    draw = random.Random(0)
    for number in range(12):
        monkeypatch.delitem(sys.modules, "other", raising=False)
        source, expected = PROLOGUE, {}
        for place, (line, built) in enumerate(draw.sample(PARTS, len(PARTS))):
            name, width = f"part{place}", draw.randint(1, 99)
            source += f"        {line.format(name, width)}\n" + "\n" * draw.randint(0, 2)
            for path, shown in built.items():
                whole = f"{name}{path}" if path.startswith("_") else f"{name}.{path}".rstrip(".")
                expected[whole] = shown.format(name, width)
        path = tmp_path / f"program{number}.py"
        path.write_text(source + "\nnet = Net()\n", encoding="utf-8")
        namespace: dict[str, Any] = {"__name__": "program"}
        monkeypatch.setitem(sys.modules, "program", sys)  # where a dataclass looks for its own module
        with ConstructionSites():
            exec(compile(path.read_text("utf-8"), str(path), "exec"), namespace)
        net: nn.Module = namespace["net"]
        assert text(site(net) or {}) == "Net()"
        found = {name: text(site(net.get_submodule(name)) or {}) for name in expected}
        assert found == expected

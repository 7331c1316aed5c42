"""Pictures: everything is in them once, nothing overlaps, arrows go down, findings are where they belong."""

from __future__ import annotations

import itertools
import json
import random
import re
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from tracer_models import MODELS  # noqa: E402

from nnlint.cli import cli  # noqa: E402
from nnlint.drawing import SUFFIXES, Mark, draw, scene  # noqa: E402
from nnlint.drawing.layout import place  # noqa: E402
from nnlint.facts import Facts  # noqa: E402
from nnlint.worker.describe import describe  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def model_of(model, *inputs):
    return Facts.model_validate(describe(model, target="m", path=None, inputs=inputs, probe=False)).model


def scene_of(model, *inputs, marks=(), depth=None):
    found = model_of(model, *inputs)
    return scene(found, found.graph, marks, depth, "m")


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(self.norm(x))))


class Deep(nn.Module):
    def __init__(self, blocks=4):
        super().__init__()
        self.stem, self.head = nn.Linear(5, 8), nn.Linear(8, 3)
        self.blocks = nn.ModuleList(Block(8) for _ in range(blocks))

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_blocks_that_repeat_are_drawn_once_with_their_shortcut():
    drawn = scene_of(Deep(), torch.randn(2, 5))
    assert [(g.path, g.repeats, g.last) for g in drawn.groups if g.repeats > 1] == [("blocks.0", 4, "blocks.3")]
    assert [b.path for b in drawn.boxes] == ["", "stem", "blocks.0.norm", "blocks.0.up", "blocks.0.down", "", "head"]
    assert [b.detail for b in drawn.boxes if b.path == "blocks.0.up"] == [["relu"]]
    ids = {b.path or b.kind: b.id for b in drawn.boxes}
    assert [(a.source, a.target) for a in drawn.arrows if a.shortcut] == [(ids["stem"], ids["add"])]
    assert (ids["add"], ids["head"]) in {(a.source, a.target) for a in drawn.arrows}
    assert {a.shape for a in drawn.arrows} == {"2x5", "2x8", "2x16"}


def test_a_block_with_a_finding_is_not_folded_away():
    model = model_of(Deep(), torch.randn(2, 5))
    node = next(n for n in model.graph if n.module == "blocks.2.up")
    drawn = scene(model, model.graph, [Mark("a-rule", "error", "wrong", node.id, "blocks.2.up")], None, "m")
    assert [b.path for b in drawn.boxes if b.marks] == ["blocks.2.up"]
    assert drawn.elsewhere == []


def test_depth_closes_modules():
    closed = scene_of(Deep(3), torch.randn(2, 5), depth=1)
    assert [b.path for b in closed.boxes] == ["", "stem", "blocks", "head"]
    opened = scene_of(Deep(3), torch.randn(2, 5), depth=2)
    assert [(b.path, b.repeats) for b in opened.boxes] == [("", 1), ("stem", 1), ("blocks.0", 3), ("head", 1)]
    assert sum(b.parameters for b in closed.boxes) == sum(p.numel() for p in Deep(3).parameters())


def test_a_large_model_is_closed_until_it_is_readable():
    layers = [nn.Sequential(nn.Linear(4 + i, 5 + i), nn.Linear(5 + i, 5 + i), nn.Tanh()) for i in range(40)]
    drawn = scene_of(nn.Sequential(*layers), torch.randn(2, 4))
    assert [b.role for b in drawn.boxes] == ["input"] + ["module"] * 40


def test_a_finding_without_a_call_stands_under_the_picture():
    marks = [Mark("missing-zero-grad", "error", "gradients are never cleared")]
    model = model_of(nn.Linear(5, 3), torch.randn(2, 5))
    svg = draw(model, model.graph, ".svg", marks, None, "m")
    assert "missing-zero-grad: gradients are never cleared" in svg
    assert scene(model, model.graph, marks, None, "m").elsewhere == marks


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_call_is_in_one_box_and_every_box_is_reached(name):
    model, inputs = MODELS[name]()
    found = model_of(model, *inputs)
    drawn = scene(found, found.graph, (), 99, "m")
    held = [node.id for box in drawn.boxes for node in box.nodes]
    assert len(held) == len(set(held))
    reached = {arrow.target for arrow in drawn.arrows}
    assert all(box.id in reached or box.role == "input" or box.parameters for box in drawn.boxes)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["resnet", "lstm"])
def test_every_form_names_every_box(name, suffix):
    model, inputs = MODELS[name]()
    found = model_of(model, *inputs)
    drawn = scene(found, found.graph, (), None, "m")
    text = draw(found, found.graph, suffix, (), None, 'a "title" <here> & there')
    if suffix == ".svg":
        root = ET.fromstring(text)
        assert len(list(root.iter(f"{SVG}g"))) == len(drawn.boxes)
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "prefers-color-scheme:dark" in text
    elif suffix == ".json":
        assert [box["id"] for box in json.loads(text)["boxes"]] == [box.id for box in drawn.boxes]
    else:
        assert all(re.search(rf"\bn{box.id}\b", text) for box in drawn.boxes)
        assert text.count("->") + text.count("==>") == len(drawn.arrows)


def test_boxes_never_overlap_and_arrows_go_down():
    for seed in range(60):
        draws = random.Random(seed)
        count = draws.randrange(1, 25)
        widths = {i: draws.uniform(40, 200) for i in range(count)}
        pairs = [(a, b) for a, b in itertools.combinations(range(count), 2) if draws.random() < 3 / count]
        placed = place(widths, pairs)
        for a, b in pairs:
            assert placed.layer_of[a] < placed.layer_of[b]
        rows = {}
        for box, layer in placed.layer_of.items():
            rows.setdefault(layer, []).append((placed.centres[box] - widths[box] / 2, widths[box]))
        for row in rows.values():
            row.sort()
            assert all(x + wide <= other + 1e-6 for (x, wide), (other, _) in itertools.pairwise(row))
            assert all(-1e-6 <= x <= x + wide <= placed.width + 1e-6 for x, wide in row)
        for (a, b), way in zip(pairs, placed.ways, strict=True):
            levels = [level for _, level in way]
            assert levels == list(range(placed.layer_of[a], placed.layer_of[b] + 1))


def test_a_chain_is_straight():
    placed = place({i: 50.0 + 10 * i for i in range(6)}, [(i, i + 1) for i in range(5)])
    assert max(placed.centres.values()) - min(placed.centres.values()) < 1


NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.b(self.a(x).relu())

# nnlint: model Net() input=4x6
"""


def run(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def test_the_command_draws_and_refuses_in_one_line(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(NET)
    target = tmp_path / "net.svg"
    assert run("graph", str(path), "-o", str(target)).exit_code == 0
    assert ET.fromstring(target.read_text()).tag == f"{SVG}svg"
    wrong = run("graph", str(path), "-o", str(tmp_path / "net.png"))
    assert (wrong.exit_code, wrong.output.strip().splitlines()[-1].count(".svg")) == (2, 1)
    nowhere = run("graph", str(path), "-o", str(tmp_path / "no" / "net.svg"))
    assert (nowhere.exit_code, "no such folder" in nowhere.output) == (2, True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.py", "net.svg"]
    static = run("graph", str(path), "--static")
    assert "cannot be drawn: nothing was run (--static)" in static.output or "nothing" in static.output
    assert static.exit_code != 0

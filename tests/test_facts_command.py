"""`nnlint facts`: the table and the JSON say the same as the model itself, and the schema is the types'."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from tracer_models import MODELS  # noqa: E402

from nnlint.facts import Facts, Known, Plain  # noqa: E402
from nnlint.facts.subject import Subject  # noqa: E402
from nnlint.render.derived import as_json, derived, schema  # noqa: E402
from nnlint.render.facts import as_text  # noqa: E402
from nnlint.report import Report, Trouble  # noqa: E402
from nnlint.worker.describe import describe  # noqa: E402

SCHEMA = Path(__file__).parent.parent / "docs" / "schema" / "facts.schema.json"


def facts_of(model, *inputs, probe=False):
    return Facts.model_validate(describe(model, target="m.py:Net", path=None, inputs=inputs or None, probe=probe,
                                         guess_inputs=False))  # fmt: skip


def rows(facts, **given):
    return [line.split() for line in as_text([facts], **given).splitlines()]


def test_the_published_schema_is_the_snapshot_of_the_types():
    if os.environ.get("NNLINT_BLESS"):
        SCHEMA.write_text(json.dumps(schema(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert json.loads(SCHEMA.read_text("utf-8")) == json.loads(json.dumps(schema())), "NNLINT_BLESS=1 writes it"


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_fact_of_a_model_fits_the_schema(name):
    model, inputs = MODELS[name]()
    facts = facts_of(model, *inputs, probe=True)
    document = json.loads(as_json([facts], Report()))
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)
    assert document["version"] == 1
    (described,) = document["models"]
    assert described["derived"]["parameters"] == sum(p.numel() for p in model.parameters())
    assert described["derived"]["multiply_adds"] == facts.model.multiply_adds[0]
    assert described["model"]["graph"]["nodes"]


def test_what_nobody_knows_fits_the_schema_as_well():
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    bare = Facts(subject=Subject(id="a", target="a", path=None, status="structure", reason="no input"))
    document = json.loads(as_json([bare, facts_of(nn.Linear(2, 3))], Report(errors=(Trouble(kind="x", message="y"),))))
    validator.validate(document)
    assert document["models"][0]["derived"] is None
    assert "unknown" in document["models"][1]["derived"]["multiply_adds"]
    document["models"][0]["more"] = 1
    assert not validator.is_valid(document)


def test_the_schema_of_a_field_that_may_be_unknown_says_so():
    class One(Plain):
        size: Known[int]

    found = One.model_json_schema()["properties"]["size"]
    assert {"type": "integer"} in found["anyOf"]
    assert any("unknown" in choice.get("properties", {}) for choice in found["anyOf"])


def test_the_table_adds_up():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    table = rows(facts_of(model, torch.randn(2, 1, 8, 8)))
    by_name = {row[1]: row for row in table if len(row) > 1 and row[0] in ("├─", "└─")}
    assert by_name["0"][2:] == ["(Conv2d)", "3x3", "2x4x6x6", "40", f"{2 * 4 * 36 * 9:,}"]
    assert by_name["3"][2:] == ["(Linear)", "2x10", "1,450", f"{2 * 1440:,}"]
    assert next(row for row in table if row[:1] == ["Sequential"])[1:] == ["2x10", "1,490", f"{2592 + 2880:,}"]
    assert next(row for row in table if row[:1] == ["parameters"])[1] == "1,490"


def test_repeated_blocks_stand_there_once():
    def block(width):
        return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 8))

    table = as_text([facts_of(nn.Sequential(block(4), block(4), block(4), block(5)), torch.randn(2, 8))])
    assert "├─ 0 to 2 (Sequential), 3 x" in table
    assert "└─ 3 (Sequential)" in table
    assert "(Linear)" not in as_text([facts_of(nn.Sequential(block(4)), torch.randn(2, 8))], 1)


def test_notes_on_frozen_tied_unused_and_shared_layers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.ids, self.body, self.spare = nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(2, 2)
            self.head = nn.Linear(4, 9, bias=False)
            self.head.weight = self.ids.weight
            self.body.requires_grad_(False)

        def forward(self, x):
            return self.head(self.body(self.body(self.ids(x)).relu()) @ self.body.weight)

    text = as_text([facts_of(Net(), torch.randint(0, 9, (2, 5)))])
    lines = {line.split("(")[0].strip(" ├─└│"): line for line in text.splitlines()}
    assert lines["body"].endswith("called 2 times, frozen")
    assert lines["spare"].endswith("never used")
    assert lines["head"].endswith("tied to ids.weight")
    assert next(line for line in lines.values() if "─ @ " in line).split()[-1] == f"{2 * 5 * 4 * 4}"


def test_sizes_are_those_of_torch():
    model, inputs = MODELS["lenet"]()
    found = derived(facts_of(model, *inputs).model)
    assert found.parameter_bytes == sum(p.numel() * p.element_size() for p in model.parameters())
    assert found.input_bytes == inputs[0].numel() * 4
    assert found.samples == 2
    kept = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _, __, out: kept.append(out.numel() * out.element_size()))
    model(*inputs)
    assert found.forward_backward_bytes >= 2 * sum(kept[:1])


def test_without_a_trace_the_structure_stands():
    text = as_text([facts_of(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))])
    assert "0 (Linear)" in text
    assert "multiply-adds  " not in text.partition("parameters   ")[2]


def test_a_model_too_slow_to_probe_keeps_what_was_traced(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import time\nfrom torch import nn\n\n\nclass Slow(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.fc = nn.Linear(4, 2)\n\n    def forward(self, x):\n"
        "        time.sleep(1.5)\n        return self.fc(x)\n\n\n# nnlint: model Slow() input=2x4\n"
    )
    command = [sys.executable, "-m", "nnlint", "facts", "slow.py", "--output-format", "json", "--timeout", "5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    [model] = json.loads(done.stdout)["models"]
    assert model["subject"]["status"] == "traced"
    assert model["probe"] is None
    assert done.returncode == 0

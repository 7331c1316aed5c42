"""Configurations: what is wrong is said at its line, what is right becomes a script that builds and trains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from nnlint.blueprint import Mistakes, read, script_of  # noqa: E402
from nnlint.blueprint.changes import REMOVED, Change, after, in_words, rewritten  # noqa: E402
from nnlint.blueprint.nearest import nearest  # noqa: E402

EXAMPLES = sorted((Path(__file__).parent.parent / "examples" / "configs").glob("*.yaml"))
GOOD = """\
# A small one.
data: wine        # three growers
model:
  kind: mlp
  layers: [8]     # one layer
  output: softmax
loss: cross_entropy
optimizer: {kind: sgd, rate: 0.01}
epochs: 3
"""


LAYERS, DIGITS = "kind: mlp\n  layers: [8]", {"data": ("wine", "digits")}


def configuration(tmp_path, text=GOOD, **changes):
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "wine.yaml"
    path.write_text(text)
    return path


def mistakes(path):
    with pytest.raises(Mistakes) as caught:
        script_of(read(path), path.with_suffix(".py"))
    return [(e.line, e.message, e.help) for e in sorted(caught.value.errors, key=lambda e: e.line or 0)]


def built(text, shape, classes, vocabulary=0):
    """Run a script up to its loop, on 40 drawn rows, and one step of it."""
    head, loop = text.split("\ndef evaluate", 1)
    rows = f"torch.randint(0, {vocabulary}, (40, *{shape}))" if vocabulary else f"torch.randn(40, *{shape})"
    labels = f"torch.arange(40) % {classes}" if classes else "torch.randn(40)"
    head = re.sub(r"^inputs, labels = .*$", f"inputs, labels = {rows}, {labels}", head, flags=re.M)
    space = {"__name__": "__main__"}
    exec(compile(head, "script.py", "exec"), space)
    x, y = next(iter(space["loader"]))
    loss = space["loss_fn"](space["model"](x), y)
    loss.backward()
    space["optimizer"].step()
    compile("def evaluate" + loop, "script.py", "exec")
    return loss


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_becomes_a_script_that_builds(path):
    found = script_of(read(path), path.with_suffix(".py"))
    assert torch.isfinite(built(found.text, found.source.shape, found.source.classes, found.source.vocabulary))
    assert len(found.keys) == len(found.text.splitlines())


def test_there_are_a_dozen_examples():
    assert len(EXAMPLES) == 12


@pytest.mark.parametrize(
    "more",
    [
        {"model": ("kind: mlp", "kind: mlp\n  activation: prelu\n  dropout: {kind: alpha, rate: 0.1}")},
        {"model": ("kind: mlp", "kind: mlp\n  normalization: batch\n  bias: false\n  initialization: orthogonal")},
        {"loss": ("loss: cross_entropy", "loss: bce")},
        {"loss": ("loss: cross_entropy", "loss: mse")},
        {"loss": ("loss: cross_entropy", "loss: nll"), "output": ("softmax", "log_softmax")},
        {"rest": ("epochs: 3", "epochs: 9\nschedule: plateau\nswa: 2\nclip: {value: 1.0}\nearly_stopping: 2")},
        {"rest": ("epochs: 3", "epochs: 9\nschedule: {kind: step, every: 2}\nshuffle: false")},
        {"optimizer": ("{kind: sgd, rate: 0.01}", "adamax")},
        {"optimizer": ("{kind: sgd, rate: 0.01}", "adagrad"), "s": ("epochs: 3", "schedule: 1cycle")},
        {"optimizer": ("{kind: sgd, rate: 0.01}", "{kind: rmsprop, momentum: 0.9}"),
         "s": ("epochs: 3", "schedule: 1cycle")},
        {"model": (LAYERS, "kind: cnn\n  normalization: layer\n  pooling: average"), **DIGITS},
        {"model": (LAYERS, "kind: rnn\n  layers: [8, 6]"), **DIGITS},
        {"model": (LAYERS, "kind: lstm\n  layers: [8, 8]\n  dropout: 0.1"), **DIGITS},
        {"model": (LAYERS, "kind: transformer\n  normalization: first\n  layers: 1"), **DIGITS},
    ],
    ids=str,
)  # fmt: skip
def test_every_block_builds(tmp_path, more):
    found = script_of(read(configuration(tmp_path, **more)), tmp_path / "x.py")
    assert torch.isfinite(built(found.text, found.source.shape, found.source.classes))


@pytest.mark.parametrize(
    ("change", "line", "said", "help"),
    [
        (("data: wine", "data: winee"), 2, "no reference task winee: did you mean wine?", ""),
        (("kind: mlp", "kind: mpl"), 4, "`model.kind` cannot be 'mpl'", "did you mean 'mlp'?"),
        (("layers: [8] ", "layer: [8] "), 5, "there is no key `model.layer`", "did you mean 'layers'?"),
        (("layers: [8]", "layers: [x]"), 5, "`model.layers.0`: input should be a valid integer, not 'x'", ""),
        (("softmax", "softmx"), 6, "`model.output` cannot be 'softmx'", "did you mean 'softmax'?"),
        (("kind: sgd", "kind: adam, momentum: 0.9"), 8, "`momentum` belongs to sgd and rmsprop", ""),
        (("rate: 0.01", "rte: 0.01"), 8, "there is no key `optimizer.rte`", "did you mean 'rate'?"),
        (("rate: 0.01", "rate: -1.0"), 8, "`optimizer.rate`: input should be greater than 0, not -1.0", ""),
        (("epochs: 3", "epochs: yes"), 9, "`epochs`: input should be a valid integer, not 'yes'", ""),
        (("epochs: 3", "epoch: 3"), 9, "there is no key `epoch`", "did you mean 'epochs'?"),
        (("epochs: 3", "epochs: 3\nepochs: 4"), 10, "`epochs` is given twice", ""),
        (("epochs: 3", "swa: 30"), 1, "`swa` starts in epoch 30, and there are 20", ""),
        (("epochs: 3", "epochs: [3"), 10, "not valid YAML", ""),
        (("loss: cross_entropy\n", ""), 1, "`loss` is missing", ""),
        (("kind: mlp", "kind: cnn"), 4, "a cnn takes pictures or signals, and the rows of wine are a table of 13", ""),
        (("kind: mlp", "kind: gru"), 4, "a gru reads step by step", ""),
        (("data: wine", "data: diabetes"), 7, "cross_entropy learns classes, and diabetes has numbers", "mse, l1"),
        (("data: wine ", "data: {csv: no.csv, target: y} "), 2, "no.csv cannot be read: No such file", ""),
        (("data: wine ", "data: {csv: no.csv} "), 2, "`csv` needs `target`", ""),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_is_said_at_its_line(tmp_path, change, line, said, help):
    [(at, message, hint)] = mistakes(configuration(tmp_path, change=change))
    assert said in message
    assert help in hint
    assert at == line


def test_every_mistake_is_said_at_once(tmp_path):
    path = configuration(tmp_path, a=("kind: mlp", "kind: mpl"), b=("epochs: 3", "epochs: 0"), c=("loss:", "los:"))
    assert [line for line, _, _ in mistakes(path)] == [1, 4, 7, 9]


@pytest.mark.parametrize("text", ["", "- a\n", "\x00", "a: !!python/object:os.system {}\n", "&a [*a]"])
def test_what_is_no_configuration_is_one_sentence(tmp_path, text):
    said = mistakes(configuration(tmp_path, text))
    assert all(message and "\n" not in message for _, message, _ in said)


def test_a_table_of_ones_own(tmp_path):
    (tmp_path / "own.csv").write_text("a,b,kind\n" + "".join(f"{i},{i * i % 7},{'xy'[i % 2]}\n" for i in range(40)))
    path = configuration(tmp_path, data=("wine ", "{csv: own.csv, target: kind} "))
    found = script_of(read(path), tmp_path / "x.py")
    assert (found.source.shape, found.source.classes) == ((2,), 2)
    space = {"__name__": "__main__", "__file__": str(tmp_path / "x.py")}
    exec(found.text.split("\ndef evaluate")[0], space)
    assert space["inputs"].shape == (40, 2)
    assert sorted(set(space["labels"].tolist())) == [0, 1]
    (tmp_path / "own.csv").write_text("a,b,kind\n1,2,x\n1,z,y\n")
    assert mistakes(path)[0][1] == "own.csv:3: b is 'z', no number"
    (tmp_path / "own.csv").write_text("a,b,kinds\n1,2,x\n")
    assert mistakes(path)[0][2] == "did you mean 'kinds'?"


# -- changes


def test_comments_order_and_layout_stay(tmp_path):
    written = read(configuration(tmp_path))
    changes = (
        Change(("model", "output"), "none"),
        Change(("optimizer", "momentum"), 0.9),
        Change(("clip",), {"norm": 1.0}),
    )
    text = rewritten(written, changes)
    assert (
        text
        == GOOD.replace("output: softmax", "output: none").replace(
            "{kind: sgd, rate: 0.01}", "{kind: sgd, rate: 0.01, momentum: 0.9}"
        )
        + "clip:\n  norm: 1.0\n"
    )
    assert (
        in_words(written, changes) == "model.output: softmax -> none, optimizer.momentum: - -> 0.9, clip: - -> norm 1"
    )


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("model:\n    kind: mlp\n", "model:\n    kind: mlp\n    bias: false\n"),
        ("model:\n  kind: mlp   # why\n  layers:\n  - 8\n",
         "model:\n  kind: mlp   # why\n  layers:\n  - 8\n  bias: false\n"),
        ("model:\n  kind: mlp\n  layers:\n    - 8\n", "model:\n  kind: mlp\n  layers:\n    - 8\n  bias: false\n"),
        ('model: {kind: "mlp",  layers: [ 8 ]}\n', 'model: {kind: "mlp", layers: [8], bias: false}\n'),
    ],
)  # fmt: skip
def test_the_indentation_is_that_of_the_author(tmp_path, before, now):
    rest = "data:   wine\n\n# a remark\nloss:  cross_entropy\n"
    path = configuration(tmp_path, before + rest)
    assert rewritten(read(path), [Change(("model", "bias"), False)]) == now + rest


def test_a_plain_value_becomes_a_block(tmp_path):
    short = read(configuration(tmp_path))
    assert in_words(short, [Change(("data", "standardize"), True)]) == "data.standardize: - -> true"
    assert in_words(short, [Change(("data", "task"), "iris")]) == "data.task: wine -> iris"
    written = read(configuration(tmp_path, o=("{kind: sgd, rate: 0.01}", "adam")))
    text = rewritten(written, (Change(("optimizer", "rate"), 0.1), Change(("epochs",), REMOVED)))
    path = tmp_path / "new.yaml"
    path.write_text(text)
    assert read(path).blueprint.optimizer.model_dump(exclude_none=True) == {"kind": "adam", "rate": 0.1}
    assert "epochs" not in text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    nn.Softmax(dim=1),\n", "", "model.output: softmax -> none"),
        ("nn.ReLU()", "nn.ELU()", "model.activation: - -> elu"),
        ("lr=0.01", "lr=0.001, momentum=0.9, nesterov=True",
         "optimizer.momentum: - -> 0.9, optimizer.nesterov: - -> true, optimizer.rate: 0.01 -> 0.001"),
        ("torch.optim.SGD(model.parameters(), lr=0.01)", "torch.optim.NAdam(model.parameters(), lr=0.01)",
         "optimizer.kind: sgd -> nadam"),
        ("        optimizer.step()",
         "        nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n        optimizer.step()",
         "clip: - -> norm 1"),
        ("batch_size=32", "batch_size=8", "batch_size: - -> 8"),
    ],
    ids=["remove", "replace", "arguments", "optimizer", "statement", "number"],
)  # fmt: skip
def test_a_fix_of_the_script_is_a_change_of_the_configuration(tmp_path, old, new, words):
    written = read(configuration(tmp_path))
    place = tmp_path / "x.py"
    script = script_of(written, place)
    assert old in script.text
    fixed = script.text.replace(old, new)
    changes = nearest(written, script, fixed, place)
    assert ", ".join(sorted(in_words(written, changes).split(", "))) == words
    changed = after(written, changes)
    assert changed is not None
    own = script_of(changed, place).text
    assert sorted(own.split()) == sorted(fixed.split())


def test_a_fix_without_a_form_changes_nothing(tmp_path):
    written = read(configuration(tmp_path))
    script = script_of(written, tmp_path / "x.py")
    fixed = script.text.replace("import torch\n", "import torch\n\ntorch.use_deterministic_algorithms(True)\n", 1)
    assert nearest(written, script, fixed, tmp_path / "x.py") == ()

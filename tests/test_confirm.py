"""`confirm` end to end: small scripts trained with and without a change, in the real worker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from nnlint.trainer import Options, confirm_against, confirm_script
from nnlint.trainer.trials import Trials

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "schema" / "report.schema.json").read_text("utf-8"))

OPTIONS = Options(python=Path(sys.executable), budget=240.0, best_rate=False)

CLASSES = """
import os
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 6)
y = (x[:, 0] * x[:, 1] > 0).long()

model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)

for epoch in range(12):
    order = torch.randperm(len(x))
    for i in range(0, len(x), 25):
        rows = order[i:i + 25]
        optimizer.zero_grad()
        loss = loss_fn(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
model.eval()
"""


def script(tmp_path, text, **values):
    path = tmp_path / "train.py"
    for name, value in values.items():
        text = text.replace(name, str(value))
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def trials():
    with Trials(Path(sys.executable)) as running:
        yield running


def ask(trials, path, do="scout", **more):
    request = {"do": do, "path": str(path), "offset": 1, "most_rows": 5000, "limit": 20, "seconds": 90, **more}
    [(_, answer)] = trials.run([{"root": str(path.parent), "text": path.read_text(), **request}])
    return answer


def test_a_change_that_helps_and_a_change_that_hurts(tmp_path):
    path = script(tmp_path, CLASSES, LR="0.0001")
    better, worse = (path.read_text().replace("lr=0.0001", f"lr={rate}") for rate in ("0.02", "0.0"))
    result = confirm_script(path, {"rate": {str(path): better}, "none": {str(path): worse}}, OPTIONS)
    first, second = result.verdicts
    assert (first.name, first.word) == ("rate", "helps")
    assert first.metric.name == "accuracy"
    assert first.interval[0] > 0
    assert first.after > first.before + 0.1
    assert second.word in ("undecided", "hurts", "no difference")
    assert "300 rows" in result.data
    assert result.epochs == result.planned_epochs == 12


def test_a_script_against_itself_is_no_difference(tmp_path):
    path = script(tmp_path, CLASSES, LR="0.02")
    result = confirm_script(path, {"itself": {}}, OPTIONS)
    [verdict] = result.verdicts
    assert (verdict.word, verdict.identical, verdict.seeds) == ("no difference", True, 3)


def test_another_script_is_compared(tmp_path):
    path = script(tmp_path, CLASSES, LR="0.0001")
    other = tmp_path / "better.py"
    other.write_text(path.read_text().replace("0.0001", "0.02"))
    [verdict] = confirm_against(path, other, OPTIONS).verdicts
    assert (verdict.name, verdict.word) == ("better.py", "helps")


def test_a_change_that_makes_runs_crash_never_helps(tmp_path):
    path = script(tmp_path, CLASSES, LR="0.0001")
    text = path.read_text().replace("0.0001", "0.02")
    crashes = text.replace("for epoch", "if int(os.environ['SEED']) % 2: raise RuntimeError('no luck')\nfor epoch", 1)
    [verdict] = confirm_script(path, {"crashes": {str(path): crashes}}, OPTIONS).verdicts
    assert verdict.word != "helps"
    assert verdict.failures.after > 0
    assert verdict.failures.before == 0


def test_runs_that_diverge_are_counted_and_preventing_them_helps(tmp_path):
    path = script(tmp_path, CLASSES.replace("Adam", "SGD"), LR="1e30")
    sound = path.read_text().replace("1e30", "0.1")
    [verdict] = confirm_script(path, {"rate": {str(path): sound}}, OPTIONS).verdicts
    assert verdict.word == "helps"
    assert (verdict.failures.before, verdict.failures.after) == (8, 0)
    assert "8 of 8 runs failed before" in verdict.reason


def test_ctrl_c_keeps_what_was_measured(tmp_path):
    path = script(tmp_path, CLASSES, LR="0.02")
    noisy = path.read_text().replace("nn.Linear(6, 24)", "nn.Linear(6, 23)").replace("nn.Linear(24", "nn.Linear(23")

    def progress(line):
        if line.startswith("pair 4"):
            raise KeyboardInterrupt

    result = confirm_script(path, {"narrow": {str(path): noisy}}, OPTIONS, progress)
    [verdict] = result.verdicts
    assert verdict.seeds == 3
    assert verdict.word in ("helps", "hurts", "no difference", "undecided")
    assert result.interrupted is (verdict.word == "undecided")


def test_same_seed_same_result(tmp_path, trials):
    path = script(tmp_path, CLASSES, LR="0.02")
    first, second = (train(trials, path) for _ in range(2))
    assert first["status"] == "ok"
    assert (first["score"], first["curve"]) == (second["score"], second["curve"])
    assert train(trials, path, offset=2)["curve"] != first["curve"]


def train(trials, path, offset=1, metric="accuracy", **changes):
    scout = ask(trials, path)
    assert scout["status"] == "ok", scout
    trace = {}
    for step, index, groups in scout["trace"]:
        trace.setdefault(str(step), []).append([index, groups])
    order = {
        "metric": metric, "updates": scout["steps"], "looks": 10, "trace": trace, "evaluates": scout["evaluates"],
        "modes": {str(step): mode for step, mode in scout["modes"]}, "shuffles": scout["shuffles"], **changes,
    }  # fmt: skip
    return ask(trials, path, "trial", offset=offset, order=order)


def test_a_scout_sees_how_the_script_trains(tmp_path, trials):
    scout = ask(trials, script(tmp_path, CLASSES, LR="0.02"))
    assert (scout["rows"], scout["batch"], scout["steps"], scout["steps_per_epoch"]) == (300, 25, 144, 12)
    assert (scout["ended"], scout["evaluates"], scout["shuffles"], scout["cut"]) == ("finished", True, True, False)
    assert scout["profile"]["loss"] == "cross_entropy"


def test_gradients_that_are_never_cleared_stay_uncleared(tmp_path, trials):
    text = CLASSES.replace("        optimizer.zero_grad()\n", "").replace("Adam", "SGD")
    sound = train(trials, script(tmp_path, CLASSES.replace("Adam", "SGD"), LR="0.1"))
    faulty = train(trials, script(tmp_path, text, LR="0.1"))
    assert faulty["curve"][0][2] != sound["curve"][0][2]
    assert faulty["curve"][-1][2] > sound["curve"][-1][2]


def test_gradients_that_are_cleared_before_the_step_train_nothing(tmp_path, trials):
    text = CLASSES.replace("        optimizer.zero_grad()\n", "").replace(
        "        optimizer.step()", "        optimizer.zero_grad()\n        optimizer.step()"
    )
    answer = train(trials, script(tmp_path, text, LR="0.1"))
    assert len({score for _, score, _ in answer["curve"]}) == 1


def test_a_schedule_is_followed(tmp_path, trials):
    text = CLASSES.replace("for epoch in range(12):", "def off(step):\n    return 0.0\n\nfor epoch in range(12):")
    text = text.replace("    order =", "    for group in optimizer.param_groups: group['lr'] = 0.0\n    order =")
    answer = train(trials, script(tmp_path, text, LR="0.1"))
    assert len({score for _, score, _ in answer["curve"]}) == 1


def test_a_loss_written_by_hand_and_a_shape_between_model_and_loss(tmp_path, trials):
    text = CLASSES.replace(
        "loss_fn(model(x[rows]), y[rows])", "((model(x[rows])[:, 0].squeeze() - t[rows]) ** 2).mean()"
    )
    text = text.replace("model = nn", "t = 3 * x[:, 2] + 50\nmodel = nn", 1)
    path = script(tmp_path, text, LR="0.05")
    scout = ask(trials, path)
    assert scout["status"] == "ok"
    assert scout["profile"]["loss"] == "custom"
    assert 2 < scout["profile"]["spread"] < 4


def test_a_model_without_any_loader_or_shuffle_trains_on_the_whole_batch(tmp_path, trials):
    text = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.linspace(-1, 1, 200).unsqueeze(1)
y = x ** 2
model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(60):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
    path = script(tmp_path, text)
    scout = ask(trials, path)
    assert (scout["rows"], scout["batch"], scout["steps_per_epoch"], scout["shuffles"]) == (200, 200, 1, False)
    answer = train(trials, path, metric="error")
    assert answer["score"] < 1.1


LOOP = "        optimizer.zero_grad()\n        loss = loss_fn(model(x[rows]), y[rows])\n        loss.backward()\n"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("optimizer.step()", "optimizer.step(lambda: loss)", "closure"),
        ("optimizer.step()", "[p.grad.mul_(0.5) for p in model.parameters()]; optimizer.step()", "changed by hand"),
        ("optimizer.step()", "optimizer.step(); model[0].weight.data.clamp_(-1, 1e-3)", "something else"),
        ("loss.backward()", "loss = loss * (1 + i / 100); loss.backward()", "changes from step to step"),
        ("optimizer.step()", "pass", "no training step"),
        ("import os", "import no_such_library", "no_such_library"),
        ("import os", "open('left_behind.txt', 'w')", "writes to"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_faithfully_is_said(tmp_path, trials, old, new, reason):
    answer = ask(trials, script(tmp_path, CLASSES.replace(old, new, 1), LR="0.02"))
    assert answer["status"] != "ok"
    assert reason in answer["reason"]
    assert not Path("left_behind.txt").exists()


def test_two_networks_with_losses_of_their_own_are_not_confirmed(tmp_path):
    text = CLASSES.replace(
        LOOP + "        optimizer.step()\n",
        """        z = torch.randn(25, 6)
        d_loss = loss_fn(model(x[rows]), y[rows])
        optimizer.zero_grad(); d_loss.backward(); optimizer.step()
        g_loss = -model(other(z))[:, 0].mean()
        second.zero_grad(); g_loss.backward(); second.step()
""",
    ).replace("for epoch", "other = nn.Linear(6, 6)\nsecond = torch.optim.Adam(other.parameters())\nfor epoch", 1)
    result = confirm_script(script(tmp_path, text, LR="0.02"), {"itself": {}}, OPTIONS)
    [verdict] = result.verdicts
    assert verdict.word == "not confirmed"
    assert "take turns" in verdict.reason


def test_too_few_rows_are_not_confirmed(tmp_path):
    path = script(tmp_path, CLASSES.replace("randn(300, 6)", "randn(12, 6)"), LR="0.02")
    [verdict] = confirm_script(path, {"itself": {}}, OPTIONS).verdicts
    assert verdict.word == "not confirmed"
    assert "12 rows" in verdict.reason


def test_a_run_that_hangs_and_one_that_dies_are_answers(tmp_path, trials):
    path = script(tmp_path, "while True: pass\n")
    assert ask(trials, path, seconds=1)["status"] == "hung"
    path = script(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    answer = ask(trials, path)
    assert answer["status"] == "crashed"
    assert "SIGSEGV" in answer["reason"]
    assert ask(trials, script(tmp_path, CLASSES, LR="0.02"))["status"] == "ok"


def test_changed_helper_files_are_run_under_their_own_path(tmp_path, trials):
    (tmp_path / "net_parts.py").write_text("WIDTH = 24\nPLACE = __file__\n")
    text = CLASSES.replace(
        "import os", "import os\nimport net_parts\nassert net_parts.PLACE.endswith('net_parts.py')", 1
    )
    path = script(tmp_path, text.replace("24", "net_parts.WIDTH"), LR="0.02")
    before = ask(trials, path)
    after = ask(trials, path, overlay={str(tmp_path / "net_parts.py"): "WIDTH = 48\nPLACE = __file__\n"})
    assert after["parameters"] > before["parameters"]
    assert (tmp_path / "net_parts.py").read_text().startswith("WIDTH = 24")


def test_weights_of_a_pair_are_the_same_where_a_layer_is_added():
    import torch
    from torch import nn

    from nnlint.worker.fit_seeds import Seeds

    def weights(*layers):
        with Seeds(5):
            model = nn.Sequential(*(layer() for layer in layers))
            return model, torch.randn(4)

    state = torch.get_rng_state()
    first, data = weights(lambda: nn.Linear(4, 8), lambda: nn.Linear(8, 2))
    second, again = weights(lambda: nn.Linear(4, 8), lambda: nn.Linear(8, 8), lambda: nn.Linear(8, 2))
    torch.set_rng_state(state)
    assert torch.equal(first[0].weight, second[0].weight)
    assert torch.equal(first[1].weight, second[2].weight)
    assert torch.equal(data, again)
    assert not torch.equal(first[0].weight, weights(lambda: nn.Linear(8, 4))[0][0].weight.T)


def test_nothing_is_left_in_the_working_directory(tmp_path, trials, monkeypatch):
    before = sorted(os.listdir())
    ask(trials, script(tmp_path, CLASSES + "\nprint('done')\n", LR="0.02"))
    assert sorted(os.listdir()) == before


NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes))
        for p in self.parameters():
            nn.init.constant_(p, 0.01)

    def forward(self, x):
        return self.layers(x)
"""


def test_a_model_without_data_is_trained_on_a_built_in_task(tmp_path):
    pytest.importorskip("sklearn")
    path = tmp_path / "net.py"
    path.write_text(NET)
    sound = NET.replace("            nn.init.constant_(p, 0.01)", "            pass")
    options = OPTIONS.model_copy(update={"inputs": ("2x1x8x8",)})
    result = confirm_script(path, {"init": {str(path): sound}}, options)
    [verdict] = result.verdicts
    assert verdict.word == "helps"
    assert "built-in task digits (no data of its own was seen)" in result.data
    assert path.read_text() == NET


def test_a_model_whose_input_is_unknown_is_not_confirmed(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(NET)
    [verdict] = confirm_script(path, {"itself": {}}, OPTIONS).verdicts
    assert verdict.word == "not confirmed"
    assert "--input" in verdict.reason


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("2x3x32x32", "digits"), ("2x784", "digits"), ("4x30", "breast cancer"), ("4x11", "diabetes"),
        ("2x40x3", "waves"), ("8x16:int64[0,50)", "tokens"),
    ],
)  # fmt: skip
def test_tasks_have_the_shape_of_the_input(spec, name):
    pytest.importorskip("sklearn")
    from nnlint.trainer.tasks import task_for

    task = task_for([spec])
    wanted = [int(n) for n in spec.partition(":")[0].split("x")][1:]
    assert task.name == name
    assert list(task.inputs.shape[1:]) == wanted
    assert len(task.inputs) == len(task.classes) == len(task.numbers)
    assert (task.inputs.max() < 50) or "int" not in spec


@pytest.mark.parametrize("spec", ["2x2x2x2x2", "?", "2x3x500x500"])
def test_an_input_without_a_task_is_said(spec):
    from nnlint.trainer.tasks import NoTask, task_for

    with pytest.raises(NoTask, match="no data"):
        task_for([spec])


def test_the_verdict_is_in_the_json(tmp_path):
    path = script(tmp_path, CLASSES, LR="0.02")
    for more in ((), ("--against", path.name)):
        command = [sys.executable, "-m", "nnlint", "confirm", path.name, "--output-format", "json", *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        jsonschema.Draft202012Validator(SCHEMA).validate(answer)
        words = [verdict["word"] for verdict in answer["confirmation"]["verdicts"]]
        assert words == (["no difference"] if more else [])

"""`nnlint train` and `nnlint advise`: a configuration is checked, trained, tracked, and improved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("scipy")

from nnlint.blueprint import read, script_of
from nnlint.improving import better_rate, judged
from nnlint.trainer import Metric, Verdict
from nnlint.training import interval_of, train

EXAMPLES = Path(__file__).parent.parent / "examples" / "configs"
FAULTY = """\
# Wines.
data: {task: wine, standardize: true}
model:
  kind: mlp
  layers: [16]
  output: softmax  # probabilities
loss: cross_entropy
optimizer: {kind: sgd, rate: 0.05, momentum: 0.9, nesterov: true}
batch_size: 16
epochs: 4
seeds: 2
"""


def nnlint(*words, cwd):
    command = [sys.executable, "-m", "nnlint", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("train")
    (place / "wine.yaml").write_text(FAULTY)
    return place


@pytest.fixture(scope="module")
def trained(folder):
    done = nnlint(
        "train", "wine.yaml", "--output-format", "json", "--track", "csv", "--chart", "curves.svg", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_checked_at_its_keys_and_trained(folder, trained):
    [finding] = [f for f in trained["findings"] if f["level"] == "error"]
    assert (finding["rule"], finding["path"], finding["line"]) == ("softmax-before-cross-entropy", "wine.yaml", 6)
    assert [r["line"] for r in finding["related"]] == [7]
    [fix] = finding["fixes"]
    assert fix["title"] == "set model.output: softmax -> none"
    training = trained["training"]
    assert [run["seed"] for run in training["runs"]] == [0, 1]
    assert all(run["status"] == "ok" and len(run["validation"]) == 4 for run in training["runs"])
    assert training["rows"] == 36
    assert training["mean"] == sum(run["score"] for run in training["runs"]) / 2


def test_it_is_tracked_and_drawn(folder, trained):
    assert "seed 1" in (folder / "runs" / "wine" / "runs.csv").read_text()
    assert (folder / "curves.svg").read_text().lstrip().startswith("<?xml")


def test_equal_seeds_give_equal_figures(tmp_path, folder, trained):
    place = tmp_path / "wine.py"
    place.write_text(script_of(read(folder / "wine.yaml"), place).text)
    again = train("wine", "", place, Path(sys.executable), [1], metric="accuracy")
    [run] = [run for run in trained["training"]["runs"] if run["seed"] == 1]
    assert again.runs[0].model_dump(mode="json", exclude={"seconds"}) == {
        k: v for k, v in run.items() if k != "seconds"
    }


def test_runs_that_fail_are_counted_apart(tmp_path):
    text = (EXAMPLES / "diabetes.yaml").read_text().replace("kind: adam, rate: 0.003", "kind: sgd, rate: 1e30")
    (tmp_path / "d.yaml").write_text(text)
    diverging, broken = tmp_path / "diverging.py", tmp_path / "broken.py"
    diverging.write_text(script_of(read(tmp_path / "d.yaml"), diverging).text)
    broken.write_text("raise RuntimeError('no such thing')\n")
    for script, status, reason in ((diverging, "diverged", "diverged in epoch"), (broken, "failed", "no such thing")):
        result = train("d", "", script, Path(sys.executable), [0], metric="error")
        assert result.mean is None
        assert result.runs[0].status == status
        assert reason in result.runs[0].reason


def test_interrupted_it_gives_what_was_done_and_leaves_nothing_running(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import os, time\n"
        "print('epoch 1 of 9: loss 0.5, validation accuracy 0.5', flush=True)\n"
        "if os.environ['SEED'] == '0':\n"
        "    raise SystemExit(print('test accuracy 0.75 on 30 untouched rows'))\n"
        "open('running-' + os.environ['SEED'], 'w').write(str(os.getpid()))\n"
        "print('epoch 2 of 9: loss 0.5, validation accuracy 0.5', flush=True)\n"
        "time.sleep(100)\n"
    )
    script = (tmp_path / "slow.py").read_text().replace("open('", f"open('{tmp_path}/")
    (tmp_path / "slow.py").write_text(script)

    def interrupt(text):
        if "seed 1: epoch 2" in text:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = train(
            "slow", "", tmp_path / "slow.py", Path(sys.executable), range(4), metric="accuracy", workers=1,
            progress=interrupt,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.interrupted
    assert [(run.seed, run.score) for run in result.runs] == [(0, 0.75)]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "running-1").read_text()), 0)
    assert not (tmp_path / "running-2").exists()


def test_the_interval_allows_for_the_overlap_of_splits():
    low, high = interval_of([0.5, 0.6, 0.7], 0.0)
    assert (low + high) / 2 == pytest.approx(0.6)
    assert (high - low) / 2 == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-5)
    wide = interval_of([0.5, 0.6, 0.7], 1 / 3)
    assert wide[1] - wide[0] == pytest.approx((high - low) * 2**0.5)
    assert interval_of([0.5, 0.6], 0.3) is None


def test_the_script_can_be_taken_along(folder):
    done = nnlint("train", "wine.yaml", "--write-script", "wine.py", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wrote wine.py\n")
    compile((folder / "wine.py").read_text(), "wine.py", "exec")


def test_mistakes_are_said_and_end_with_2(tmp_path):
    (tmp_path / "c.yaml").write_text(FAULTY.replace("epochs", "epoch").replace("mlp", "mpl"))
    for command in ("train", "advise"):
        done = nnlint(command, "c.yaml", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            "error: c.yaml:4: `model.kind` cannot be 'mpl'", "  help: did you mean 'mlp'?",
            "error: c.yaml:10: there is no key `epoch`", "  help: did you mean 'epochs'?",
        ]  # fmt: skip


def test_the_best_found_is_written_with_its_evidence(folder):
    before = (folder / "wine.yaml").read_text()
    words = ("--fix", "--output", "better.yaml", "--budget", "3", "--seeds", "3", "--no-cache", "--track", "csv")
    done = nnlint("advise", "wine.yaml", *words, "--output-format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["improvement"]
    [kept] = found["kept"]
    assert (kept["change"], kept["kept"]) == ("model.output: softmax -> none", True)
    assert found["confirmed"]["verdicts"][0]["name"] == "the improved configuration"
    assert (folder / "wine.yaml").read_text() == before
    written = (folder / "better.yaml").read_text()
    assert written == found["text"]
    assert "  output: none     # probabilities\n" in written
    assert read(folder / "better.yaml").blueprint.model.output == "none"
    assert "the improved configuration" in (folder / "runs" / "wine" / "runs.csv").read_text()


@pytest.mark.parametrize(
    ("level", "word", "best", "kept"),
    [
        ("advice", "helps", None, True), ("advice", "undecided", None, False), ("advice", "no difference", None, False),
        ("error", "undecided", None, True), ("warning", "no difference", None, True), ("error", "hurts", None, False),
        ("error", "hurts", "helps", True), ("advice", "undecided", "helps", True),
        ("warning", "undecided", "hurts", False),
    ],
)  # fmt: skip
def test_what_is_kept(level, word, best, kept):
    tuned = None if best is None else Verdict(name="x", word=best)
    assert judged("x", "", level, Verdict(name="x", word=word, best_rate=tuned)).kept is kept
    assert judged("x", "", level, None).kept is (level != "advice")


def test_the_rate_is_changed_where_that_is_clearly_better():
    metric = Metric(name="accuracy", rows=200)

    def verdict(after, tuned, factor):
        best = Verdict(name="", word="helps", metric=metric, after=tuned, factors=(1.0, factor))
        return Verdict(name="", word="undecided", metric=metric, after=after, best_rate=best)

    assert better_rate(0.01, verdict(0.5, 0.9, 3.0)) == 0.03
    assert better_rate(0.01, verdict(None, 0.9, 1 / 9)) == 0.0011
    assert better_rate(0.01, verdict(0.5, 0.505, 3.0)) is None
    assert better_rate(0.01, verdict(0.5, 0.9, 1.0)) is None
    assert better_rate(None, verdict(0.5, 0.9, 3.0)) is None
    assert better_rate(0.01, None) is None

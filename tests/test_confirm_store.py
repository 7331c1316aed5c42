"""What was trained is kept and taken up again; each side's best rate is found on rows and seeds that never judge."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from nnlint.trainer import Options, confirm_script
from nnlint.trainer.plan import only_rates_differ
from nnlint.trainer.store import Store, key_of
from nnlint.trainer.tuning import FIRST_SEED, best_factors
from nnlint.trainer.verdict import Metric

TRAIN = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(200, 6)
y = (x[:, 0] * x[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for epoch in range(6):
    for i in range(0, len(x), 25):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[i:i + 25]), y[i:i + 25]).backward()
        optimizer.step()
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(TRAIN)
    changed = {"momentum": {str(path): TRAIN.replace("lr=0.001", "lr=0.02, betas=(0.8, 0.999)")}}
    options = Options(python=Path(sys.executable), seeds=3, best_rate=False, store=tmp_path / "kept")

    def run(**changes):
        return confirm_script(path, changed, options.model_copy(update=changes))

    run.path = path
    return run


def test_a_second_study_trains_nothing_and_says_so(study):
    first, second = study(), study()
    assert not any("not made again" in note for note in first.notes)
    assert any(note.startswith("6 runs were not made again") for note in second.notes)
    assert [v.model_dump(exclude={"seconds"}) for v in second.verdicts] == [
        v.model_dump(exclude={"seconds"}) for v in first.verdicts
    ]


def test_other_data_are_other_runs(study):
    study()
    study.path.write_text(TRAIN.replace("x[:, 0] *", "x[:, 2] *"))
    assert not any("not made again" in note for note in study().notes)


def test_an_interrupted_study_goes_on(study, tmp_path):
    """Killed without warning, a study loses the runs in flight and nothing else."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom nnlint.trainer import Options, confirm_script\n"
        "o = Options(python=Path(sys.executable), seeds=16, best_rate=False, store=Path(sys.argv[2]))\n"
        "path = Path(sys.argv[1])\n"
        "confirm_script(path, {'wide': {str(path): path.read_text().replace('24', '25')}}, o)\n"
    )
    place = tmp_path / "kept"
    process = subprocess.Popen([sys.executable, "-c", code, str(study.path), str(place)], start_new_session=True)
    while process.poll() is None and stored(place) < 4:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = stored(place)
    assert kept >= 4
    wide = {"wide": {str(study.path): TRAIN.replace("24", "25")}}
    options = Options(python=Path(sys.executable), seeds=16, best_rate=False, store=place)
    result = confirm_script(study.path, wide, options)
    assert any(note.startswith(f"{kept} runs were not made again") for note in result.notes), (kept, result.notes)
    assert stored(place) == 2 * result.verdicts[0].seeds


def stored(folder):
    if not (folder / "trials.sqlite3").exists():
        return 0
    base = sqlite3.connect(folder / "trials.sqlite3", timeout=30)
    try:
        return base.execute("SELECT count(*) FROM trials").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        base.close()


def test_two_processes_write_at_once(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom nnlint.trainer.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for i in range(200): store.put(f'{sys.argv[2]} {i}', {'status': 'ok', 'score': i})\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b")]
    assert [process.wait() for process in both] == [0, 0]
    assert stored(tmp_path) == 400


def test_crashes_and_hangs_are_not_kept_and_a_broken_file_is_no_obstacle(tmp_path):
    store = Store(tmp_path / "one")
    store.put("hung", {"status": "hung", "reason": "slow machine"})
    store.put("diverged", {"status": "diverged", "reason": "no number"})
    assert store.get("hung") is None
    assert store.get("diverged") == {"status": "diverged", "reason": "no number"}
    assert (tmp_path / "one" / ".gitignore").read_text().endswith("*\n")
    store.close()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "trials.sqlite3").write_bytes(b"not a database" * 100)
    broken = Store(tmp_path / "two")
    broken.put("a", {"status": "ok"})
    assert broken.get("a") is None


def test_a_run_is_known_by_what_its_result_depends_on():
    scout = {"content": "rows", "torch": "2.13"}
    request = {"text": "a = 1", "offset": 1, "order": {"updates": 3}, "seconds": 3.0, "path": "/s/x/train.py"}
    key = key_of(request, scout, "/s/x")
    assert key == key_of({**request, "seconds": 9.0, "id": 4}, scout, "/s/x")
    assert key == key_of({**request, "path": "/s/y/train.py"}, scout, "/s/y")
    assert len({key, *(key_of(request, {**scout, name: "other"}, "/s/x") for name in scout)}) == 3
    assert key != key_of({**request, "offset": 2}, scout, "/s/x")
    assert json.dumps(request)  # requests are plain data


class Answering:
    """Stands for the runs: the score is best where the rate is `best` times the program's own."""

    def __init__(self, best, fails_above=1e9):
        self.best, self.fails_above, self.seeds = best, fails_above, set()

    def run(self, requests, scouts):
        for place, (seed, factor) in enumerate(requests):
            self.seeds.add(seed)
            if factor > self.fails_above:
                yield place, {"status": "diverged", "reason": "no number"}
            else:
                yield place, {"status": "ok", "chosen": -abs(factor / self.best - 1)}


@pytest.mark.parametrize(
    ("best", "fails_above", "found"),
    [
        (1, 1e9, 1), (3, 1e9, 3), (81, 1e9, 81), (1 / 27, 1e9, 1 / 27),
        (9, 4, 3), (1, 1e-9, None), (1 / 27, 1 / 20, 1 / 27),
    ],
)  # fmt: skip
def test_the_best_rate_is_found_also_beyond_those_tried_first(best, fails_above, found):
    runs = Answering(best, fails_above)
    metric = Metric(name="accuracy", rows=100)
    factors = best_factors(["a"], {"a": {}}, metric, runs, lambda _, seed, factor: (seed, factor), lambda _: None)
    assert factors["a"] == (None if found is None else pytest.approx(found))
    assert min(runs.seeds) >= FIRST_SEED


def test_a_change_of_the_rate_alone_is_known():
    def trace(lr, momentum=0.9):
        return [[0, 0, [{"lr": lr, "momentum": momentum}]]]

    assert only_rates_differ(trace(0.1), trace(0.01))
    assert not only_rates_differ(trace(0.1), trace(0.1))
    assert not only_rates_differ(trace(0.1), trace(0.01, 0.0))


def test_both_verdicts_are_given_where_the_budget_allows(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(TRAIN)
    wide = {"wide": {str(path): TRAIN.replace("24", "25")}}
    options = Options(python=Path(sys.executable), seeds=3, budget=600.0)
    [verdict] = confirm_script(path, wide, options).verdicts
    assert verdict.factors is None
    assert verdict.best_rate is not None
    assert min(verdict.best_rate.factors) > 1, "six epochs at .001 are far too slow"
    assert verdict.best_rate.before > verdict.before
    short = confirm_script(path, wide, options.model_copy(update={"budget": 3.0}))
    assert short.verdicts[0].best_rate is None
    assert any("best rate was not looked for" in note for note in short.notes)


def test_clean_removes_what_is_kept_and_nothing_else(tmp_path):
    def clean():
        command = [sys.executable, "-m", "nnlint", "clean"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    (tmp_path / "train.py").write_text(TRAIN)
    Store(tmp_path / ".nnlint_cache").close()
    assert "removed .nnlint_cache" in clean()
    assert "nothing to remove" in clean()
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


FAULTY = TRAIN.replace("nn.Linear(24, 2))", "nn.Linear(24, 2), nn.Softmax(dim=1))").replace(
    "        optimizer.zero_grad()\n", ""
)


def test_all_fixes_together_one_left_out_and_proposals(tmp_path):
    (tmp_path / "train.py").write_text(FAULTY)
    command = [
        sys.executable, "-m", "nnlint", "confirm", "train.py", "--all-together", "--experiments", "--seeds", "3",
        "--budget", "20", "--output-format", "json", "--no-cache",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["confirmation"]
    names = [verdict["name"] for verdict in result["verdicts"]]
    assert names[:2] == ["softmax-before-cross-entropy", "missing-zero-grad"]
    assert "all fixes together" in names
    proposals = [verdict for verdict in result["verdicts"] if ": " in verdict["name"]]
    assert all(verdict["word"] == "helps" for verdict in proposals)
    assert [verdict["name"] for verdict in result["left_out"]] == [
        "without: return the logits", "without: clear the gradients before each backward pass",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]

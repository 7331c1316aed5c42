"""Tracking: the same record in every place, read back with the place's own library."""

from __future__ import annotations

import csv
import struct

import pytest

from nnlint.settings import ConfigurationError
from nnlint.tracking import PLACES, check_place, of_confirmation, of_training, track
from nnlint.trainer import Confirmation, Curve, Metric, Verdict
from nnlint.training import Run, Training

TRAINING = of_training(
    Training(
        name="wine", data="three growers", metric="accuracy", rows=36,
        runs=(
            Run(seed=0, status="ok", score=0.75, losses=(1.5, 0.5), validation=(0.25, 0.5), seconds=1.0),
            Run(seed=1, status="diverged", reason="diverged in epoch 2", losses=(9.0,), validation=(0.25,)),
        ),
    ),
    {"optimizer": {"kind": "sgd", "rate": 0.01, "momentum": None}, "model": {"layers": [8, 4]}},
)  # fmt: skip
CONFIRMATION = of_confirmation(
    "wine",
    Confirmation(
        verdicts=(
            Verdict(
                name="missing-zero-grad", word="helps", metric=Metric(name="accuracy", rows=36),
                before=0.25, after=0.75,
                effect=0.5, interval=(0.25, 0.75), seeds=5,
                best_rate=Verdict(name="", word="undecided", reason="few"),
            ),
        ),
        data="its own data",
        curves=tuple(
            Curve(name=name, epochs=(0.5, 1.0), mean=(0.25, 0.5), low=(0.0, 0.0), high=(1.0, 1.0))
            for name in ("original", "missing-zero-grad")
        ),
    ),
)  # fmt: skip


def test_csv(tmp_path):
    place = track(TRAINING, "csv", str(tmp_path))
    assert place.rstrip("/") == str(tmp_path / "wine")
    with open(tmp_path / "wine" / "runs.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "run": "seed 0", "seconds": "1.0", "test accuracy": "0.75", "status": "ok", "reason": "",
        "optimizer.kind": "sgd", "optimizer.rate": "0.01", "model.layers": "8, 4", "seed": "0",
    }  # fmt: skip
    assert (second["status"], second["test accuracy"]) == ("diverged", "")
    with open(tmp_path / "wine" / "curves.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:3] == [["seed 0", "1", "training loss", "1.5"], ["seed 0", "2", "training loss", "0.5"]]
    assert len(rows) == 7
    track(CONFIRMATION, "csv", str(tmp_path))
    with open(tmp_path / "wine" / "runs.csv", newline="") as file:
        original, change = csv.DictReader(file)
    assert original["verdict"] == ""
    assert (change["verdict"], change["effect"], change["best rate verdict"]) == ("helps", "0.5", "undecided")


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    track(TRAINING, "tensorboard", str(tmp_path))
    [path] = (tmp_path / "wine" / "seed_0").iterdir()
    data, scalars, texts = path.read_bytes(), [], []
    while data:  # length, its checksum, the event, its checksum
        (length,) = struct.unpack("<Q", data[:8])
        for value in Event.FromString(data[12 : 12 + length]).summary.value:
            step = Event.FromString(data[12 : 12 + length]).step
            if value.HasField("simple_value"):
                scalars.append((value.tag, step, value.simple_value))
            else:
                texts.append(value.tensor.string_val[0].decode())
        data = data[16 + length :]
    assert ("training_loss", 2, 0.5) in scalars
    assert ("validation_accuracy", 1, 0.25) in scalars
    assert ("result/test_accuracy", 0, 0.75) in scalars
    assert "**status**: ok" in texts[0]
    assert (tmp_path / "wine" / "seed_1").is_dir()


def test_mlflow(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    address = track(CONFIRMATION, "mlflow", "own.db")
    assert address == f"sqlite:///{tmp_path / 'own.db'}"
    track(TRAINING, "mlflow", "own.db")
    client = MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name("wine").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert set(runs) == {"original", "missing-zero-grad", "seed 0", "seed 1"}
    assert runs["missing-zero-grad"].data.tags["verdict"] == "helps"
    assert runs["missing-zero-grad"].data.metrics["effect"] == 0.5
    assert runs["seed 0"].data.params["optimizer.rate"] == "0.01"
    curve = client.get_metric_history(runs["seed 0"].info.run_id, "training loss")
    assert [(point.step, point.value) for point in curve] == [(1, 1.5), (2, 0.5)]


def test_wandb(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    place = track(TRAINING, "wandb", str(tmp_path))
    assert place.endswith("(offline)")
    folders = sorted((tmp_path / "wandb").glob("offline-run-*"))
    assert len(folders) == 2
    content = [next(folder.glob("*.wandb")).read_bytes() for folder in folders]
    assert any(b"training loss" in data and b"three growers" in data for data in content)
    assert any(b"diverged in epoch 2" in data for data in content)


@pytest.mark.parametrize(
    ("place", "package"), [("tensorboard", "tensorboardX"), ("wandb", "wandb"), ("mlflow", "mlflow")]
)
def test_what_is_missing_is_one_sentence_with_the_command(place, package, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as caught:
        check_place(place)
    assert caught.value.message == f"--track {place} needs {package}: pip install {package}"


def test_csv_needs_nothing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check_place("csv")
    check_place(None)
    assert set(PLACES) == {"tensorboard", "wandb", "mlflow", "csv"}


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"--track csv: .*file cannot be written"):
        track(TRAINING, "csv", str(tmp_path / "file"))

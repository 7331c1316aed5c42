"""Trials through joblib: whichever backend runs them, the same requests give the same answers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("joblib")

from nnlint.trainer.trials import Trials, TrialsFailed

TRAIN = """
import torch
from torch import nn

x = torch.randn(120, 4)
y = (x[:, 0] > 0).long()
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for i in range(0, len(x), 20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[i:i + 20]), y[i:i + 20]).backward()
        optimizer.step()
"""


def answers(path: Path, backend: str, **more):
    """What trials of three seeds say, one of which crashes."""
    with Trials(Path(sys.executable), backend=backend, **more) as trials:
        request = {"path": str(path), "most_rows": 1000, "root": str(path.parent), "text": TRAIN, "seconds": 90}
        scout = {**request, "do": "scout", "limit": 20, "offset": 1}
        broken = {**scout, "overlay": {str(path): "raise ValueError('no luck')"}}
        found = dict(trials.run([scout, {**scout, "offset": 2}, broken]))
        order = {"metric": "accuracy", "updates": 18, "looks": 3, "trace": {}, "modes": {}, "evaluates": True,
                 "shuffles": True}  # fmt: skip
        trial = {**request, "do": "trial", "order": order}
        trained = dict(trials.run([{**trial, "offset": seed} for seed in (1, 2)]))
    assert [found[place]["status"] for place in range(3)] == ["ok", "ok", "crashed"]
    assert "no luck" in found[2]["reason"]
    return [(trained[place]["score"], trained[place]["curve"]) for place in range(2)]


@pytest.mark.parametrize("backend", ["loky", "dask", "ray"])
def test_every_backend_gives_the_same_answers(tmp_path, backend):
    if backend != "loky":
        pytest.importorskip({"dask": "distributed", "ray": "ray"}[backend])
    path = tmp_path / "train.py"
    path.write_text(TRAIN)
    assert answers(path, backend) == answers(path, "processes")


def test_a_backend_that_is_not_installed_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(TrialsFailed, match="pip install distributed"), Trials(Path(sys.executable), backend="dask"):
        pass

"""MLflow: one run for each run, in an SQLite file unless MLFLOW_TRACKING_URI names another place."""

from __future__ import annotations

import os
from pathlib import Path

from .record import Record


def write(record: Record, file: Path) -> str:
    """Write a run for each run, in the experiment of the record's name. Returns the address they went to."""
    from mlflow.tracking import MlflowClient

    address = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{file.resolve()}"
    client = MlflowClient(tracking_uri=address)
    known = client.get_experiment_by_name(record.name)
    experiment = known.experiment_id if known is not None else client.create_experiment(record.name)
    for tracked in record.runs:
        run = client.create_run(experiment, run_name=tracked.name).info.run_id
        for name, value in tracked.parameters.items():
            client.log_param(run, _plain(name), value)
        for name, curve in tracked.curves.items():
            for number, (_, value) in enumerate(curve, 1):
                client.log_metric(run, _plain(name), value, step=number)
        for name, value in tracked.figures.items():
            client.log_metric(run, _plain(name), value)
        for name, word in {**tracked.words, "data": record.data}.items():
            client.set_tag(run, _plain(name), word)
        client.set_terminated(run)
    return address


def _plain(name: str) -> str:
    """Return a name of the letters that MLflow allows."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)

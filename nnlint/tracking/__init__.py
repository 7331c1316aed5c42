"""Runs, curves and verdicts to where people already look: CSV files, TensorBoard, Weights & Biases, MLflow.

What is tracked is the same everywhere, a `Record`; each place writes it in its own terms. Nothing here uses the network
unless the user's own settings of the place ask for it.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Literal, get_args

from ..settings import ConfigurationError
from .record import Record, Tracked, of_confirmation, of_training

__all__ = ["PLACES", "Record", "Tracked", "check_place", "of_confirmation", "of_training", "track"]

Place = Literal["tensorboard", "wandb", "mlflow", "csv"]
PLACES: tuple[str, ...] = get_args(Place)

_NEEDS = {"tensorboard": "tensorboardX", "wandb": "wandb", "mlflow": "mlflow"}
_DEFAULT = {"csv": "runs", "tensorboard": "runs", "wandb": ".", "mlflow": "mlflow.db"}


def check_place(place: str | None) -> None:
    """Raise ConfigurationError where what a place needs is not installed, before anything is trained for it."""
    package = _NEEDS.get(place or "")
    if package is not None and importlib.util.find_spec(package) is None:
        raise ConfigurationError(f"--track {place} needs {package}: pip install {package}")


def track(record: Record, place: str, where: str | None) -> str:
    """Write a record and return where it went. `where` is a folder (a file for mlflow), None for the usual one.

    Raises ConfigurationError where it cannot be written.
    """
    check_place(place)
    target = Path(where or _DEFAULT[place])
    module = importlib.import_module(f".to_{place}", __name__)
    try:
        written: str = module.write(record, target)
    except OSError as error:
        raise ConfigurationError(f"--track {place}: {target} cannot be written: {error.strerror or error}") from error
    return written

"""What is measured: the share of right answers, or the error in units of the target's spread."""

from __future__ import annotations

import math
from typing import Any

import torch

CLASS_LOSSES = frozenset({"cross_entropy", "nll", "bce", "bce_with_logits", "soft_margin", "multilabel_soft_margin",
                          "hinge"})  # fmt: skip
_IGNORED = -100


def profile(prediction: torch.Tensor, target: torch.Tensor, kind: str, ending: str | None) -> dict[str, Any]:
    """Return what decides on the metric; `target` are all targets, `prediction` those of some rows."""
    values = target.detach()
    facts: dict[str, Any] = {
        "loss": kind, "ending": ending, "output": list(prediction.shape[1:]), "target": list(values.shape[1:]),
        "integer": not values.is_floating_point(),
    }  # fmt: skip
    distinct = torch.unique(values)
    floats = values.double()
    facts["zero_one"] = bool(((values == 0) | (values == 1)).all())
    facts["plus_minus"] = bool(((values == 1) | (values == -1)).all())
    facts["whole"] = bool((floats == floats.round()).all())
    facts["distinct"] = min(len(distinct), 1000)
    facts["spread"] = float(floats.std()) if floats.numel() > 1 else 0.0
    facts["one_hot"] = (
        facts["zero_one"] and values.dim() > 1 and values.shape[1] > 1 and bool((values.sum(1) == 1).all())
    )
    return facts


def threshold(facts: dict[str, Any]) -> float | None:
    """Return above which value a single output says yes, None where nothing tells."""
    if facts["ending"] in ("sigmoid", "softmax"):
        return 0.5
    if facts["ending"] in ("log_softmax", "log_sigmoid"):
        return math.log(0.5)
    if facts["loss"] in ("bce_with_logits", "soft_margin", "multilabel_soft_margin") or facts["plus_minus"]:
        return 0.0
    return None if facts["loss"] == "custom" else 0.5


def accuracy(prediction: torch.Tensor, target: torch.Tensor, facts: dict[str, Any]) -> float:
    """Return the share of right answers."""
    prediction, target = prediction.detach(), target.detach()
    if not target.is_floating_point() and prediction.dim() == target.dim() + 1:
        known = target != _IGNORED
        return _share((prediction.argmax(1) == target)[known])
    if prediction.shape != target.shape and prediction.numel() == target.numel():
        target = target.reshape(prediction.shape)
    if facts["one_hot"] or (
        facts["loss"] in ("cross_entropy", "kl_div") and prediction.dim() > 1 and len(prediction[0]) > 1
    ):
        return _share(prediction.argmax(1) == target.argmax(1))
    if facts["zero_one"] or facts["plus_minus"]:
        limit = threshold(facts)
        return _share(
            (prediction > (0.5 if limit is None else limit)) == (target > (0 if facts["plus_minus"] else 0.5))
        )
    return _share(prediction.round() == target)


def error(prediction: torch.Tensor, target: torch.Tensor, facts: dict[str, Any]) -> float:
    """Return the root mean square error in units of the target's spread."""
    prediction, target = prediction.detach().double(), target.detach().double()
    if prediction.shape != target.shape and prediction.numel() == target.numel():
        target = target.reshape(prediction.shape)
    return float((prediction - target).square().mean().sqrt()) / (facts["spread"] or 1.0)


def _share(right: torch.Tensor) -> float:
    return float(right.double().mean()) if right.numel() else 0.0

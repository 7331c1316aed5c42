"""Figures of each feature over a bounded number of rows: scale, missing and infinite values, outliers; padding."""

from __future__ import annotations

import math
from typing import Any

import torch

COLUMNS = 4096
"""Features described, at most."""
VALUES = 4_000_000
"""Values behind the figures, at most: of more, every n-th row is taken."""
FENCE = 3.0
"""Interquartile ranges outside the quartiles beyond which a value is an outlier."""
_FEW = 8


def columns(values: torch.Tensor, axis: int) -> list[dict[str, Any]]:
    """Return a `Column` dict for each place along `axis`, over all others."""
    if values.numel() == 0 or values.is_complex() or values.is_sparse:
        return []
    with torch.no_grad():
        flat = table(values, axis)
        if values.dtype == torch.bool or not values.is_floating_point():
            return _entries(flat, None, None, _far(flat) if values.dim() <= 2 else None)
        nan, infinite = torch.isnan(flat), torch.isinf(flat)
        broken = bool(nan.any() or infinite.any())
        far = None if values.dim() > 2 else _far(flat)
        return _entries(flat, nan if broken else None, infinite if broken else None, far)


def table(values: torch.Tensor, axis: int) -> torch.Tensor:
    """Return values as float64 rows by features, a bounded number of both."""
    flat = values.detach()
    if flat.dim() == 0:
        flat = flat.reshape(1, 1)
    elif flat.dim() == 1:
        flat = flat.reshape(-1, 1)
    else:
        flat = flat[:: -(-flat.numel() // VALUES)] if flat.numel() > VALUES else flat
        flat = flat.movedim(axis, -1).reshape(-1, flat.shape[axis])
    return flat[:, :COLUMNS].to(torch.float64)


def _entries(
    flat: torch.Tensor, nan: torch.Tensor | None, infinite: torch.Tensor | None, far: list[float] | None
) -> list[dict[str, Any]]:
    if nan is None or infinite is None:
        mean, std, low, high = flat.mean(0), flat.std(0, unbiased=False), flat.amin(0), flat.amax(0)
    else:
        bad = nan | infinite
        count = (~bad).sum(0)
        mean = torch.where(bad, 0.0, flat).sum(0) / count
        std = (torch.where(bad, 0.0, (flat - mean) ** 2).sum(0) / count).sqrt()
        low, high = torch.where(bad, math.inf, flat).amin(0), torch.where(bad, -math.inf, flat).amax(0)
    found = [
        {"mean": m, "std": s, "low": a, "high": b}
        for m, s, a, b in zip(mean.tolist(), std.tolist(), low.tolist(), high.tolist())
    ]
    for name, shares in (("missing", nan), ("infinite", infinite)):
        if shares is not None:
            for entry, share in zip(found, shares.double().mean(0).tolist()):
                entry[name] = share
    for entry, share in zip(found, far or ()):
        if not math.isnan(share):
            entry["outliers"] = share
    return found


def _far(flat: torch.Tensor) -> list[float] | None:
    """Return the share of outliers of each column, NaN where half of the values are equal."""
    if flat.shape[0] < _FEW:
        return None
    ordered = flat.sort(0).values
    last = flat.shape[0] - 1
    low, high = ordered[round(0.25 * last)], ordered[round(0.75 * last)]
    spread = high - low
    far = ((flat < low - FENCE * spread) | (flat > high + FENCE * spread)).double().mean(0)
    return [float(share) for share in torch.where(spread > 0, far, math.nan).tolist()]


def outliers(values: torch.Tensor) -> float | None:
    """Return the share of outliers of all values together; None where half of them are equal or there are few."""
    shares = _far(table(values.reshape(-1, 1)[:VALUES], 1))
    return None if shares is None or math.isnan(shares[0]) else shares[0]


def shares(values: torch.Tensor) -> dict[str, float]:
    """Return the shares of NaN and of infinite values."""
    if not values.is_floating_point() or values.numel() == 0:
        return {"missing_share": 0.0, "infinite_share": 0.0}
    return {
        "missing_share": float(torch.isnan(values).double().mean()),
        "infinite_share": float(torch.isinf(values).double().mean()),
    }


def padding(ids: torch.Tensor) -> dict[str, Any] | None:
    """Return a `Padding` dict for whole numbers of shape (N, T): one value that ends (or begins) rows of many lengths.

    None where rows are not filled up. The value must stand nowhere else, and at least three lengths must occur.
    """
    if ids.dim() != 2 or ids.is_floating_point() or ids.is_complex() or ids.shape[0] < 4 or ids.shape[1] < 4:
        return None
    rows = ids.detach()[:2048].long()
    for side, order in (("right", rows.flip(1)), ("left", rows)):
        value = int(torch.mode(order[:, 0]).values)
        same = order == value
        runs = same.long().cumprod(1).sum(1)
        if int(same.sum()) != int(runs.sum()) or int(torch.unique(runs).numel()) < 3 or bool((runs > 1).sum() < 2):
            continue
        return {
            "value": value,
            "side": side,
            "share": float(same.double().mean()),
            "rows": float((runs > 0).double().mean()),
        }
    return None


def classes(values: torch.Tensor) -> list[tuple[int, int]] | None:
    """Return (label, count) for whole numbers of up to 1000 kinds, by label."""
    labels, counts = torch.unique(values.reshape(-1), return_counts=True)
    if labels.numel() > 1000:
        return None
    return [(int(label), int(count)) for label, count in zip(labels.tolist(), counts.tolist())]

"""What the range test says."""

from __future__ import annotations

from ..trainer import LearningRate
from .words import counted


def as_text(found: LearningRate, path: str) -> str:
    """Return the suggestion, how sure it is, and what it rests on."""
    seeds = counted(len(found.sweeps), "seed")
    if found.suggestion is None or found.interval is None:
        return f"{path}: no rate is suggested: {found.reason}\n"
    low, high = found.interval
    range_ = f"{low:.2g} to {high:.2g} over {seeds}"
    rows = [f"{path}: start from {found.suggestion:.2g} ({range_}{'' if found.sure else ': not sure'})"]
    if found.rate:
        factor = found.suggestion / found.rate
        there = f"{factor:.1f} times" if factor >= 1 else f"{1 / factor:.1f} times below"
        rows.append(f"  {there} your {found.rate:.2g}")
    rows.append(f"  a quarter of the rate at which the smoothed loss is lowest, on {found.data}")
    return "\n".join(rows) + "\n"

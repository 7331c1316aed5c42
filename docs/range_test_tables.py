"""The table of what the range test's suggestion costs, from what `make bench-range-test` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "range_test.json"
NAMES = {
    "nnlint": "nnlint", "steepest": "Lightning: steepest fall", "valley": "fastai: valley",
    "minimum": "fastai: minimum / 10",
}  # fmt: skip


def table() -> str:
    """Return the table; a remark where nothing was measured yet."""
    if not RESULT.exists():
        return "Nothing was measured yet."
    rows: dict[str, Any] = json.loads(RESULT.read_text("utf-8"))
    lines = [f"| set-up | best of the grid | {' | '.join(NAMES.values())} |", "|---" * (2 + len(NAMES)) + "|"]
    for name, row in rows.items():
        cells = [_lost(row["rules"][rule]) for rule in NAMES]
        lines.append(f"| {name} | {row['best']:.1%} at {row['best_rate']:.2g} | {' | '.join(cells)} |")
    lost = {rule: [row["rules"][rule]["lost"] for row in rows.values()] for rule in NAMES}
    single = {rule: [x for row in rows.values() for x in row["rules"][rule]["one_curve"]] for rule in NAMES}
    lines.append(f"| **mean** | | {' | '.join(_points(fmean(_there(lost[rule]))) for rule in NAMES)} |")
    lines.append(f"| **worst** | | {' | '.join(_points(max(_there(lost[rule]))) for rule in NAMES)} |")
    lines.append(f"| mean, from one curve | | {' | '.join(_points(fmean(_there(single[r]))) for r in NAMES)} |")
    lines.append(f"| worst, from one curve | | {' | '.join(_points(max(_there(single[r]))) for r in NAMES)} |")
    return "\n".join(lines)


def _there(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None] or [float("nan")]


def _lost(rule: dict[str, Any]) -> str:
    return "no suggestion" if rule["lost"] is None else f"{_points(rule['lost'])} (rate {rule['rate']:.2g})"


def _points(value: float) -> str:
    return f"{100 * value:.1f}"

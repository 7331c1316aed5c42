"""The tables of the page on observed runs, from what its benchmarks kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "bench" / "results"


def tables() -> dict[str, str]:
    """Return the text for each placeholder of the page."""
    cost = _read("observing")
    return {
        "observing-version": f"torch {cost['torch']}",
        "observing-cost": _cost(cost["rows"]),
        "differential": _differential(_read("differential")),
    }


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def _cost(rows: list[dict[str, Any]]) -> str:
    head = "| CPU milliseconds | a step | observed | the first, observed | more a step |"
    lines = [head, "|---|--:|--:|--:|--:|"]
    lines += [
        f"| {row['program']} | {row['step_ms']:.1f} | {row['observed_ms']:.1f} | {row['first_ms']:.1f} "
        f"| {row['extra_ms']:.1f} ({100 * row['share']:.0f} %) |"
        for row in rows
    ]
    return "\n".join(lines)


def _differential(found: dict[str, Any]) -> str:
    names = ("same", "unknown to the source", "unknown to the run", "different")
    lines = [f"| fact | {' | '.join(names)} |", "|---|--:|--:|--:|--:|"]
    lines += [f"| {fact} | {' | '.join(str(row[name]) for name in names)} |" for fact, row in found["facts"].items()]
    return "\n".join(lines)

"""The tables of how fast the trainer is, from what `make bench-speed` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "speed.json"
_MISSING = "Nothing was measured yet."


def tables() -> dict[str, str]:
    """Return the tables by the name they have in the pages."""
    found: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    parts = {"confirmation": _confirmation, "trials": _trials, "steps": _steps}
    return {f"speed-{name}": table(found[name]) if name in found else _MISSING for name, table in parts.items()}


def _confirmation(found: dict[str, Any]) -> str:
    best = f", at best rates {found['best_rate']} ({found['best_seeds']} seeds)" if found["best_rate"] else ""
    return f"{found['seconds']} seconds: {found['verdict']} ({found['seeds']} seeds){best}."


def _trials(found: dict[str, Any]) -> str:
    lines = ["| the same trials in | trials a second | beside the plain loop | mean accuracy |", "|---|--:|--:|--:|"]
    plain = found["a plain loop"].get("per_second")
    for name, row in found.items():
        if "left_out" in row:
            lines.append(f"| {name} | not run: {row['left_out'].replace('|', ' ')} | | |")
            continue
        ratio = f"{row['per_second'] / plain:.2f}" if plain else ""
        lines.append(f"| {name} | {row['per_second']:.2f} | {ratio} | {row['accuracy']:.3f} |")
    return "\n".join(lines)


def _steps(found: dict[str, Any]) -> str:
    lines = ["| model | milliseconds of a bare step | the trainer's step to it | of the fastest rounds |"]
    lines.append("|---|--:|--:|--:|")
    lines += [
        f"| {name} | {row['milliseconds']:.3f} | {row['ratio']:.3f} | {row['ratio_of_the_fastest']:.3f} |"
        for name, row in found.items()
    ]
    return "\n".join(lines)

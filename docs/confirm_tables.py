"""The tables of what the trainer says of real bugs, from what `make bench-confirm` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "confirm.json"
_MISSING = "Nothing was measured yet."


def tables() -> dict[str, str]:
    """Return the tables by the name they have in the pages."""
    rows: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    return {"verdicts-on-bugs": _verdicts(rows), "repairs-of-bugs": _repairs(rows)}


def _verdicts(rows: dict[str, Any]) -> str:
    asked = {name: row for name, row in rows.items() if "verdict" in row}
    if not asked:
        return _MISSING
    lines = ["| case | its scripts measure | at the user's rate | | each at its best | | remarks |", "|---" * 7 + "|"]
    for name, row in asked.items():
        said, repair = row["verdict"], row.get("repair", {})
        own = f"{repair['metric']} {_mean(repair['train'])} → {_mean(repair['fixed'])}" if "train" in repair else ""
        yours, tuned = _change(said.get("yours")), _change(said.get("tuned"))
        cells = (name, own, said["word"], yours, said["best"] or "", tuned, said["reason"])
        lines.append(f"| {' | '.join(cells)} |")
    words = [{row["verdict"]["word"], row["verdict"]["best"]} for row in asked.values()]
    helped, hurt = (sum(word in both for both in words) for word in ("helps", "hurts"))
    return "\n".join([*lines, "", f"Of {len(asked)} repairs {helped} help at one rate or the other, {hurt} hurt."])


def _repairs(rows: dict[str, Any]) -> str:
    asked = {name: row["repair"] for name, row in rows.items() if row.get("repair", {}).get("fixable")}
    counted = [row for row in asked.values() if row["first"] in row["fixable"]]
    if not asked:
        return _MISSING
    ways = {"first": "the labelled rules' fixes", "shown": "all that is shown", "all": "advice as well"}
    lines = [f"| case | metric | faulty | repaired by hand | {' | '.join(ways.values())} |", "|---" * 7 + "|"]
    for name, row in asked.items():
        mark = "" if row in counted else " (not counted)"
        cells = [
            name + mark,
            row["metric"],
            _mean(row["train"]),
            _mean(row["fixed"]),
            *(_way(row["ways"][w]) for w in ways),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    counts = [sum(bool(row["ways"][way].get("repaired")) for row in counted) for way in ways]
    lines.append(f"| **repaired** | | | | {' | '.join(f'{count} of {len(counted)}' for count in counts)} |")
    return "\n".join(lines)


def _way(way: dict[str, Any]) -> str:
    if way["values"] is None:
        return str(way["reason"]).replace("|", "\\|")
    return f"{_mean(way['values'])}{' ✓' if way['repaired'] else ''}"


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.4g}"


def _change(figures: dict[str, Any] | None) -> str:
    if not figures or figures["before"] is None or figures["after"] is None:
        return ""
    interval = figures["interval"]
    between = f" ({interval[0]:+.3f} to {interval[1]:+.3f})" if interval else ""
    return f"{figures['before']:.3f} → {figures['after']:.3f}{between}"

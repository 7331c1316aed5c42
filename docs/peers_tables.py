"""The tables that put nnlint beside other tools, from what `make bench-peers` wrote."""

from __future__ import annotations

import json
from pathlib import Path

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "peers.json"


def tables() -> str:
    """Return the tables; a remark where nothing was measured yet."""
    if not RESULT.exists():
        return "Nothing was measured yet."
    found = json.loads(RESULT.read_text("utf-8"))
    columns = ("tool", "how it was run", "labelled faults", "found", "missed", "false", "on other things", "not run")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for tool, one in found["tools"].items():
        name = found["pins"].get(tool, tool).replace("==", " ")
        cells = [one[k] for k in ("expected", "found", "missed", "false", "elsewhere", "not run")]
        lines.append(f"| {name} | {found['how'][tool]} | {' | '.join(map(str, cells))} |")
    lines += ["", "| case | " + " | ".join(found["tools"]) + " |", "|---" * (1 + len(found["tools"])) + "|"]
    for rows in zip(*(one["cases"] for one in found["tools"].values())):
        cells = [f"{r['found']} of {r['found'] + len(r['missed'])}" + "".join(f", false: {k}" for k in r["false"])
                 for r in rows]  # fmt: skip
        lines.append(f"| {rows[0]['case']} | {' | '.join(cells)} |")
    lines += ["", "| not in the table | why |", "|---|---|"]
    lines += [f"| {tool} | {why} |" for tool, why in found["left out"].items()]
    return "\n".join(lines)

"""The tables of the page on coverage, from what `make bench-coverage` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "coverage.json"

MEANINGS = """- **whole**: every call of the forward pass is in the graph. Ways: `meta` and `fake` compute nothing,
  `real` runs the model on a copy of its tensors.
- **guessed**: whole as well, but the model asked for values that were not there and some were invented.
- **in part**: the forward pass ended early, after 90 % of the innermost modules or more. **Less**: before that; nnlint
  then describes modules and parameters.
- **input found**: an input that runs was found unaided.
- **unchanged**: of the models that were looked at before and after, those whose parameters, buffers, flags, gradients,
  hooks, attributes, random states and defaults are the same bit for bit. Parameters hold a pattern instead of drawn
  values, which is cheaper to make and to recognize; models too large for memory have no values, and all else is
  compared."""


def tables() -> str:
    """Return the tables and what their columns mean; a remark where nothing was measured yet."""
    if not RESULT.exists():
        return "Nothing was measured yet."
    found = json.loads(RESULT.read_text("utf-8"))
    sets: dict[str, dict[str, Any]] = found["sets"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    parts = [f"Measured with {versions}.", _counts(sets), MEANINGS, "## Ways", _ways(sets)]
    parts += ["## What is not traced whole", *(_causes(name, one) for name, one in sets.items() if one["causes"])]
    unbuilt = _not_built(sets)
    if unbuilt:
        said = "A model that its own configuration or the installation cannot build is not counted."
        parts += ["## What was not built", said, unbuilt]
    return "\n\n".join(part for part in parts if part)


def share(part: int, of: int) -> str:
    """Return a count with its share, rounded down so that it never says more than it is."""
    return f"{part} ({int(1000 * part / of) / 10:.1f} %)" if of else "0"


def _counts(sets: dict[str, dict[str, Any]]) -> str:
    columns = ("models", "listed", "tried", "built", "whole", "guessed", "in part", "less", "whole, guessed or in part",
               "input found", "unchanged")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, one in sets.items():
        built, unchanged = one["built"], f"{one['gentle']} of {one['looked at for changes']}"
        cells = [one["listed"], one["tried"], built, share(one["whole"], built), one["guessed"], one["partial"]]
        cells += [one["less"], share(one["whole or nearly"], built), share(one["input found"], built), unchanged]
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    if any(one["tried"] < one["listed"] for one in sets.values()):
        lines += ["", "Where fewer were tried than are listed the run was cut short: nothing is known of the others."]
    if any(len(one["tracers"]) > 1 for one in sets.values()):
        lines += [
            "",
            "The rows come from several states of the tracer while it was repaired: a later state was asked again",
            "only for what an earlier one had not traced whole or had not left as it was.",
        ]
    return "\n".join(lines)


def _ways(sets: dict[str, dict[str, Any]]) -> str:
    columns = ("models", "meta", "fake", "real", "guessed", "in evaluation mode", "with values", "median CPU seconds")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, one in sets.items():
        ways = [one["tiers"].get(tier, 0) for tier in ("meta", "fake", "real", "guess")]
        cells = [*ways, one["in evaluation mode"], one["with values"], one["median seconds"]]
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _causes(name: str, one: dict[str, Any]) -> str:
    lines = [f"### {name}", "", "| cause | models |", "|---|---|"]
    lines += [f"| {cause} | {len(names)}: {', '.join(names)} |" for cause, names in one["causes"].items()]
    if one["changed"]:
        lines.append(f"| something changed | {len(one['changed'])}: {', '.join(one['changed'])} |")
    return "\n".join(lines)


def _not_built(sets: dict[str, dict[str, Any]]) -> str:
    lines = ["| models | not built |", "|---|---|"]
    lines += [
        f"| {name} | {len(one['not built'])}: {', '.join(one['not built'])} |"
        for name, one in sets.items()
        if one["not built"]
    ]
    return "\n".join(lines) if len(lines) > 2 else ""

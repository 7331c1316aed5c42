"""The tables of the page on silence, from what `make bench-silence` wrote."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "silence.json"


def tables() -> str:
    """Return the tables; a remark where nothing was measured yet."""
    if not RESULT.exists():
        return "Nothing was measured yet."
    found = json.loads(RESULT.read_text("utf-8"))
    sets: dict[str, dict[str, Any]] = found["sets"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    asked = f"Measured with {versions}; {found['rules']['all']} rules, {len(found['rules']['model alone'])} of which"
    parts = [f"{asked} need nothing but the model.", _counts(sets), "## Every warning and error"]
    parts += [_findings(found["findings"]), "## Rules that could not be evaluated", _silenced(found["silenced"])]
    parts += ["## Not inspected", _rest(sets)]
    return "\n\n".join(parts)


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _counts(sets: dict[str, dict[str, Any]]) -> str:
    columns = ("set", "listed", "asked", "inspected", "traced whole", "with warnings or errors", "advice: median, most",
               "more than three", "rules evaluated: median, least", "states of nnlint")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, one in sets.items():
        loud, seen = one["with warnings or errors"], max(1, one["inspected"])
        share = "-"
        if name != "programs":
            share = " %, ".join(f"{int(1000 * one['evaluated'][k]) / 10:.1f}" for k in ("median", "least")) + " %"
        cells = [one["listed"], one["inspected"] + len(one["not inspected"]), one["inspected"], one["traced"]]
        cells += [f"{loud} ({100 * loud / seen:.1f} %)", f"{one['advice']['median']:g}, {one['advice']['most']}"]
        lines.append(
            f"| {name} | {' | '.join(map(str, [*cells, one['with more than three'], share, one['states']]))} |"
        )
    lines += ["", "Where fewer were asked than are listed the run was cut short: nothing is known of the others.",
              "Several states of nnlint: rows from before and after something was mended stand together."]  # fmt: skip
    narrow = sum(one["variants"].get("shallow and narrow", 0) for one in sets.values())
    if narrow:
        lines += ["", f"{narrow} architectures of transformers were asked about with few and narrow layers, the others",
                  "with few layers or as they are."]  # fmt: skip
    return "\n".join(lines)


def _findings(found: list[dict[str, Any]]) -> str:
    if not found:
        return "None."
    lines = ["| model | says | why | stands because |", "|---|---|---|---|"]
    for one in found:
        rule = f"{one['level']} [{one['rule']}](rules/{one['rule']}.md)"
        says = f"{rule}: {_cell(one['message'])} (`{one['module'] or '-'}`)"
        lines.append(f"| {one['model']} | {says} | {_cell(one['why'])} | {_cell(one['defence'] or 'not defended')} |")
    return "\n".join(lines)


def _silenced(found: dict[str, dict[str, int]]) -> str:
    if not found:
        return "None."
    lines = ["| rule | what it asked for in vain, on how many models |", "|---|---|"]
    for rule, needs in sorted(found.items(), key=lambda item: -sum(item[1].values())):
        lines.append(f"| [{rule}](rules/{rule}.md) | {', '.join(f'{n} ({count})' for n, count in needs.items())} |")
    return "\n".join(lines)


def _rest(sets: dict[str, dict[str, Any]]) -> str:
    lines = ["| set | not inspected | traced in part or not at all |", "|---|---|---|"]
    for name, one in sets.items():
        why = Counter(reason.partition(":")[0] for reason in one["not inspected"].values())
        names, partly = _listed(list(one["not inspected"])), _listed(one["not traced whole"])
        told = "; ".join(f"{count} {reason}" for reason, count in why.most_common(6))
        partly = (
            f"{len(one['not traced whole'])}: {', '.join(one['not traced whole'])}" if one["not traced whole"] else "0"
        )
        lines.append(f"| {name} | {_cell(names)}{f' ({_cell(told)})' if told else ''} | {_cell(partly)} |")
    return "\n".join(lines)


def _listed(names: list[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "0"

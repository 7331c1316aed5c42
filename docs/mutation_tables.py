"""The tables of the page on the mutation study, from what `make bench-mutations` wrote."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "bench" / "results" / "mutations.json"
JUDGED = ("found", "elsewhere", "missed")

Row = dict[str, Any]


def tables() -> dict[str, str]:
    """Return the text for each placeholder of the page; all is empty where the study was not run."""
    if not RESULT.exists():
        return dict.fromkeys(
            ("mutation-summary", "mutation-rules", "mutation-programs", "mutation-missed", "mutation-beside",
             "mutation-fixes", "mutation-left-out"), "*not measured*",
        )  # fmt: skip
    kept = json.loads(RESULT.read_text("utf-8"))
    rows = [row for row in kept["rows"] if row["outcome"] in JUDGED]
    return {
        "mutation-summary": _summary(kept, rows),
        "mutation-rules": _counts(rows, "rule", {}),
        "mutation-programs": _counts(rows, "program", {name: f"{n} lines" for name, n in kept["programs"].items()}),
        "mutation-missed": _listed([row for row in rows if row["outcome"] != "found"]),
        "mutation-beside": _beside([row for row in rows if row["beside"]]),
        "mutation-fixes": _fixes([row for row in rows if row["undone"]]),
        "mutation-left-out": _left_out(kept),
    }


def _summary(kept: dict[str, Any], rows: list[Row]) -> str:
    counts = Counter(row["outcome"] for row in rows)
    other = Counter(row["outcome"] for row in kept["rows"] if row["outcome"] not in JUDGED)
    lines = kept["programs"].values()
    loud = ", ".join(f"{name}: {said}" for name, said in kept["loud"].items()) or "none"
    share = 100 * counts["found"] / max(1, len(rows))
    parts = [
        f"{len(lines)} programs, {sum(n > 150 for n in lines)} of them over 150 lines; warnings on the sound programs: "
        f"{loud}. {len({row['rule'] for row in rows})} rules were given a defect, {len(rows):,} mutants were judged at "
        f"commit {kept['commit']}:",
        "",
        "| mutants | found at the right line | right rule, another line | missed | warnings of other rules beside |",
        "|--:|--:|--:|--:|--:|",
        f"| {len(rows):,} | {counts['found']:,} ({share:.1f} %) | {counts['elsewhere']} | {counts['missed']} "
        f"| {sum(bool(row['beside']) for row in rows)} |",
    ]
    made = sum(kept["made"].values())
    if made > len(kept["rows"]):
        parts += ["", f"Of {made:,} mutants, {made - len(kept['rows']):,} were not reached before the run was ended."]
    if other["said before"]:
        parts += ["", f"{other['said before']} more were left out: the sound program has that advice already."]
    return "\n".join(parts)


def _counts(rows: list[Row], by: str, note: dict[str, str]) -> str:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[by]].append(row)
    lines = [f"| {by} | mutants | found | elsewhere | missed | beside |", "|---|--:|--:|--:|--:|--:|"]
    for name, these in sorted(grouped.items()):
        counts = Counter(row["outcome"] for row in these)
        label = f"{name} ({note[name]})" if name in note else name
        beside = sum(bool(row["beside"]) for row in these)
        lines.append(
            f"| {label} | {len(these)} | {counts['found']} | {counts['elsewhere']} | {counts['missed']} | {beside} |"
        )
    return "\n".join(lines)


def _listed(rows: list[Row]) -> str:
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        grouped[row["rule"], row["outcome"], _shown(row["spelling"])].append(row["program"].removesuffix(".py"))
    lines = ["| rule | | spelling | programs |", "|---|---|---|---|"]
    lines += [
        f"| {rule} | {what} | {how} | {', '.join(names)} |" for (rule, what, how), names in sorted(grouped.items())
    ]
    return "\n".join(lines)


def _beside(rows: list[Row]) -> str:
    grouped: Counter[tuple[str, str]] = Counter((row["rule"], ", ".join(row["beside"])) for row in rows)
    lines = ["| defect | also a warning from | mutants |", "|---|---|--:|"]
    return "\n".join(lines + [f"| {rule} | {others} | {n} |" for (rule, others), n in sorted(grouped.items())])


def _fixes(rows: list[Row]) -> str:
    grouped: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        what = row["undone"] if row["undone"] in ("undone", "no fix") else "differs"
        grouped[row["rule"]][what] += 1
    lines = ["| rule | mutants | undone | something differs | no fix |", "|---|--:|--:|--:|--:|"]
    for name, counts in [*sorted(grouped.items()), ("all", sum(grouped.values(), Counter()))]:
        lines.append(f"| {name} | {counts.total()} | {counts['undone']} | {counts['differs']} | {counts['no fix']} |")
    return "\n".join(lines)


def _left_out(kept: dict[str, Any]) -> str:
    reasons = kept["not injected"]
    missing = sorted(
        name for name, level in kept["rules"].items() if name not in kept["made"] and level != "experiment"
    )
    lines = [f"- {name}: {reasons.get(name, 'no program has a place for it')}" for name in missing]
    tried = sum(level == "experiment" for level in kept["rules"].values())
    return "\n".join([*lines, f"- the {tried} experiments: proposals, no defects"])


def _shown(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"

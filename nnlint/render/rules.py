"""The list of rules and the page of one."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import textwrap
from collections.abc import Sequence

from ..fix import Fix
from ..rule import Rule
from .style import Style


def table(rules: Sequence[Rule], columns: int, style: Style) -> str:
    """Return one line for each rule: name, family, level, whether it has a fix, summary."""
    rows = [("rule", "family", "level", "fix", "summary")]
    rows += [(r.name, r.family, r.level, "yes" if fixes(r) else "", r.summary.rstrip(".")) for r in rules]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = []
    for n, row in enumerate(rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        left = "  ".join(cells)
        summary = textwrap.shorten(row[4], max(columns - len(left) - 2, 30), placeholder=" ...")
        cells[2] = style(row[2] if n else "bold", cells[2])
        lines.append(f"{'  '.join(cells)}  {summary}".rstrip())
    return "\n".join([*lines, "", f"{len(rules)} rules; `nnlint rule NAME` explains one"]) + "\n"


def page(rule: Rule, style: Style) -> str:
    """Return all there is to say of one rule: its text, then the smallest program before and after the fix."""
    head = f"{style('bold', rule.name)} ({rule.family}, {style(rule.level, rule.level)}, since {rule.since}"
    preview = ", preview: its evidence is not in yet" if rule.preview else ""
    parts = [f"{head}{preview})", rule.doc]
    change = before_and_after(rule)
    if change:
        parts += ["The smallest program that has it, and its repair:", change]
    if rule.thresholds:
        shown = "".join(f"\n    {name} = {json.dumps(value)}" for name, value in rule.thresholds.items())
        parts.append(f"What can be set under `[tool.nnlint.thresholds.{rule.name}]`, with its default:\n{shown}")
    parts.append(f"Silence it with `# nnlint: ignore[{rule.name}] reason`.")
    return "\n\n".join(parts) + "\n"


def as_json(rules: Sequence[Rule]) -> str:
    """Return the rules as a JSON list."""
    entries = [
        {
            "name": rule.name,
            "family": rule.family,
            "level": rule.level,
            "since": rule.since,
            "preview": rule.preview,
            "fix": fixes(rule),
            "summary": rule.summary,
            "thresholds": rule.thresholds,
            "doc": rule.doc,
            "path": rule.path.as_posix(),
        }
        for rule in rules
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def before_and_after(rule: Rule) -> str:
    """Return the diff of the rule's pair; its bad program where there is no good one; "" where there is neither."""
    bad, good = (_program(rule, side) for side in ("bad", "good"))
    if not (bad and good):
        return "\n".join(f"    {line}".rstrip() for line in bad)
    rows = list(difflib.unified_diff(bad, good, "before", "after", n=3, lineterm=""))
    return "\n".join(f"    {row}".rstrip() for row in rows)


def fixes(rule: Rule) -> bool:
    """Return whether the rule comes with a fix: whether its file uses one of the verbs."""
    names = vars(inspect.getmodule(rule.check)).values()
    return any(getattr(value, "__module__", "") == Fix.__module__ for value in names)


def _program(rule: Rule, side: str) -> list[str]:
    path = rule.pair("bad" if side == "bad" else "good")
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if not re.match(r"\s*# (finding|fix): ", line)]

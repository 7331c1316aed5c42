"""What training with and without each fix has shown."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..report import Report, ReportedFinding
from ..trainer import Confirmation, Verdict
from .excerpt import one_line
from .style import Style
from .words import counted, place_of

_LOOK = {"helps": "added", "hurts": "removed"}


def as_text(result: Confirmation, findings: Mapping[str, ReportedFinding], style: Style) -> str:
    """Return each verdict with its figures, then what they rest on."""
    rows = []
    for verdict in result.verdicts:
        finding = findings.get(verdict.name)
        word = style(_LOOK.get(verdict.word, "bold"), verdict.word)
        rows.append(f"{word}: {verdict.name}" + (f" ({place_of(finding)})" if finding is not None else ""))
        if finding is not None:
            usable = next(fix for fix in finding.fixes if fix.edits and fix.safety != "display")
            rows.append(f"  fix: {usable.title}")
        rows += [f"  {line}" for line in _figures(verdict)]
    length = f"{result.epochs:g} {'epoch' if result.epochs == 1 else 'epochs'}"
    if 0 < result.epochs < result.planned_epochs:
        length += f" of the {result.planned_epochs:g} planned"
    rests = [result.data, f"trained for {length}" if result.epochs else "", f"{result.seconds:.0f} s"]
    rows.append(" · ".join(filter(None, rests)))
    if result.left_out:
        rows.append("all fixes, one left out at a time (hurts: it carries a part of the gain):")
    for verdict in result.left_out:
        rows += [f"  {style(_LOOK.get(verdict.word, 'bold'), verdict.word)}: {verdict.name}"]
        rows += [f"    {line}" for line in _figures(verdict)]
    rows += [f"note: {one_line(note)}" for note in result.notes]
    if result.interrupted:
        rows.append("note: interrupted: the verdicts rest on what was measured until then")
    return "\n".join(rows) + "\n"


def as_json(result: Confirmation, report: Report) -> str:
    """Return the report as JSON with the study as its `confirmation`."""
    data = report.model_dump(mode="json") | {"confirmation": result.model_dump(mode="json")}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _figures(verdict: Verdict) -> list[str]:
    rows = _measured(verdict)
    best = verdict.best_rate
    if best is not None:
        rows = ["at your rate:", *(f"  {row}" for row in rows)] if rows else []
        rates = " and ".join(f"{factor:.3g}" for factor in best.factors or ())
        rows += [f"each side at its best rate (yours x {rates}): {best.word}", *(f"  {row}" for row in _measured(best))]
    return rows


def _measured(verdict: Verdict) -> list[str]:
    rows = []
    metric = verdict.metric
    if metric is not None and verdict.seeds:
        share = metric.name == "accuracy"
        before, after = (_figure(value, share) for value in (verdict.before, verdict.after))
        line = f"{metric.name} {before} -> {after} on {metric.rows} untouched rows, {counted(verdict.seeds, 'seed')}"
        if verdict.interval is not None and not verdict.identical:
            low, high = verdict.interval
            better = f"{100 * low:+.1f} to {100 * high:+.1f} points" if share else f"{low:+.3g} to {high:+.3g}"
            line += f" (change for the better: {better}, 95 % interval)"
        rows.append(line)
    if verdict.reason:
        rows.append(one_line(verdict.reason))
    return rows


def _figure(value: float | None, share: bool) -> str:
    if value is None:
        return "failed"
    return f"{100 * value:.1f} %" if share else f"{value:.3g}"

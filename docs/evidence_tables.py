"""What the trainer measured of the rules, as tables: every effect with its interval, and what became of the level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nnlint.levels import PAIR, earn, evidence_of
from nnlint.rule import Rule

HEAD = "| task | rates | seeds | metric | before | after | change for the better | verdict |\n" + "|---" * 8 + "|"


def of_rule(rule: Rule) -> str:
    """The part of a rule's page about its evidence; nothing where nothing was measured."""
    found = evidence_of(rule)
    if found is None:
        return ""
    made = found["made"]
    lines = [
        "## Evidence",
        "",
        *_plainly(found),
        "",
        HEAD,
        *(row for task in found["tasks"] for row in _rows(task)),
        "",
    ]
    lines += [f"- {task['task']}: {task['about']} Repair: {task['fix']}." for task in _reference(found)]
    skipped: dict[str, list[str]] = {}
    for name, why in found.get("elsewhere", {}).items():
        skipped.setdefault(why, []).append(name)
    lines += [f"- Not on {', '.join(names)}: {why}." for why, names in skipped.items()]
    lines += ["", f"What follows for its level: {_level(rule, found)}."]
    lines += ["", f"Made with `{made['command']}`, torch {made['torch']}; the interval is one of 95 %."]
    return "\n".join(lines)


def of_all(rules: Sequence[Rule]) -> str:
    """One row for each rule that was measured: how often it helped with each side at its best rate, and its level."""
    lines = ["| rule | tasks | helps | hurts | no difference | undecided | pooled gain | level |", "|---" * 8 + "|"]
    for rule in rules:
        found = evidence_of(rule)
        if found is None:
            continue
        words = [_best(task)["verdict"] for task in _reference(found) if _best(task)]
        counts = " | ".join(str(words.count(w)) for w in ("helps", "hurts", "no difference", "undecided"))
        earned = earn(rule.level, found, matches=found["pair"] == rule.pair_digest)
        gain = (
            "-"
            if earned.gain is None
            else f"{earned.gain.mean:+.1f} ({earned.gain.low:+.1f} to {earned.gain.high:+.1f})"
        )
        level = f"{earned.level}{', preview' if earned.preview else ''}"
        lines.append(
            f"| [{rule.name}](rules/{rule.name}.md) | {len(_reference(found))} | {counts} | {gain} | {level} |"
        )
    return "\n".join(lines) if len(lines) > 2 else "No rule was measured yet."


def _plainly(found: dict[str, Any]) -> Iterator[str]:
    """Say where the advice did not hold up."""
    for word, sentence in (
        ("hurts", "**The advice did harm** on {}, with each side at its best rate."),
        ("no difference", "**The advice made no difference** on {}, with each side at its best rate."),
    ):
        where = [t["task"] for t in found["tasks"] if _best(t) and _best(t)["verdict"] == word]
        if where:
            yield sentence.format(", ".join(where))
            yield ""
    broken = [t["task"] for t in found["tasks"] if t.get("crashed")]
    if broken:
        yield f"**The repaired program did not run** on {', '.join(broken)}."


def _level(rule: Rule, found: dict[str, Any]) -> str:
    earned = earn(rule.level, found, matches=found["pair"] == rule.pair_digest)
    return f"{earned.level}{' (preview)' if earned.preview else ''}, {earned.why}"


def _reference(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [task for task in found["tasks"] if task["task"] != PAIR]


def _best(task: dict[str, Any]) -> dict[str, Any]:
    """The comparison that counts: at each side's best rate, else at the program's own."""
    return task.get("best_rate") or task.get("your_rate") or {}


def _rows(task: dict[str, Any]) -> Iterator[str]:
    if "your_rate" not in task:
        yield f"| {task['task']} | - | - | - | - | - | - | {task['verdict']}: {task['reason']} |"
        return
    for rates, measured in (("its own", task["your_rate"]), ("each side's best", task["best_rate"])):
        if measured is not None:
            yield f"| {task['task']} | {rates} | {_figures(task['metric'], measured)} |"


def _figures(metric: str, measured: dict[str, Any]) -> str:
    """Seeds, metric, before, after, change and verdict of one comparison as cells of a table."""

    def shown(value: float | None) -> str:
        return "failed" if value is None else f"{100 * value:.1f} %" if metric == "accuracy" else f"{value:.3g}"

    interval = measured["interval"]
    change = "-"
    if interval is not None:
        points = metric == "accuracy"
        change = " to ".join(f"{100 * edge:+.1f}" if points else f"{edge:+.3g}" for edge in interval)
        change += " points" if points else ""
    before, after = shown(measured["before"]), shown(measured["after"])
    return f"{measured['seeds']} | {metric} | {before} | {after} | {change} | {measured['verdict']}"

"""SARIF 2.1.0, with what GitHub's code scanning reads of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ..report import Place, Report, ReportedFinding, ReportedFix, Trouble, lines
from ..rule import Rule
from .words import paths_of

_LEVEL = {"error": "error", "warning": "warning", "advice": "note", "experiment": "none"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report, rules: Iterable[Rule], version: str) -> str:
    """Return the report as one SARIF run: every level, advice as `note`, safe and unsafe fixes as replacements."""
    fired = {finding.rule for finding in report.findings}
    described = [rule for rule in rules if rule.name in fired]
    index = {rule.name: i for i, rule in enumerate(described)}
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": {"name": "nnlint", "version": version, "rules": [_rule(rule) for rule in described]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The folder in which nnlint was started."}}},
        "results": [_result(f, index, report.sources, seen) for f in report.findings],
        "invocations": [
            {
                "executionSuccessful": not any(trouble.fatal for trouble in report.errors),
                "toolExecutionNotifications": [_notification(trouble) for trouble in report.errors],
            }
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.doc, "markdown": rule.doc},
        "defaultConfiguration": {"level": _LEVEL[rule.level]},
        "properties": {"tags": [rule.family]},
    }


def _result(
    finding: ReportedFinding, index: Mapping[str, int], sources: Mapping[str, str], seen: Counter[str]
) -> dict[str, Any]:
    words = [finding.message, f"Why: {finding.why}." if finding.why else "", finding.help]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": _LEVEL[finding.level],
        "message": {"text": "\n".join(filter(None, words))},
        "locations": [_location(finding)] if finding.path is not None else [],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding, sources, seen)},
    }
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    related = [
        {"id": i, **_location(place), "message": {"text": place.message}}
        for i, place in enumerate(finding.related)
        if place.path is not None
    ]
    if related:
        result["relatedLocations"] = related
    fixes = [_fix(fix) for fix in finding.fixes if fix.edits and not any(edit.cell for edit in fix.edits)]
    if fixes:
        result["fixes"] = fixes
    return result


def _location(place: Place) -> dict[str, Any]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    known = {key: value for key, value in region.items() if value is not None}
    where: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(place.path or ""), **({"region": known} if known else {})}
    }
    if place.cell is not None:  # lines are those of the cell: SARIF knows no notebooks
        where["logicalLocations"] = [{"name": f"cell {place.cell}", "kind": "module"}]
    return where


def _artifact(path: str) -> dict[str, str]:
    if path.startswith("/"):
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}


def _fix(fix: ReportedFix) -> dict[str, Any]:
    files = [
        {
            "artifactLocation": _artifact(path),
            "replacements": [
                {
                    "deletedRegion": {
                        "startLine": edit.line,
                        "startColumn": edit.column,
                        "endLine": edit.end_line,
                        "endColumn": edit.end_column,
                    },
                    "insertedContent": {"text": edit.text},
                }
                for edit in fix.edits
                if edit.path == path
            ],
        }
        for path in paths_of(fix.edits)
    ]
    return {"description": {"text": f"{fix.title} ({fix.safety})"}, "artifactChanges": files}


def _notification(trouble: Trouble) -> dict[str, Any]:
    result: dict[str, Any] = {
        "level": "error" if trouble.fatal else "warning",
        "descriptor": {"id": trouble.kind},
        "message": {"text": trouble.message},
    }
    if trouble.path is not None:
        result["locations"] = [_location(Place(path=trouble.path, cell=trouble.cell, line=trouble.line))]
    return result


def _fingerprint(finding: ReportedFinding, sources: Mapping[str, str], seen: Counter[str]) -> str:
    """Return an identity that outlives a shift of lines: the rule and the line's text, counted where it repeats."""
    text = lines(sources.get(finding.source or "", ""))
    line = text[finding.line - 1].strip() if finding.line and finding.line <= len(text) else finding.message
    digest = hashlib.sha256(f"{finding.rule}\0{finding.path}\0{line}".encode()).hexdigest()[:16]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"

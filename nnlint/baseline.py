"""Findings of long standing: written down once, then passed over until their line changes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from .report import Report, ReportedFinding, Suppressed
from .settings import ConfigurationError

VERSION = 1

Known = Counter[tuple[str, str, str]]
"""How often a rule speaks of a line of code: by rule, path and the line itself, so that moving it changes nothing."""


def read(path: Path) -> Known:
    """Return what a baseline holds. Raises ConfigurationError where it is missing or not a baseline."""
    try:
        data = json.loads(path.read_text("utf-8"))
        rows = data["findings"]
        if data["version"] != VERSION:
            raise ConfigurationError(
                f"the baseline has version {data['version']!r}, this nnlint knows {VERSION}",
                path=str(path),
                help="write it again with --write-baseline",
            )
        return Counter({(row["rule"], row["path"], row["code"]): int(row["count"]) for row in rows})
    except FileNotFoundError as error:
        raise ConfigurationError(
            "there is no such baseline", path=str(path), help="write it with --write-baseline"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"the baseline cannot be read: {error.strerror or error}", path=str(path)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            "this is not a baseline of nnlint", path=str(path), help="write it again with --write-baseline"
        ) from error


def without(report: Report, known: Known, folder: Path) -> Report:
    """Return the report without the findings that a baseline in `folder` holds; they count as suppressed."""
    left = known.copy()
    findings, quiet = [], []
    for finding in report.findings:
        key = _key(finding, report, folder)
        if left[key] > 0:
            left[key] -= 1
            quiet.append(Suppressed(rule=finding.rule, path=finding.path, line=finding.line, by="baseline"))
        else:
            findings.append(finding)
    return report.model_copy(update={"findings": tuple(findings), "suppressed": (*report.suppressed, *quiet)})


def written(report: Report, folder: Path) -> str:
    """Return a baseline of all findings of the report, of every level."""
    counts = Counter(_key(finding, report, folder) for finding in report.findings)
    rows: list[dict[str, Any]] = [
        {"rule": rule, "path": path, "code": code, "count": count}
        for (rule, path, code), count in sorted(counts.items())
    ]
    return json.dumps({"version": VERSION, "findings": rows}, indent=1, ensure_ascii=False) + "\n"


def _key(finding: ReportedFinding, report: Report, folder: Path) -> tuple[str, str, str]:
    if finding.path is None:
        return finding.rule, "", finding.subject
    rows = report.sources.get(finding.source or finding.path, "").splitlines()
    code = rows[finding.line - 1].strip() if finding.line and finding.line <= len(rows) else finding.message
    try:
        path = Path(finding.path).absolute().relative_to(folder.absolute()).as_posix()
    except ValueError:
        path = finding.path
    return finding.rule, path, code

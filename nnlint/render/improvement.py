"""What became of a configuration's changes: each with its evidence, then the whole."""

from __future__ import annotations

import json

from ..improving import Improvement
from ..report import Report
from .style import Style
from .verdicts import as_text as verdicts


def as_text(done: Improvement, style: Style) -> str:
    """Return the verdict on every change, what was kept and why, and the verdict on the whole."""
    if not done.tried.verdicts:
        return "nothing to try: no finding shown has a change that takes it away\n"
    rows = [verdicts(done.tried, {}, style).rstrip("\n"), ""]
    for one in done.kept:
        mark = style("bold", "kept" if one.kept else "left out")
        rows.append(f"{mark}: {one.change} ({one.name}): {one.why}")
    if done.confirmed is not None:
        rows += ["", verdicts(done.confirmed, {}, style).rstrip("\n")]
    if done.text is None:
        rows.append("the configuration stays as it is")
    return "\n".join(rows) + "\n"


def as_json(done: Improvement, report: Report) -> str:
    """Return the report as JSON with what was tried as its `improvement`."""
    data = report.model_dump(mode="json") | {"improvement": done.model_dump(mode="json")}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

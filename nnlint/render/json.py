"""The versioned JSON contract (docs/schema/report.schema.json)."""

from __future__ import annotations

from ..report import Report


def render(report: Report) -> str:
    """Return the report as JSON, every level in it."""
    return report.model_dump_json(indent=2) + "\n"

"""The settings in force, and where each was made."""

from __future__ import annotations

import json
from typing import Any

from ..settings import Settings


def table(settings: Settings) -> str:
    """Return one line for each setting."""
    rows = [(name, json.dumps(value, ensure_ascii=False), _origin(settings, name)) for name, value in _values(settings)]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "".join(f"{name:<{widths[0]}} = {value:<{min(widths[1], 40)}}  # {origin}\n" for name, value, origin in rows)


def as_json(settings: Settings) -> str:
    """Return each setting's value and origin."""
    entries = {name: {"value": value, "origin": _origin(settings, name)} for name, value in _values(settings)}
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _values(settings: Settings) -> list[tuple[str, Any]]:
    data = settings.model_dump(mode="json", exclude={"origin"})
    return [(name.replace("_", "-"), value) for name, value in data.items()]


def _origin(settings: Settings, name: str) -> str:
    origin = settings.origin.get(name.replace("-", "_"))
    return str(origin) if origin is not None else "default"

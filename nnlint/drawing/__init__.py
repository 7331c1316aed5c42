"""Pictures of a model's graph: collapsed by module, repeated blocks drawn once, findings marked where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from ..facts import Graph, Model
from .scene import Mark, Scene, scene

__all__ = ["SUFFIXES", "Mark", "Scene", "draw", "scene"]

SUFFIXES = (".svg", ".mmd", ".dot", ".json")
"""What a picture can be written as, by the file's suffix."""


def draw(model: Model, graph: Graph, suffix: str, marks: Sequence[Mark], depth: int | None, title: str) -> str:
    """Return the picture as text. `depth` is how many levels of modules are opened, None for what stays readable."""
    drawn = scene(model, graph, marks, depth, title)
    if suffix == ".svg":
        from .svg import as_svg

        return as_svg(drawn)
    from .text import as_dot, as_json, as_mermaid

    return {".mmd": as_mermaid, ".dot": as_dot, ".json": as_json}[suffix](drawn)


def suffix_of(path: str) -> str | None:
    """Return the suffix by which a picture would be written; None where it is none of ours."""
    suffix = PurePath(path).suffix.lower()
    return suffix if suffix in SUFFIXES else None

"""A scene as Mermaid, DOT or JSON."""

from __future__ import annotations

import json
import re

from .scene import Box, Scene


def as_mermaid(scene: Scene) -> str:
    """Return the scene as a Mermaid flowchart."""
    lines = ["flowchart TD"]
    for box in scene.boxes:
        words = "<br/>".join(re.sub(r"[^\w ./:,()+×…-]", " ", word) for word in label(box))
        lines.append(f'  n{box.id}["{words}"]' + (f":::{_level(box)}" if box.marks else ""))
    for arrow in scene.arrows:
        line = "==>" if arrow.shortcut else "-->"
        shape = f"|{arrow.shape}|" if arrow.shape else ""
        lines.append(f"  n{arrow.source} {line}{shape} n{arrow.target}")
    lines += [
        f"  classDef {level} stroke:{colour},stroke-width:3px"
        for level, colour in (("error", "#cf222e"), ("warning", "#bf8700"), ("advice", "#0969da"))
        if any(_level(box) == level for box in scene.boxes if box.marks)
    ]
    return "\n".join(lines) + "\n"


def as_dot(scene: Scene) -> str:
    """Return the scene in Graphviz's language."""
    lines = [
        "digraph {",
        f"  label={json.dumps(scene.title)}",
        '  node [shape=box style=rounded fontname="sans-serif"]',
    ]
    colours = {"error": "red", "warning": "orange", "advice": "blue"}
    for box in scene.boxes:
        colour = f' color="{colours[_level(box)]}" penwidth=2' if box.marks else ""
        lines.append(f"  n{box.id} [label={json.dumps(chr(10).join(label(box)), ensure_ascii=False)}{colour}]")
    for arrow in scene.arrows:
        look = " color=purple penwidth=2" if arrow.shortcut else ""
        lines.append(f"  n{arrow.source} -> n{arrow.target} [label={json.dumps(arrow.shape)}{look}]")
    return "\n".join([*lines, "}", ""])


def as_json(scene: Scene) -> str:
    """Return boxes, arrows and findings as JSON."""
    boxes = [
        {"id": box.id, "path": box.path, "module": box.group, "kind": box.kind, "then": box.detail,
         "nodes": [node.id for node in box.nodes], "parameters": box.parameters, "repeats": box.repeats,
         "last": box.last or None, "findings": [mark.__dict__ for mark in box.marks]}
        for box in scene.boxes
    ]  # fmt: skip
    document = {
        "version": 1,
        "title": scene.title,
        "boxes": boxes,
        "arrows": [arrow.__dict__ for arrow in scene.arrows],
        "groups": [group.__dict__ for group in scene.groups],
        "findings": [mark.__dict__ for mark in scene.elsewhere],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def label(box: Box) -> list[str]:
    """Return the lines of text in a box."""
    name = f"{box.path}: {box.kind}" if box.path else box.kind
    repeats = f" ×{box.repeats}" if box.repeats > 1 else ""
    return [name + repeats, *([", ".join(box.detail)] if box.detail else []), *(mark.rule for mark in box.marks)]


def _level(box: Box) -> str:
    return min((mark.level for mark in box.marks), key=("error", "warning", "advice", "experiment").index)

"""A scene as SVG: legible in light and dark, no script, no font or file from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from .layout import Placed, place
from .scene import Arrow, Box, Group, Scene

LINE = 15.0
PAD = 9.0
BETWEEN = 34.0
MARGIN = 24.0
TITLE = 40.0
HEAD = 22.0
"""Room above a frame's first box, for its title."""
FOOT = 10.0

STYLE = """
svg{--paper:#fff;--ink:#1f2328;--soft:#59636e;--box:#f6f8fa;--edge:#b6bec8;--frame:#d1d9e0;--inside:#8250df0d;
--way:#8c959f;--skip:#8250df;--module:#eef4ff;--error:#cf222e;--warning:#9a6700;--advice:#0969da;--end:#dafbe1;
font:12px ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif}
@media (prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--box:#161b22;--edge:#4a525c;
--frame:#30363d;--inside:#ab7df814;--way:#768390;--skip:#ab7df8;--module:#132339;--error:#ff7b72;--warning:#d29922;
--advice:#58a6ff;--end:#12261e}}
.paper{fill:var(--paper)}text{fill:var(--ink)}.soft{fill:var(--soft);font-size:11px}.name{font-weight:600}
.title{font-size:15px;font-weight:600}.box{fill:var(--box);stroke:var(--edge)}.module{fill:var(--module)}
.input,.output{fill:var(--end)}.frame{fill:var(--inside);stroke:var(--frame)}.behind{fill:none;stroke:var(--frame)}.stack{fill:var(--module);stroke:var(--edge)}
.way{fill:none;stroke:var(--way);stroke-width:1.3}.skip{fill:none;stroke:var(--skip);stroke-width:1.8}
.tip{fill:var(--way)}.skiptip{fill:var(--skip)}.shape{fill:var(--soft);font-size:10px;paint-order:stroke;
stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.error{stroke:var(--error);stroke-width:2.2}.warning{stroke:var(--warning);stroke-width:2.2}
.advice{stroke:var(--advice);stroke-width:2.2}text.error,text.warning,text.advice{stroke:none;font-weight:600}
text.error{fill:var(--error)}text.warning{fill:var(--warning)}text.advice{fill:var(--advice)}
"""


@dataclass
class _Shape:
    """A box with its lines of text and its place on the paper."""

    box: Box
    lines: list[tuple[str, str]]
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass
class _Paper:
    parts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.parts.append(text)


def as_svg(scene: Scene) -> str:
    """Return the picture of a scene."""
    ends = {arrow.source for arrow in scene.arrows}
    around = {group.path for group in scene.groups}
    shapes = {box.id: _shape(box, box.id not in ends, around) for box in scene.boxes}
    placed = place({i: s.width for i, s in shapes.items()}, [(a.source, a.target) for a in scene.arrows])
    frames = _frames(scene, shapes, placed)
    tops, heights = _layers(shapes, placed, frames)
    left = MARGIN + max((_nesting(frames, f) * 12.0 for f in frames), default=0.0)
    for i, shape in shapes.items():
        level = placed.layer_of[i]
        shape.x = left + placed.centres[i] - shape.width / 2
        shape.y = tops[level] + (heights[level] - shape.height) / 2
    paper = _Paper()
    right = 0.0
    for group in frames:
        right = max(right, _frame(paper, group, frames, shapes, placed, tops, heights))
    for arrow, way in zip(scene.arrows, placed.ways, strict=True):
        _arrow(paper, arrow, [(left + x, level) for x, level in way], shapes, tops, heights)
    _labels(paper, scene.arrows, placed, shapes, left)
    for shape in shapes.values():
        _box(paper, shape)
    bottom = max((s.y + s.height for s in shapes.values()), default=TITLE) + MARGIN
    bottom = _notes(paper, scene, bottom)
    widest = max([right, left + placed.width, MARGIN + _text(scene.title) * 1.45, *_note_widths(scene)]) + MARGIN
    return _page(scene.title, paper, widest, bottom)


def _shape(box: Box, end: bool, around: set[str]) -> _Shape:
    if end and box.role == "call":
        box.role = "output"
    above = box.path
    while above and (above == box.path or above not in around):
        above = above.rpartition(".")[0]
    own = box.path[len(above) + 1 :] if above else box.path
    name = f"{own}\t" if own else ""
    repeats = f" ×{box.repeats}" if box.repeats > 1 else ""
    if box.repeats > 1:
        name = f"{own} … {box.last.rpartition('.')[2]}\t"
    lines = [("name", name + (box.kind or box.path) + repeats)]
    size = _short(box.parameters)
    details = [", ".join(_runs(box.detail))] * bool(box.detail) + [f"{size} parameters"] * bool(box.parameters)
    if details:
        lines.append(("soft", " · ".join(details)))
    lines += [(mark.level, mark.rule) for mark in box.marks]
    looks = {"soft": 0.94, "name": 1.16}
    stretch = [looks.get(look, 1.32) if look == "soft" or "\t" in text else 1.32 for look, text in lines]
    width = max(_text(text) * more for (_, text), more in zip(lines, stretch, strict=True)) + 2 * PAD
    return _Shape(box, lines, max(width, 54.0), len(lines) * LINE + PAD)


def _runs(words: list[str]) -> list[str]:
    """Return the words with those that follow each other counted."""
    found: list[tuple[str, int]] = []
    for word in words:
        if found and found[-1][0] == word:
            found[-1] = (word, found[-1][1] + 1)
        else:
            found.append((word, 1))
    return [word if count == 1 else f"{word} ×{count}" for word, count in found]


def _text(text: str) -> float:
    """Return about how wide a text is at 12 pixels."""
    return sum(
        3.4 if c in "ijlt.,:;'|! ()[]/\t" else 9.4 if c in "mwMW@" else 7.6 if c.isupper() else 6.5 for c in text
    )


def _layers(shapes: dict[int, _Shape], placed: Placed, frames: list[Group]) -> tuple[list[float], list[float]]:
    """Return the top and the height of each layer; where frames begin and end there is room for them."""
    count = max(placed.layer_of.values(), default=0) + 1
    heights, opening, closing = [24.0] * count, [0] * count, [0] * count
    for i, shape in shapes.items():
        heights[placed.layer_of[i]] = max(heights[placed.layer_of[i]], shape.height)
    for group in frames:
        first, last = _extent(group, shapes, placed)
        opening[first] += 1
        closing[last] += 1
    tops, y = [], TITLE + MARGIN
    for height, opened, closed in zip(heights, opening, closing, strict=True):
        y += opened * HEAD
        tops.append(y)
        y += height + BETWEEN + closed * FOOT
    return tops, heights


def _extent(group: Group, shapes: dict[int, _Shape], placed: Placed) -> tuple[int, int]:
    """Return the first and the last layer that a frame reaches over."""
    levels = [placed.layer_of[i] for i, shape in shapes.items() if _in(shape.box, group)]
    return min(levels), max(levels)


def _in(box: Box, group: Group) -> bool:
    return box.group == group.path or box.group.startswith(group.path + ".")


def _frames(scene: Scene, shapes: dict[int, _Shape], placed: Placed) -> list[Group]:
    """Return the groups around which a frame holds no other box, the outer ones first."""
    kept = []
    for group in sorted(scene.groups, key=lambda g: g.path.count(".")):
        inside = {i for i, s in shapes.items() if _in(s.box, group)}
        levels = [placed.layer_of[i] for i in inside]
        low = min(placed.centres[i] - shapes[i].width / 2 for i in inside)
        high = max(placed.centres[i] + shapes[i].width / 2 for i in inside)
        others = (
            i for i in shapes.keys() - inside
            if min(levels) <= placed.layer_of[i] <= max(levels)
            and placed.centres[i] + shapes[i].width / 2 > low and placed.centres[i] - shapes[i].width / 2 < high
        )  # fmt: skip
        if next(others, None) is None:
            kept.append(group)
    return kept


def _nesting(frames: list[Group], group: Group) -> int:
    """Return how many frames stand one inside the other from this one on."""
    return 1 + max((_nesting(frames, f) for f in frames if f.path.startswith(group.path + ".")), default=0)


def _frame(
    paper: _Paper, group: Group, frames: list[Group], shapes: dict[int, _Shape], placed: Placed, tops: list[float],
    heights: list[float],
) -> float:  # fmt: skip
    """Draw a frame; returns how far to the right it reaches."""
    inside = [s for s in shapes.values() if _in(s.box, group)]
    first, last = _extent(group, shapes, placed)
    below = [f for f in frames if f is group or f.path.startswith(group.path + ".")]
    opened = sum(_extent(f, shapes, placed)[0] == first for f in below)
    closed = sum(_extent(f, shapes, placed)[1] == last for f in below)
    rim = 12.0 * _nesting(frames, group)
    x, y = min(s.x for s in inside) - rim, tops[first] - HEAD * opened - 2
    label = f"{group.path} {group.kind}" if group.repeats == 1 else ""
    if group.repeats > 1:
        label = f"{group.path} … {group.last.rpartition('.')[2]} {group.kind} ×{group.repeats}"
    right = max(max(s.x + s.width for s in inside) + rim, x + _text(label) + 16)
    wide, high = right - x, tops[last] + heights[last] + FOOT * closed - y
    for shift in (8, 4, 0) if group.repeats > 1 else (0,):
        paper.add(f'<rect class="{"behind" if shift else "frame"}" x="{x + shift:.0f}" y="{y + shift:.0f}" '
                  f'width="{wide:.0f}" height="{high:.0f}" rx="8"/>')  # fmt: skip
    paper.add(f'<text class="soft" x="{x + 8:.0f}" y="{y + 14:.0f}">{escape(label)}</text>')
    return right + (8 if group.repeats > 1 else 0)


def _arrow(
    paper: _Paper, arrow: Arrow, way: list[tuple[float, int]], shapes: dict[int, _Shape], tops: list[float],
    heights: list[float],
) -> None:  # fmt: skip
    source, target = shapes[arrow.source], shapes[arrow.target]
    look = "skip" if arrow.shortcut else "way"
    if way[0][1] > way[-1][1]:  # a value that comes back
        x, y = source.x + source.width, source.y + source.height / 2
        a, b = target.x + target.width, target.y + target.height / 2
        far = max(x, a) + 26
        path = f"M{x:.1f} {y:.1f}C{far:.1f} {y:.1f} {far:.1f} {b:.1f} {a + 6:.1f} {b:.1f}"
        paper.add(f'<path class="skip" d="{path}"/><path class="skiptip" d="M{a:.1f} {b:.1f}l7 -3.5v7z"/>')
        return
    x, y = _leave(source, way), source.y + source.height
    path = f"M{x:.1f} {y:.1f}"
    for a, level in way[1:-1]:
        top = tops[level] - 4
        path += f"C{x:.1f} {(y + top) / 2:.1f} {a:.1f} {(y + top) / 2:.1f} {a:.1f} {top:.1f}"
        y = tops[level] + heights[level] + 4
        path += f"V{y:.1f}"
        x = a
    a, b = _reach(target, way), target.y - 6
    path += f"C{x:.1f} {(y + b) / 2:.1f} {a:.1f} {(y + b) / 2:.1f} {a:.1f} {b:.1f}"
    tip = "skiptip" if arrow.shortcut else "tip"
    paper.add(f'<path class="{look}" d="{path}"/><path class="{tip}" d="M{a:.1f} {b + 6:.1f}l-3.5 -7h7z"/>')


def _leave(shape: _Shape, way: list[tuple[float, int]]) -> float:
    return _side(shape, way[1][0])


def _reach(shape: _Shape, way: list[tuple[float, int]]) -> float:
    return _side(shape, way[-2][0])


def _side(shape: _Shape, toward: float) -> float:
    """Return where on a box's edge an arrow ends: at the middle, or nearer to where it comes from."""
    middle, room = shape.x + shape.width / 2, shape.width / 2 - 10
    return middle + max(-room, min(room, (toward - middle) * 0.5))


def _labels(paper: _Paper, arrows: list[Arrow], placed: Placed, shapes: dict[int, _Shape], left: float) -> None:
    """Write each shape once where it leaves its box."""
    told: set[tuple[int, str]] = set()
    ways = sorted(zip(arrows, placed.ways, strict=True), key=lambda pair: len(pair[1]))
    for arrow, way in ways:
        if not arrow.shape or (arrow.source, arrow.shape) in told or way[0][1] > way[-1][1]:
            continue
        told.add((arrow.source, arrow.shape))
        source = shapes[arrow.source]
        x = _leave(source, [(left + a, level) for a, level in way]) + 6
        count = sum(1 for s, _ in told if s == arrow.source)
        y = source.y + source.height + 12 + 11 * (count - 1)
        paper.add(f'<text class="shape" x="{x:.1f}" y="{y:.1f}">{escape(arrow.shape)}</text>')


def _box(paper: _Paper, shape: _Shape) -> None:
    box = shape.box
    level = next((level for level in ("error", "warning", "advice") if any(m.level == level for m in box.marks)), "")
    place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" rx="6"'
    said = "\n".join([box.path or box.kind, *(f"{m.level}: {m.rule}: {m.message}" for m in box.marks)])
    paper.add(f"<g><title>{escape(said)}</title>")
    if box.repeats > 1:
        for shift in (6, 3):
            moved = f'x="{shape.x + shift:.1f}" y="{shape.y + shift:.1f}"'
            rest = f'width="{shape.width:.1f}" height="{shape.height:.1f}"'
            paper.add(f'<rect class="stack" {moved} {rest} rx="6"/>')
    paper.add(f'<rect class="box {box.role} {level}" {place}/>')
    for i, (look, text) in enumerate(shape.lines):
        middle, y = shape.x + shape.width / 2, shape.y + PAD / 2 + LINE * i + 11
        first, tab, rest = escape(text).partition("\t")
        words = f'<tspan class="name">{first}</tspan> {rest}' if tab else first
        kind = look if not tab else "row"
        paper.add(f'<text class="{kind}" x="{middle:.1f}" y="{y:.1f}" text-anchor="middle">{words}</text>')
    paper.add("</g>")


def _notes(paper: _Paper, scene: Scene, bottom: float) -> float:
    """Write the findings that are at no call under the picture."""
    for mark in scene.elsewhere:
        said = escape(_note(mark.rule, mark.message))
        paper.add(f'<text class="{mark.level}" x="{MARGIN}" y="{bottom + 6:.0f}">{said}</text>')
        bottom += 18
    return bottom


def _note(rule: str, message: str) -> str:
    return f"{rule}: {message}" if len(message) < 90 else f"{rule}: {message[:88]}…"


def _note_widths(scene: Scene) -> list[float]:
    return [MARGIN + _text(_note(mark.rule, mark.message)) * 1.25 for mark in scene.elsewhere]


def _short(count: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return str(count)


def _page(title: str, paper: _Paper, width: float, height: float) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title, quote=True)}">'
    )
    sheet = '<rect class="paper" width="100%" height="100%"/>'
    above = f'<text class="title" x="{MARGIN}" y="30">{escape(title)}</text>'
    return "\n".join([head, f"<style>{STYLE}</style>", sheet, above, *paper.parts, "</svg>", ""])

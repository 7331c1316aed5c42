"""Places for boxes in layers, top to bottom: every arrow goes down, long ones keep to lanes of their own.

Layers by the longest way from the top; order in a layer by the mean place of the neighbours; places in a layer are the
nearest to what the neighbours want that keep boxes apart (least squares: those in each other's way move together).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LANE = 18.0
"""Width of a long arrow's lane."""
GAP = 28.0
SWEEPS = 80

Key = tuple[int, int]
"""A box is (its id, -1); a long arrow's place in a layer is (its number, the layer)."""


@dataclass
class Placed:
    """Centres of boxes by id, the points of every arrow, the layers' tops and heights, the width of all."""

    centres: dict[int, float]
    layer_of: dict[int, int]
    ways: list[list[tuple[float, int]]]
    width: float


def place(widths: Mapping[int, float], arrows: Sequence[tuple[int, int]]) -> Placed:
    """Return where to put boxes of these widths (in drawing order). Arrows against the order are drawn upwards."""
    order = {box: i for i, box in enumerate(widths)}
    downward = [(a, b) if order[a] < order[b] else (b, a) for a, b in arrows]
    layer_of = _layers(list(widths), downward)
    rows, chains = _rows(widths, layer_of, downward)
    near = _neighbours(chains)
    _order(rows, near)
    centres = _centres(rows, near, widths)
    left = min((centres[k] - _wide(k, widths) / 2 for k in centres), default=0.0)
    right = max((centres[k] + _wide(k, widths) / 2 for k in centres), default=0.0)
    ways = []
    for (a, b), chain in zip(arrows, chains, strict=True):
        points = [(centres[k] - left, layer_of[k[0]] if k[1] < 0 else k[1]) for k in chain]
        ways.append(points if order[a] < order[b] else points[::-1])
    placed = {k[0]: centres[k] - left for k in centres if k[1] < 0}
    return Placed(placed, layer_of, ways, right - left)


def _layers(boxes: list[int], arrows: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return the layer of each box; one that nothing feeds stands just above the first that it feeds."""
    layer = dict.fromkeys(boxes, 0)
    into: dict[int, list[int]] = {}
    out: dict[int, list[int]] = {}
    for a, b in arrows:
        into.setdefault(b, []).append(a)
        out.setdefault(a, []).append(b)
    for box in boxes:
        layer[box] = max((layer[a] + 1 for a in into.get(box, ())), default=0)
    for box in reversed(boxes):
        if box not in into and box in out:
            layer[box] = max(0, min(layer[b] for b in out[box]) - 1)
    return layer


def _rows(
    widths: Mapping[int, float], layer_of: Mapping[int, int], arrows: Sequence[tuple[int, int]]
) -> tuple[list[list[Key]], list[list[Key]]]:
    rows: list[list[Key]] = [[] for _ in range(max(layer_of.values(), default=0) + 1)]
    for box in widths:
        rows[layer_of[box]].append((box, -1))
    chains = []
    for number, (a, b) in enumerate(arrows):
        between = [(-1 - number, level) for level in range(layer_of[a] + 1, layer_of[b])]
        for key in between:
            rows[key[1]].append(key)
        chains.append([(a, -1), *between, (b, -1)])
    return rows, chains


def _neighbours(chains: Sequence[Sequence[Key]]) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
    above: dict[Key, list[Key]] = {}
    below: dict[Key, list[Key]] = {}
    for chain in chains:
        for one, other in itertools.pairwise(chain):
            below.setdefault(one, []).append(other)
            above.setdefault(other, []).append(one)
    return above, below


def _order(rows: list[list[Key]], near: tuple[dict[Key, list[Key]], dict[Key, list[Key]]]) -> None:
    """Sort each layer by the mean place of its neighbours, down and up; lanes prefer the right side."""
    for row in rows:
        row.sort(key=lambda key: key[1] >= 0)
    for sweep in range(8):
        down = sweep % 2 == 0
        links = near[0] if down else near[1]
        place = {key: i for row in rows for i, key in enumerate(row)}
        for row in rows if down else reversed(rows):
            wanted = {
                key: sum(place[n] for n in links[key]) / len(links[key]) if links.get(key) else place[key]
                for key in row
            }
            row.sort(key=lambda key: (wanted[key], key[1] >= 0))
            place.update({key: i for i, key in enumerate(row)})


def _centres(
    rows: list[list[Key]], near: tuple[dict[Key, list[Key]], dict[Key, list[Key]]], widths: Mapping[int, float]
) -> dict[Key, float]:
    at: dict[Key, float] = {}
    for row in rows:
        x = 0.0
        for key in row:
            at[key] = x + _wide(key, widths) / 2
            x += _wide(key, widths) + GAP
        middle = (x - GAP) / 2
        for key in row:
            at[key] -= middle
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted, weights = [], []
            for key in row:
                pull = [(at[n], _strength(key, n)) for side in near for n in side.get(key, ())]
                total = sum(w for _, w in pull)
                wanted.append(sum(x * w for x, w in pull) / total if total else at[key])
                weights.append(max(total, 0.1))
            at.update(zip(row, _apart(row, wanted, weights, widths), strict=True))
    return at


def _strength(one: Key, other: Key) -> float:
    """Return how much two neighbours want to stand in line: lanes are straight, and so is the main way."""
    lanes = (one[1] >= 0) + (other[1] >= 0)
    return (4.0, 0.5, 8.0)[lanes]


def _apart(row: list[Key], wanted: list[float], weights: list[float], widths: Mapping[int, float]) -> list[float]:
    """Return the places nearest to the wanted ones that keep the order and the distances."""
    offsets, x = [], 0.0
    for i, key in enumerate(row):
        if i:
            x += (_wide(row[i - 1], widths) + _wide(key, widths)) / 2 + _gap(row[i - 1], key)
        offsets.append(x)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, more, number = pools.pop()
            mean = (mean * total + before * more) / (total + more)
            total, count = total + more, count + number
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]


def _gap(one: Key, other: Key) -> float:
    return GAP / 2 if one[1] >= 0 or other[1] >= 0 else GAP


def _wide(key: Key, widths: Mapping[int, float]) -> float:
    return LANE if key[1] >= 0 else widths[key[0]]

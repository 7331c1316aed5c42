"""The tables and the plot of the page on tracing, from what the benchmarks of tracing and initializations kept."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "bench" / "results"


def tables() -> dict[str, str]:
    """Return the text for each placeholder of the page."""
    traced, known = _read("tracing"), _read("initializations")
    return {
        "tracing-versions": f"torch {traced['torch']}, torchlens {traced['torchlens']}, "
        f"transformers {traced['transformers']}",
        "tracing-cost": _cost(traced["forward"]),
        "tracing-first": _first(traced["first"], traced["memory"]),
        "tracing-probe": _probe(traced["probe"]),
        "tracing-large": _large(traced["large"]),
        "initializations": _confusion(known),
        "initializations-summary": _summary(known),
    }


def plot() -> str:
    """Return the time of a trace over the number of operations, as SVG."""
    from matplotlib.figure import Figure

    rows = _read("tracing")["long"]
    counts, seconds = [row["operations"] for row in rows], [row["seconds"] for row in rows]
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    each = seconds[-1] / counts[-1]
    axes.loglog(counts, [each * n for n in counts], color="0.7", label=f"{1e6 * each:.0f} µs for each operation")
    axes.loglog(counts, seconds, "o", color="C0", label="measured")
    axes.set_xlabel("operations in the forward pass")
    axes.set_ylabel("CPU seconds of one trace")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue()


def _read(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def _cost(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| CPU milliseconds | forward pass | trace | share | torchlens | torch.export |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        others = [f"{row[name]:,.0f} ({row[name] / row['trace']:.0f} ×)" for name in ("torchlens", "torch.export")]
        share = row["trace"] / row["forward"]
        lines.append(
            f"| {row['model']} | {row['forward']:.0f} | {row['trace']:.0f} | {share:.2f} | {' | '.join(others)} |"
        )
    return "\n".join(lines)


def _first(first: list[dict[str, Any]], memory: list[dict[str, Any]]) -> str:
    lines = [
        "| in a fresh process | first trace | of importing torch | parameters | memory added | with the probe |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for time, space in zip(first, memory, strict=True):
        lines.append(
            f"| {time['model']} | {time['seconds']:.2f} s | {time['ratio']:.2f} | {space['parameters']:.0f} MB "
            f"| {space['added']:.0f} MB | {space['with the probe']:.0f} MB |"
        )
    return "\n".join(lines)


def _probe(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| CPU milliseconds | training step | facts with the probe | share | not answered |",
        "|---|--:|--:|--:|---|",
    ]
    lines += [
        f"| {row['model']} | {row['step']:,.0f} | {row['facts']:,.0f} | {row['facts'] / row['step']:.1f} "
        f"| {', '.join(f'`{key}`' for key in row['unknown']) or 'nothing'} |"
        for row in rows
    ]
    return "\n".join(lines)


def _large(rows: list[dict[str, Any]]) -> str:
    lines = ["| built | status | parameters | calls | beyond the imports | peak memory |", "|---|---|--:|--:|--:|--:|"]
    lines += [
        f"| {row['built']} | {row['status']} | {row['parameters']:,} | {row['nodes']:,} | {row['seconds']:.1f} s "
        f"| {row['megabytes']:.0f} MB |"
        for row in rows
    ]
    return "\n".join(lines)


def _confusion(found: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for row in found["matrix"].values() for name in row["named"]))
    head = [name.replace("_", " ") for name in names]
    lines = [f"| drawn from | layers | {' | '.join(head)} |", "|---|--:|" + "--:|" * len(names)]
    for scheme, row in found["matrix"].items():
        shares = [row["named"].get(name, 0) / row["drawn"] for name in names]
        cells = [f"{100 * share:.0f} %" if share else "" for share in shares]
        label = "none of them" if scheme == "not sure" else scheme.replace("_", " ")
        lines.append(f"| {label} | {row['drawn']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _summary(found: dict[str, Any]) -> str:
    small = found["small"]
    return (
        f"Of {found['layers']:,} random layers, {found['large']:,} have 512 weights or more. "
        f"{found['right'] / found['large']:.1%} of the answers about those hold the truth; the median answer names "
        f"{found['median']:g}, the longest {found['largest']}. Of the smaller ones {small.get('right', 0)} were "
        f"recognized (constants and orthogonal matrices are exact at any size), {small.get('not sure', 0)} were left "
        f"open and {small.get('wrong', 0)} were wrong."
    )

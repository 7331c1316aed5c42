"""What is known of a model, for people: its layers, what they cost, its recipe, its data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..facts import Facts, Features, Loss, Model, Node, Optimizer, Probe, Signal, Unknown, known
from ..facts.anatomy import OutputRole
from .derived import Derived, derived
from .layers import folded, rows, tree
from .summary import STATUS
from .words import counted

_MANY = 4
"""Names that a line lists before it counts the rest."""


def as_text(found: Sequence[Facts], depth: int | None = None, *, calls: bool = False) -> str:
    """Return a table of each model's layers, totals, and what is known of its recipe and data.

    `depth` is how many levels of modules are shown; `calls` lists every call of the forward pass as well.
    """
    return "\n".join("\n".join(_one(facts, depth, calls)) + "\n" for facts in found)


def _one(facts: Facts, depth: int | None, calls: bool) -> list[str]:
    subject = facts.subject
    status = f"{STATUS[subject.status]}: {subject.reason}" if subject.status != "traced" else "traced"
    size = f"{counted(subject.nodes, 'call')}, {counted(subject.parameters, 'parameter')}"
    lines = [f"{subject.target}: {size} ({status})"]
    if facts.model is not None:
        lines += ["", *_columns(rows(folded(tree(facts.model)), depth), right=(3, 4)), ""]
        lines += _totals(facts.model)
    if subject.input:
        lines.append(f"  input          {', '.join(subject.input)}{' (guessed)' if subject.guessed else ''}")
    if facts.model is not None:
        lines += _kind(facts.model, derived(facts.model))
    lines += [*_probe(facts.probe), *_recipe(facts), *_data(facts)]
    if facts.model is not None and calls:
        nodes: list[Node] = known(partial(list, facts.model.graph), [])
        lines += ["", *_calls([node for node in nodes if node.kind in ("layer", "function")], facts.model)]
    return lines


def _columns(table: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [f"{c:>{w}}" if i in right else f"{c:<{w}}" for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _totals(model: Model) -> list[str]:
    facts = derived(model)
    trained = facts.trainable
    of_these = f"all {trained:,} trainable" if trained == facts.parameters else f"{trained:,} trainable"
    lines = [f"  parameters     {facts.parameters:,} ({of_these})"]
    adds = known(lambda: facts.multiply_adds, None)
    if adds is not None:
        batch = known(lambda: facts.samples, 1)
        each = f", {_short(adds / batch)} for each of {batch} samples" if batch > 1 else ""
        least = "" if facts.counted else " at least (not every call can be counted)"
        lines.append(f"  multiply-adds  {_short(adds)}{least}{each}")
        sizes = {
            "input": facts.input_bytes, "forward and backward": facts.forward_backward_bytes,
            "parameters": facts.parameter_bytes,
        }  # fmt: skip
        parts = ", ".join(f"{name} {_megabytes(size)}" for name, size in sizes.items())
        lines.append(f"  memory         {_megabytes(sum(sizes.values()))}: {parts} (estimated)")
    else:
        lines.append(f"  memory         parameters {_megabytes(facts.parameter_bytes)}")
    return lines


def _kind(model: Model, facts: Derived) -> list[str]:
    lines = []
    domain = _said(lambda: facts.domain)
    if domain != "?":
        lines.append(f"  reads          {domain}")
    roles: tuple[OutputRole, ...] = known(lambda: facts.outputs, ())
    if roles:
        words = [f"{'x'.join(map(str, r.shape)) or 'scalar'} {r.role.replace('_', ' ')}" for r in roles]
        counts = Counter(sorted(words, key=lambda said: said.endswith(("features", "state"))))
        shown = [f"{count} times {said}" if count > 1 else said for said, count in counts.items()]
        lines.append(f"  gives          {_listed(shown[:_MANY], len(shown))}")
    if _said(lambda: facts.depth) != "?":
        skips, norms = facts.residuals, len(model.graph.normalizations())
        words = [f"{facts.depth} non-linear calls in a row" if facts.depth != 1 else "1 non-linear call"]
        words += [counted(len(skips), "shortcut")] * bool(skips) + [counted(norms, "normalization")] * bool(norms)
        lines.append(f"  depth          {', '.join(words)}")
    ties: tuple[tuple[str, ...], ...] = known(lambda: model.tied, ())
    recurrent: tuple[str, ...] = known(lambda: facts.recurrence, ())
    unused: tuple[str, ...] = known(lambda: facts.unused, ())
    tied = tuple(" = ".join(group) for group in ties)
    for name, values in (("recurrent", recurrent), ("frozen", facts.frozen), ("tied", tied), ("never used", unused)):
        if values:
            lines.append(f"  {name:<13}  {_listed(values[:_MANY], len(values))}")
    return lines


def _listed(shown: Sequence[str], number: int) -> str:
    rest = f" and {number - len(shown)} more" if number > len(shown) else ""
    return ", ".join(shown) + rest


def _probe(probe: Probe | None) -> list[str]:
    """Say what a batch at initialization showed."""
    if probe is None:
        return []
    words = []
    prediction = known(lambda: probe.prediction, None)
    if prediction is not None:
        words.append(f"outputs spread {prediction.std:.3g} over the batch")
    ratio = _said(lambda: probe.gradient_ratio)
    if ratio != "?":
        words.append(f"gradient first to last {ratio}")
    signals: tuple[Signal, ...] = known(lambda: probe.signals, ())
    if signals:
        words.append(f"at most {max(signal.dead for signal in signals):.0%} of a layer's units dead")
    mixing = known(lambda: probe.mixes, None)
    if mixing is not None:
        words.append(f"sample {mixing.changed} moves sample {mixing.moved} by {mixing.by:.3g}")
    return [f"  at the start   {', '.join(words)}"] if words else []


def _calls(nodes: Sequence[Node], model: Model) -> list[str]:
    sizes = {p.name: p for p in model.parameters}
    table = [("id", "call", "module", "gives", "parameters", "reads", "line")]
    for node in nodes:
        parameters = 0
        for name in node.parameters:
            count = 1
            for extent in sizes[name].shape if name in sizes else (0,):
                count *= extent
            parameters += count
        span = node.span
        table.append((
            str(node.id), node.name or node.op, "(outside)" if node.module is None else node.module or "(root)",
            "x".join(map(str, node.shape)), f"{parameters:,}" if parameters else "", " ".join(map(str, node.inputs)),
            str(span.line) if span else "",
        ))  # fmt: skip
    return _columns(table)


def _recipe(facts: Facts) -> list[str]:
    recipe = facts.recipe
    if recipe is None:
        return []
    losses: tuple[Loss, ...] = known(lambda: recipe.losses, ())
    optimizers: tuple[Optimizer, ...] = known(lambda: recipe.optimizers, ())
    lines = [f"  loss           {loss.name} ({_said(partial(getattr, loss, 'kind'))})" for loss in losses]
    lines += [f"  optimizer      {o.kind}, lr {_said(partial(getattr, o, 'lr'))}" for o in optimizers]
    for name, read in (("batch", lambda: recipe.batch_size), ("epochs", lambda: recipe.epochs)):
        if _said(read) != "?":
            lines.append(f"  {name:<13}  {_said(read)}")
    return lines


def _data(facts: Facts) -> list[str]:
    data = facts.data
    if data is None:
        return []
    lines = []
    seen: tuple[Features, ...] = known(lambda: data.features, ())
    for features in seen:
        shape = "x".join(map(str, features.shape))
        lines.append(f"  features       {features.kind} {shape}:{features.dtype}, {counted(features.rows, 'row')} seen")
    target = known(lambda: data.target, None)
    if target is not None:
        low, high = _said(lambda: target.low), _said(lambda: target.high)
        lines.append(f"  target         {'x'.join(map(str, target.shape))}:{target.dtype}, {low} to {high}")
    return lines


def _said(read: Callable[[], Any]) -> str:
    try:
        value = read()
    except Unknown:
        return "?"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(count: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return f"{count:,.0f}"


def _megabytes(size: int) -> str:
    if size >= 1e9:
        return f"{size / 1e9:,.2f} GB"
    return f"{size / 1e6:,.2f} MB" if size >= 1e4 else f"{size:,} bytes"

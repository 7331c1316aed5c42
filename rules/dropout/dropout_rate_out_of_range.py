"""Dropout leaves almost nothing of a layer.

Why is this bad?
    Useful rates lie between 0.1 and 0.5. At 0.8 four units of five are off and the rest is multiplied by five: what
    comes through is mostly noise. At 1 nothing comes through at all. Measured: 0.2 instead of 0.5 gained 2 and 5
    points on small networks.

When is it fine?
    Low rates always. Rates up to 0.65 are not mentioned, up to 0.8 they are advice.

Fix safety
    Unsafe: training takes another course; outputs in evaluation mode stay.

References
    Srivastava et al.: Dropout, JMLR 2014. Lavanya Shukla: Designing Your Neural Networks, 2019 ("between 0.2 and
    0.5").
"""

from nnlint.facts import Layer
from nnlint.facts.graph import DROPOUTS
from nnlint.finding import Finding, Level
from nnlint.fix import set_argument
from nnlint.rule import rule

A_HAIR = 1e-9
USUAL = 0.5


@rule(level="error", since="0.1")
def dropout_rate_out_of_range(layer: Layer, *, warning: float = 0.8, advice: float = 0.65) -> Finding | None:
    """Report a rate far over one half."""
    node = layer.node
    rate = float(node.arguments.get("p", 0.0)) if node.op in DROPOUTS else 0.0
    level = _level(rate, warning, advice)
    where = node.built or node.call
    if level is None:
        return None
    scale = "nothing comes through" if rate >= 1 else f"the rest is multiplied by {1 / (1 - rate):.3g}"
    return Finding(
        at=where or node,
        level=level,
        says=f"dropout turns off {rate:.0%} of the values",
        why=f"of 100 values {100 - 100 * rate:.3g} come through and {scale}" if rate < 1 else scale,
        fixes=[
            set_argument(where, "p", USUAL, position=0 if node.kind == "layer" else 1, title=f"use a rate of {USUAL:g}")
        ]
        if where
        else [],
    )


def _level(rate: float, warning: float, advice: float) -> Level | None:
    if rate >= 1:
        return "error"
    if rate > warning + A_HAIR:
        return "warning"
    return "advice" if rate > advice + A_HAIR else None

"""An activation keeps the output from values that the targets have.

Why is this bad?
    A sigmoid gives values from 0 to 1, tanh from -1 to 1, ReLU and softplus none below 0. A regression on such an
    output can never fit targets outside of that range, and at the border its gradient vanishes.

When is it fine?
    Where every target lies within reach (up to a twentieth of the targets' own range), and where the values are
    scaled after the activation, as in `low + (high - low) * torch.sigmoid(x)`.

Fix safety
    Unsafe: the output is no longer bounded for its other users.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019, on output activations of regressions.
"""

import math

from nnlint.facts import Data, Node, Output
from nnlint.finding import Finding
from nnlint.fix import remove
from nnlint.rule import rule

REGRESSION = {"mse", "l1", "smooth_l1", "huber"}
RANGES = {
    "sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0), "relu": (0.0, math.inf), "relu6": (0.0, 6.0), "softplus": (0.0, math.inf),
    "gelu": (-0.17, math.inf), "silu": (-0.279, math.inf), "mish": (-0.309, math.inf), "selu": (-1.759, math.inf),
    "logsigmoid": (-math.inf, 0.0), "log_softmax": (-math.inf, 0.0),
}  # fmt: skip
SLACK = 0.05


@rule(level="error", since="0.1")
def bounded_regression_output(output: Output, data: Data) -> Finding | None:
    """Report targets of a regression that the output's activation cannot reach."""
    reach = _reach(output.made)
    if reach is None or output.loss.kind not in REGRESSION:
        return None
    low, high = data.target.low, data.target.high
    slack = SLACK * (high - low)
    if low >= reach[0] - slack and high <= reach[1] + slack:
        return None
    return Finding(
        at=output.made,
        says=f"the targets lie outside of what `{output.made.name}` can give",
        label=f"gives {_words(*reach)}",
        also={output.loss: f"compares with targets from {low:.4g} to {high:.4g}"},
        why=f"targets go from {low:.4g} to {high:.4g}, the output {_words(*reach)}",
        fixes=[remove(output.made, title="leave the output of a regression unbounded")],
    )


def _reach(node: Node) -> tuple[float, float] | None:
    if node.op == "hardtanh":
        return float(node.arguments.get("min_val", -1.0)), float(node.arguments.get("max_val", 1.0))
    if node.op in ("elu", "celu"):
        return -float(node.arguments.get("alpha", 1.0)), math.inf
    if node.axis is not None and node.shape and node.shape[node.axis] == 1:
        return None  # a constant, which is another rule's finding
    return RANGES.get(node.op)


def _words(low: float, high: float) -> str:
    if math.isinf(high):
        return f"values from {low:g} up"
    return f"values up to {high:g}" if math.isinf(low) else f"values from {low:g} to {high:g}"

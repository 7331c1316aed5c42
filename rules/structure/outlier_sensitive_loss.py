"""The squared error is taken on targets with outliers.

Why is this bad?
    An error ten times as large counts a hundred times. A few values far outside the rest, mistakes of measurement
    among them, then decide where the model goes.

When is it fine?
    Where the outliers are what matters, and where the mean is what is asked for: the absolute error and Huber's
    estimate the median, or something near it. Targets that a network makes (generators, distillation) are not
    reported.

Fix safety
    Unsafe: another quantity is estimated, the median rather than the mean.

References
    Huber: Robust Estimation of a Location Parameter, 1964. Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

from nnlint.facts import Data, Graph, Node, Output
from nnlint.facts.graph import VIEWS
from nnlint.finding import Finding
from nnlint.fix import replace_loss
from nnlint.rule import rule

SHARE = 0.01
MOST = 0.1
"""A larger share is no handful of outliers but how the values are spread."""
ENOUGH = 50


@rule(level="advice", since="0.1")
def outlier_sensitive_loss(output: Output, data: Data) -> Finding | None:
    """Report targets of a squared error of which a few lie far outside the rest."""
    loss, target, call = output.loss, data.target, output.call
    if loss.kind != "mse" or target.made != "data" or target.rows < ENOUGH or len(target.shape) > 2:
        return None
    place = output.target_place
    if call is not None and place is not None and _computed(output.graph, output.graph[call.inputs[place]]):
        return None
    if not SHARE <= target.outliers <= MOST:
        return None
    return Finding(
        at=loss,
        says=f"{target.outliers:.1%} of the targets lie far outside the rest, under a squared error",
        why=f"they reach from {target.low:.4g} to {target.high:.4g}, more than three interquartile ranges beyond the "
        "quartiles, and an error counts by its square",
        fixes=[replace_loss(loss, "huber", title="use Huber's loss, which estimates something near the median")]
        if " " not in loss.name
        else [],
        help="" if " " not in loss.name else "take the absolute error or Huber's loss",
    )


def _computed(graph: Graph, node: Node) -> bool:
    """Whether a target is made by calls of a network rather than read from the data."""
    return graph.behind(node, VIEWS).kind != "constant"

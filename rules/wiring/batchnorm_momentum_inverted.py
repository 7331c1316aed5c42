"""A batch norm has the momentum that other libraries call momentum.

Why is this bad?
    In PyTorch `momentum` is the share of the new batch in the running mean and variance, 0.1 unless set; in Keras and
    the papers it is the share of the old value, 0.9 or 0.99. With 0.9 the figures that evaluation uses are those of
    the last batch or two. Measured: 92 % of accuracy instead of 97 %.

When is it fine?
    Any momentum under 0.9, `None` (a plain average), and norms without running figures.

Fix safety
    Unsafe: evaluation gives other outputs from the next training on.

References
    PyTorch: `torch.nn.BatchNorm2d` ("this momentum argument is different").
"""

from nnlint.facts import Model, Node
from nnlint.finding import Finding
from nnlint.fix import Fix, SetArgument
from nnlint.rule import rule

INVERTED = 0.9


@rule(level="warning", since="0.1")
def batchnorm_momentum_inverted(model: Model) -> Finding | None:
    """Report batch norms whose running figures forget all but the last batches."""
    norms = [node for node in model.graph if _inverted(node)]
    if not norms:
        return None
    first = norms[0]
    momentum = float(first.arguments["momentum"])
    fixes = _fix(norms)
    count = f" (and {len(norms) - 1} more)" if len(norms) > 1 else ""
    return Finding(
        at=first.built or first,
        level="warning" if momentum < 1 else "advice",
        says=f"`{first.name}` has a momentum of {momentum:g}{count}",
        label="the share of the new batch",
        why=f"{100 * momentum:.4g}% of what evaluation normalizes by comes from the last batch alone",
        help="" if fixes else f"set it to {1 - momentum:.3g}",
        fixes=fixes,
    )


def _inverted(node: Node) -> bool:
    momentum = node.arguments.get("momentum")
    tracked = node.arguments.get("track_running_stats", True)
    return node.op == "batch_norm" and node.kind == "layer" and tracked and INVERTED <= (momentum or 0.0) <= 1


def _fix(norms: list[Node]) -> list[Fix]:
    places = {node.built: node for node in norms}
    if None in places or any(node.arguments["momentum"] == 1 for node in norms):
        return []
    verbs = tuple(
        SetArgument(call=place, name="momentum", value=round(1 - node.arguments["momentum"], 6), position=2)
        for place, node in places.items()
        if place is not None
    )
    return [Fix(title="give PyTorch's momentum", verbs=verbs, changes="evaluation uses other figures")]

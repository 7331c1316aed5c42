"""Dropout stays on when the model is used.

Why is this bad?
    `F.dropout(x, p)` drops in every mode: `training` is True unless it is handed over, and a `nn.Dropout` made inside
    `forward` is always new, hence in training mode. Two evaluations of the same input differ, and a share p of the
    features is missing from each. `F.alpha_dropout`, `F.feature_alpha_dropout` and `F.rrelu` are the other way round:
    off unless `training` is handed over, so they never do anything.

When is it fine?
    Monte-Carlo dropout, which says `training=True` in so many words. What counts is a forward pass in evaluation
    mode, not how the call is written.

Fix safety
    Unsafe: evaluation gives other outputs (the same ones each time).

References
    PyTorch: `torch.nn.functional.dropout`. Srivastava et al.: Dropout, 2014, section 10.
"""

from collections.abc import Iterator

from nnlint.facts import Model, Node
from nnlint.facts.graph import DROPOUTS
from nnlint.finding import Finding
from nnlint.fix import Code, Fix, set_argument
from nnlint.rule import rule

OFF = {"alpha_dropout": 2, "feature_alpha_dropout": 2, "rrelu": 3}
"""Functions that are off unless told otherwise, with the place of `training`."""


@rule(level="error", since="0.1")
def dropout_at_inference(model: Model) -> Iterator[Finding]:
    """Report calls that drop values in evaluation mode, and those that never do."""
    for node in model.random_in_eval:
        if node.op in DROPOUTS:
            p = node.arguments.get("p", 0.5)
            made = node.kind == "layer"
            yield Finding(
                at=node,
                says=f"`{node.name}` drops values in evaluation mode too",
                label="a new layer each time, always in training mode" if made else "told of no mode",
                why=f"{p:.0%} of what it reads is missing from each prediction, another {p:.0%} each time",
                help="build the layer in `__init__`, so that `eval()` reaches it" if made else "",
                fixes=[] if made else _fix(node, 2),
            )
    modes = {module.path: module.training for module in model.modules}
    for node in model.graph:
        never = node.op in OFF and node.kind == "function" and node.arguments.get("training") is False
        if never and node.call is not None and node.module is not None and modes.get(node.module):
            yield Finding(
                at=node,
                level="warning",
                says=f"`{node.name}` does nothing in training either",
                label="off unless `training` is handed over",
                why="unlike `F.dropout`, it takes `training=False` where nothing is said",
                fixes=_fix(node, OFF[node.op]),
            )


def _fix(node: Node, position: int) -> list[Fix]:
    if node.call is None:
        return []
    return [
        set_argument(
            node.call,
            "training",
            Code("self.training"),
            position=position,
            title="tell it the mode of the model",
            changes="evaluation gives other outputs" if node.op in DROPOUTS else "training drops values",
        )
    ]

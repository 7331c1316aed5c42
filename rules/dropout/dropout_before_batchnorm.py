"""Dropout stands before a batch norm, whose statistics it shifts.

Why is this bad?
    Dropout raises the variance of what it lets through while training, but not in use. A batch norm further on
    learns its running variance from the noisy values and divides by it later, when they are calmer.

When is it fine?
    Blocks with skips (WideResNet's hold dropout between two norms), dropout behind the last norm, and a rate of 0.
    At a rate of 0.5 no difference was measured on small networks, so this is advice.

Fix safety
    There is no automatic fix: move dropout behind the last batch norm.

References
    Li et al.: Understanding the Disharmony between Dropout and Batch Normalization, 2018. Stack Overflow 60566498.
"""

from nnlint.facts import Model
from nnlint.facts.graph import DROPOUTS
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def dropout_before_batchnorm(model: Model) -> Finding | None:
    """Report the first dropout that a batch norm depends on."""
    graph = model.graph
    if graph.joins:
        return None
    for node in graph:
        if node.op not in DROPOUTS or not float(node.arguments.get("p", 0.0)):
            continue
        norm = next((graph[i] for i in sorted(graph.downstream(node)) if graph[i].op == "batch_norm"), None)
        if norm is not None:
            return Finding(
                at=node,
                says=f"dropout stands before `{norm.name}`",
                label="raises the variance in training only",
                also={norm: "learns that variance for later use"},
                why=f"with a rate of {float(node.arguments['p']):g} the norm learns a variance that use never shows",
                help="move dropout behind the last batch norm",
            )
    return None

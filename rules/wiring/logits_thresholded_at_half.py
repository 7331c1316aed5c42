"""Logits are compared with one half.

Why is this bad?
    A with-logits loss trains logits, and a logit of 0 is a probability of one half. `output > 0.5` asks for a
    probability of 62 %, and rounding draws the same line: samples to which the model gives 50 to 62 % are counted as
    negative.

When is it fine?
    Where a sigmoid stands in between, and where a threshold other than one half is meant.

Fix safety
    Unsafe: predictions change, which is the purpose.

References
    PyTorch: `torch.nn.BCEWithLogitsLoss`.
"""

from nnlint.facts import Output, Recipe, Threshold
from nnlint.facts.graph import VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, replace_expression
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def logits_thresholded_at_half(output: Output, recipe: Recipe) -> list[Finding]:
    """Report plain outputs of a model that learns logits, compared with 0.5 or rounded."""
    learns_logits = output.loss.kind == "bce_with_logits" and output.activation is None
    if not learns_logits or not _is_returned(output):
        return []
    names = recipe.loop.models
    return [_finding(one, output) for one in recipe.thresholds if len(names) < 2 or one.model in names]


def _is_returned(output: Output) -> bool:
    """Whether what reaches the loss is what the model returns, views looked through."""
    node = output.node
    while node.id not in output.graph.outputs and node.op in VIEWS and node.inputs:
        node = output.graph[node.inputs[0]]
    return node.id in output.graph.outputs


def _finding(one: Threshold, output: Output) -> Finding:
    rounded = one.kind == "round"
    return Finding(
        at=one.span,
        says=f"the logits of `{one.model}` are {'rounded' if rounded else 'compared with 0.5'}",
        label="a logit of 0 is a probability of one half",
        also={output.loss: "trains logits"},
        why="a logit of 0.5 is a probability of 0.62",
        fixes=_fixes(one),
    )


def _fixes(one: Threshold) -> list[Fix]:
    title = "compare the logits with 0"
    if one.kind == "half":
        return [replace_expression(one.value, "0", title=title)] if one.value else []
    return [replace_expression(one.span, "({0} > 0).float()" if one.value else "({owner} > 0).float()", title=title)]

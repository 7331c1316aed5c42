"""A model that predicts the next token sees it.

Why is this bad?
    The target is the input one step ahead. Where an output depends on later inputs, the answer stands in front of the
    model: the loss falls to almost nothing in training, and generation, where there is nothing to copy, fails.

When is it fine?
    Masked language models, taggers and encoders, whose targets are not the next token, and prefixes that are meant to
    be seen whole.

Fix safety
    Unsafe: another function, which is the purpose.

References
    Vaswani et al.: Attention Is All You Need, 2017, section 3.2.3. PyTorch:
    `torch.nn.functional.scaled_dot_product_attention`, `is_causal`.
"""

from nnlint.facts import Data, Graph, Model, Node, Probe
from nnlint.facts.graph import ATTENTION, RECURRENT
from nnlint.finding import Finding
from nnlint.fix import Fix, set_argument
from nnlint.rule import rule


@rule(level="error", since="0.1")
def future_token_leak(probe: Probe, data: Data, model: Model) -> Finding | None:
    """Report outputs that depend on tokens which they are to predict."""
    shifted = data.target.shifted
    leak = next((one for one in probe.later if one.input == shifted), None)
    if leak is None:
        return None
    node = _culprit(model.graph)
    fixes = _fixes(node)
    return Finding(
        at=node or model,
        says=f"the prediction at position {leak.moved} depends on tokens from position {leak.changed} on",
        label="looks at every position" if node is not None else "",
        why=f"the targets are the inputs one step ahead, and other tokens behind it move it by {leak.by:.2g}",
        help="" if fixes else "hide later positions with a causal mask",
        fixes=fixes,
    )


def _culprit(graph: Graph) -> Node | None:
    """Return the first attention without a causal mask, else the first recurrent layer that runs backwards as well."""
    for node in graph:
        if node.op in ATTENTION and not node.arguments.get("is_causal"):
            return node
        if node.op in RECURRENT and node.arguments.get("bidirectional"):
            return node
    return None


def _fixes(node: Node | None) -> list[Fix]:
    if node is None or node.call is None or node.op != "scaled_dot_product_attention" or len(node.inputs) > 3:
        return []
    return [set_argument(node.call, "is_causal", True, position=5, title="attend to earlier positions only")]

"""Attention drops weights when the model is used.

Why is this bad?
    `F.scaled_dot_product_attention(..., dropout_p=p)` drops a share p of the attention weights whenever it is called:
    it is a function and knows nothing of `eval()`. Two evaluations of the same input differ. (`nn.MultiheadAttention`
    takes care of the mode itself.)

When is it fine?
    Where `dropout_p` is 0 in evaluation mode, by whatever means: what counts is a forward pass in that mode.

Fix safety
    Unsafe: evaluation gives other outputs (the same ones each time).

References
    PyTorch: `torch.nn.functional.scaled_dot_product_attention` ("dropout will be applied according to `dropout_p`").
"""

from collections.abc import Iterator

from nnlint.facts import Model, Node
from nnlint.finding import Finding
from nnlint.fix import Fix, change_argument
from nnlint.rule import rule


@rule(level="error", since="0.1")
def attention_dropout_at_inference(model: Model) -> Iterator[Finding]:
    """Report attention that drops weights in a forward pass in evaluation mode."""
    for node in model.random_in_eval:
        if node.op != "scaled_dot_product_attention":
            continue
        p = node.arguments["dropout_p"]
        yield Finding(
            at=node,
            says=f"attention drops {p:.0%} of its weights in evaluation mode too",
            label="`dropout_p` counts in every mode",
            why="it is a function, which `eval()` does not reach: each evaluation gives another prediction",
            help="" if node.call else "hand it 0 where the module is not in training",
            fixes=_fix(node),
        )


def _fix(node: Node) -> list[Fix]:
    if node.call is None:
        return []
    return [
        change_argument(
            node.call,
            "dropout_p",
            "{} if self.training else 0.0",
            position=4,
            title="drop in training alone",
            changes="evaluation gives other outputs",
        )
    ]

"""A padding mask hides the real tokens and lets the padding through.

Why is this bad?
    Masks do not mean the same everywhere: True hides a position in `nn.MultiheadAttention` and the Transformer layers,
    and shows it in `scaled_dot_product_attention`; 1 shows it in Hugging Face's models. Turned round, attention reads
    nothing but the filling, and the model learns from each token by itself.

When is it fine?
    Whatever follows the real tokens: masks are judged by what moves the attention, not by how they are made.

Fix safety
    Unsafe: the model reads other tokens. The mask is turned round where it is made, where that serves nothing else.

References
    PyTorch: `torch.nn.MultiheadAttention`, `key_padding_mask`; `torch.nn.functional.scaled_dot_product_attention`,
    `attn_mask`.
"""

from nnlint.facts import Model, Node, Probe
from nnlint.finding import Finding
from nnlint.fix import Fix, InvertMask
from nnlint.rule import rule

FAINT = 1e-3
"""What counts as no movement beside the other one."""


@rule(level="error", since="0.1")
def inverted_padding_mask(probe: Probe, model: Model) -> Finding | None:
    """Report attention that moves with the padding and not with the real tokens."""
    seen = probe.padding
    if seen is None or seen.by_padding <= 0 or seen.by_real > FAINT * seen.by_padding:
        return None
    node = next((one for one in model.graph if one.id == seen.node), None)
    return Finding(
        at=_place(node) or model,
        says="attention reads the padding and none of the real tokens",
        label="its mask is turned round",
        why=f"other values at the padding ({seen.value}) move what a real token gets by {seen.by_padding:.2g}, other "
        f"values at a real token by {seen.by_real:.2g}",
        fixes=_fixes(node),
        help="turn the mask round: True hides a position in `nn.MultiheadAttention` and the Transformer layers, and "
        "shows it in `scaled_dot_product_attention`",
    )


def _fixes(node: Node | None) -> list[Fix]:
    if node is None or node.call is None:
        return []
    return [Fix(title="turn the mask round", verbs=(InvertMask(call=node.call),), changes="other tokens are read")]


def _place(node: Node | None) -> Node | None:
    return node if node is not None and node.span is not None else None

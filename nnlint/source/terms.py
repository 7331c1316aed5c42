"""The addends of what a training minimizes, and the losses that torch knows by name."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ..facts import Missing
from .flow import Frame, Place
from .program import last_name

KINDS: dict[str, str] = {
    "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll", "BCELoss": "bce", "BCEWithLogitsLoss": "bce_with_logits",
    "MSELoss": "mse", "L1Loss": "l1", "SmoothL1Loss": "smooth_l1", "HuberLoss": "huber", "KLDivLoss": "kl_div",
    "SoftMarginLoss": "soft_margin", "MultiLabelSoftMarginLoss": "multilabel_soft_margin",
    "HingeEmbeddingLoss": "hinge", "MultiMarginLoss": "hinge", "MultiLabelMarginLoss": "hinge",
    "MarginRankingLoss": "hinge", "PoissonNLLLoss": "poisson_nll", "GaussianNLLLoss": "gaussian_nll",
    "CosineEmbeddingLoss": "cosine", "TripletMarginLoss": "triplet", "TripletMarginWithDistanceLoss": "triplet",
    "CTCLoss": "ctc", "NLLLoss2d": "nll",
    "cross_entropy": "cross_entropy", "nll_loss": "nll", "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits", "mse_loss": "mse", "l1_loss": "l1",
    "smooth_l1_loss": "smooth_l1", "huber_loss": "huber", "kl_div": "kl_div", "soft_margin_loss": "soft_margin",
    "multilabel_soft_margin_loss": "multilabel_soft_margin", "hinge_embedding_loss": "hinge",
    "multi_margin_loss": "hinge", "multilabel_margin_loss": "hinge", "margin_ranking_loss": "hinge",
    "poisson_nll_loss": "poisson_nll", "gaussian_nll_loss": "gaussian_nll", "cosine_embedding_loss": "cosine",
    "triplet_margin_loss": "triplet", "triplet_margin_with_distance_loss": "triplet", "ctc_loss": "ctc",
}  # fmt: skip
OWNERS = ("torch.nn", "torch.nn.functional")

_UNFOLLOWED = Missing("it is computed in a way that cannot be followed")


@dataclass(frozen=True)
class Term:
    """One addend of what is minimized: a call of a loss, or arithmetic on tensors (`call` is None)."""

    node: ast.expr
    frame: Frame | None
    built: Place | None = None
    """The construction of the loss that is called, where it is an object."""
    kind: str | Missing = _UNFOLLOWED
    name: str = "the loss"


def is_zero(node: ast.AST) -> bool:
    """Return whether an expression is where a sum of losses starts: 0, None, an empty list, a tensor of zeros."""
    if isinstance(node, ast.Call) and last_name(node.func) in ("zeros", "tensor", "zero"):
        return all(isinstance(a, ast.Constant) for a in node.args)
    if isinstance(node, ast.List):
        return not node.elts
    return isinstance(node, ast.Constant) and node.value in (0, None)


def origin(term: Term) -> int:
    """Return what tells two terms apart: where the loss is built, else where it is called."""
    return id(term.built.node if term.built is not None else term.node)


def distinct(terms: list[Term]) -> list[Term]:
    """Return the terms, each once."""
    return list({(origin(t), t.kind): t for t in terms}.values())


def shorten(node: ast.AST) -> str:
    """Return an expression as it may stand in a message."""
    text = ast.unparse(node)
    return text if len(text) <= 40 else text[:37] + "..."

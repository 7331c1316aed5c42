"""The text writer of `ReplaceLoss`: another loss at its construction, or at its call where it is a function."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from ...fix import ReplaceLoss
from .changes import CannotApply
from .document import Document
from .items import Items
from .names import Names
from .workspace import Workspace


class LossSpelling(NamedTuple):
    """A loss as a class in `torch.nn` and a function in `torch.nn.functional`; `takes` are its options in order."""

    module: str
    function: str
    takes: tuple[str, ...] = ("reduction",)


_WEIGHTED = ("weight", "size_average", "reduce", "reduction")
_PLAIN = ("size_average", "reduce", "reduction")

LOSSES: dict[str, LossSpelling] = {
    "cross_entropy": LossSpelling(
        "CrossEntropyLoss",
        "cross_entropy",
        ("weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing"),
    ),
    "nll": LossSpelling("NLLLoss", "nll_loss", ("weight", "size_average", "ignore_index", "reduce", "reduction")),
    "bce": LossSpelling("BCELoss", "binary_cross_entropy", _WEIGHTED),
    "bce_with_logits": LossSpelling(
        "BCEWithLogitsLoss", "binary_cross_entropy_with_logits", (*_WEIGHTED, "pos_weight")
    ),
    "mse": LossSpelling("MSELoss", "mse_loss", _PLAIN),
    "l1": LossSpelling("L1Loss", "l1_loss", _PLAIN),
    "smooth_l1": LossSpelling("SmoothL1Loss", "smooth_l1_loss", (*_PLAIN, "beta")),
    "huber": LossSpelling("HuberLoss", "huber_loss", ("reduction", "delta")),
    "kl_div": LossSpelling("KLDivLoss", "kl_div", (*_PLAIN, "log_target")),
    "soft_margin": LossSpelling("SoftMarginLoss", "soft_margin_loss", _PLAIN),
    "multilabel_soft_margin": LossSpelling("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", _WEIGHTED),
    "poisson_nll": LossSpelling("PoissonNLLLoss", "poisson_nll_loss", ("log_input", "full")),
}

ALIKE = (
    frozenset({"bce", "bce_with_logits", "multilabel_soft_margin"}),
    frozenset({"cross_entropy", "nll"}),
)
"""Losses whose `weight` means the same."""

MEANINGLESS = frozenset({"beta", "delta"})
"""Options that only shape the old loss and say nothing about what is wanted of a new one."""


def write_replace_loss(work: Workspace, verb: ReplaceLoss) -> None:
    """Write `ReplaceLoss`. Raises CannotApply for losses written by hand and arguments without counterpart."""
    span = verb.loss.span or verb.loss.call
    new = LOSSES.get(verb.kind)
    if span is None:
        raise CannotApply("it is not known where the loss stands")
    if new is None:
        raise CannotApply(f"nnlint cannot write the loss `{verb.kind}`")
    doc = work.document(span.path)
    names = work.names(doc)
    fits = frozenset({verb.loss.name.rpartition(".")[2]})
    call = doc.call_at(span, fits)
    made = _kind_of(names, call) if call is not None else None
    if call is None or made is None:
        raise CannotApply("the loss is not one of PyTorch's, written out where it is used")
    kind, functional = made
    old = LOSSES[kind]
    if kind == verb.kind:
        raise CannotApply(f"the loss is `{old.module}` already")
    skip = 2 if functional else 0
    _fit_arguments(doc, call, kind, verb.kind, skip)
    full = f"torch.nn.functional.{new.function}" if functional else f"torch.nn.{new.module}"
    names.rename(call.func, full)


def _kind_of(names: Names, call: cst.Call) -> tuple[str, bool] | None:
    """Return the kind of loss that a call builds or computes, and whether it is a function."""
    full = names.resolve(call.func) or ""
    for kind, loss in LOSSES.items():
        if full == f"torch.nn.{loss.module}":
            return kind, False
        if full == f"torch.nn.functional.{loss.function}":
            return kind, True
    return None


def _fit_arguments(doc: Document, call: cst.Call, old: str, new: str, skip: int) -> None:
    """Keep the arguments that mean the same in the new loss; drop those that mean nothing there."""
    alike = any(old in group and new in group for group in ALIKE)
    for i, arg in enumerate(call.args):
        if arg.star:
            raise CannotApply("the loss gets its arguments as `*args` or `**kwargs`")
        if i < skip or (arg.keyword is not None and arg.keyword.value in ("input", "target")):
            continue
        takes = LOSSES[old].takes
        name = arg.keyword.value if arg.keyword is not None else takes[i - skip] if i - skip < len(takes) else "?"
        common = name in LOSSES[new].takes and (name != "weight" or alike)
        if not common and name in MEANINGLESS:
            Items.of(doc, call).drop(i)
        elif not common:
            raise CannotApply(f"`{name}` of `{LOSSES[old].module}` has no counterpart in `{LOSSES[new].module}`")
        elif arg.keyword is None:
            start, end = doc.start(arg), doc.end(arg)
            doc.changes.replace(start, end, f"{name}={doc.text[start:end]}")

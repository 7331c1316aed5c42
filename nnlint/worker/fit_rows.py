"""The recorded batches as one table of rows, and what a prediction and its target are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_unflatten

from .fit_tape import CannotTrain, Entry, Leaf, Program, Value

KINDS = {
    "cross_entropy": "cross_entropy", "CrossEntropyLoss": "cross_entropy", "nll_loss": "nll", "NLLLoss": "nll",
    "binary_cross_entropy": "bce", "BCELoss": "bce", "binary_cross_entropy_with_logits": "bce_with_logits",
    "BCEWithLogitsLoss": "bce_with_logits", "mse_loss": "mse", "MSELoss": "mse", "l1_loss": "l1", "L1Loss": "l1",
    "smooth_l1_loss": "smooth_l1", "SmoothL1Loss": "smooth_l1", "huber_loss": "huber", "HuberLoss": "huber",
    "soft_margin_loss": "soft_margin", "SoftMarginLoss": "soft_margin", "kl_div": "kl_div", "KLDivLoss": "kl_div",
    "multilabel_soft_margin_loss": "multilabel_soft_margin", "MultiLabelSoftMarginLoss": "multilabel_soft_margin",
    "poisson_nll_loss": "poisson_nll", "PoissonNLLLoss": "poisson_nll", "multi_margin_loss": "hinge",
    "MultiMarginLoss": "hinge", "hinge_embedding_loss": "hinge", "HingeEmbeddingLoss": "hinge",
}  # fmt: skip
"""Losses by the name of their function or class; any other is `custom`."""

_THROUGH = ("View", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice", "Permute", "Transpose", "Clone", "ToCopy",
            "Expand", "Alias", "TBackward", "Unsafe")  # fmt: skip
_ENDS = {"Sigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "log_softmax", "LogSigmoid": "log_sigmoid"}


class Column:
    """One leaf over all rows. `dim` is where the rows run (None: the same value in every step)."""

    def __init__(self, tensor: torch.Tensor, dim: int | None) -> None:
        self.tensor, self.dim = tensor, dim

    def pick(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the values of these rows as the program reads them."""
        return self.tensor if self.dim is None else self.tensor.index_select(self.dim, rows)


class Table:
    """The rows of one pass over the data, and the program that reads them."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.program = programs[0]
        sizes = [p.rows for p in programs]
        for other, size in zip(programs[1:], sizes[1:]):
            self.program.generalize(other, sizes[0], size)
        if len(set(sizes)) == 1:
            self.program.assume_rows(sizes[0])
        self.batch = max(set(sizes), key=sizes.count)
        self.rows = sum(sizes)
        self.columns = [_column([p.leaves[i] for p in programs], sizes) for i in range(len(self.program.leaves))]
        for program in programs[1:]:
            program.leaves.clear()
        self.kind, self.prediction, self.target = _sides(self.program)

    def leaves(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return what the program reads for these rows."""
        return [column.pick(rows) for column in self.columns]

    def targets(self, leaves: Sequence[torch.Tensor], rows: int) -> torch.Tensor:
        """Return what the predictions for these leaves are compared with."""
        if self.target is None:
            raise CannotTrain("what its loss compares with was not found")
        if isinstance(self.target, Leaf):
            return leaves[self.target.index]
        return self.program.run(leaves, rows, upto=self.target.index)


def _column(parts: Sequence[torch.Tensor], sizes: Sequence[int]) -> Column:
    first = parts[0]
    if first.requires_grad:
        return Column(first, None)
    same = all(p is first for p in parts)
    if same and (len(set(sizes)) > 1 or not first.dim() or (len(parts) > 1 and len(first) != sizes[0])):
        return Column(first, None)
    for dim in range(first.dim()):
        if all(p.dim() > dim and p.shape[dim] == size for p, size in zip(parts, sizes)):
            rest = {(*p.shape[:dim], *p.shape[dim + 1 :]) for p in parts}
            if len(rest) > 1:
                raise CannotTrain("its batches have different shapes")
            return Column(torch.cat([p.detach() for p in parts], dim), dim)
    if all(p.shape == first.shape and torch.equal(p, first) for p in parts):
        return Column(first, None)
    raise CannotTrain("its loss reads a value that changes from step to step and belongs to no row")


def _sides(program: Program) -> tuple[str, int | None, Value | None]:
    """Return kind of the loss, number of the prediction, and where the target comes from."""
    for entry in reversed(program.entries):
        if entry.name in KINDS and not entry.is_model:
            args, kwargs = tree_unflatten(entry.slots, entry.spec)
            sides = [*args[:2], *(kwargs[k] for k in ("input", "target") if k in kwargs)]
            if len(sides) == 2 and type(sides[0]) is Value and isinstance(sides[1], Value):
                return KINDS[entry.name], sides[0].index, sides[1]
            if len(sides) == 2 and type(sides[1]) is Value and isinstance(sides[0], Leaf):  # the wrong way round
                return KINDS[entry.name], sides[1].index, sides[0]
    return _custom(program)


def _custom(program: Program) -> tuple[str, int | None, Value | None]:
    models = [e for e in program.entries if e.is_model]
    last: Entry = models[-1]
    if last.gives[0] == program.root:
        return "custom", None, None  # the model computes its own loss
    inputs = {s.index for e in models for s in e.slots if isinstance(s, Leaf)}
    others = [
        Leaf(i)
        for i, leaf in enumerate(program.leaves)
        if i not in inputs and not leaf.requires_grad and leaf.dim() and len(leaf) == program.rows
    ]
    return "custom", last.gives[0], others[0] if len(others) == 1 else None


def final_activation(prediction: torch.Tensor) -> str | None:
    """Return the activation that a prediction comes from (`sigmoid`, `softmax`, ...), None where there is none."""
    node: Any = prediction.grad_fn
    while node is not None:
        name = type(node).__name__
        for start, kind in _ENDS.items():
            if name.startswith(start + "Backward"):
                return kind
        if not name.startswith(_THROUGH) or not node.next_functions:
            return None
        node = node.next_functions[0][0]
    return None

"""Where one pass over the user's data ends and the next begins."""

from __future__ import annotations

from typing import Any

import torch

from .fit_tape import Program


class Epoch:
    """Collects the batches of the first pass. `add` says True for the batch that opens the second one.

    A loader tells by itself; a hand-written loop is known by the tensor out of which it picks its batches, or by rows
    that come again. `cut` says that the pass was longer than `most` rows and the rest was not recorded.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.rows = 0
        self.cut = False
        self.whole: int | None = None
        """Rows in the whole training set, where known."""
        self.reordered = True
        self._iterator: Any = None
        self._keys: list[float] = []
        self._seen: set[float] = set()
        self._projections: dict[int, torch.Tensor] = {}

    def add(self, program: Program, iterator: Any, loader: Any, sources: set[Any]) -> bool:
        """Count a batch in, or return True where it belongs to the next pass."""
        rows = program.rows
        keys = self._row_keys(program)
        if not self.rows:
            self._iterator = iterator
            self.whole = _length(loader) if loader is not None else max((s for s in sources if s >= rows), default=None)
        elif self._is_over(iterator, keys):
            self.reordered = self.cut or keys[: len(self._keys)] != self._keys[: len(keys)]
            return True
        self.rows += rows
        self._keys.extend(keys)
        self._seen.update(keys)
        return False

    def _is_over(self, iterator: Any, keys: list[float]) -> bool:
        if self.rows >= self.most:
            self.cut = True
            return True
        if self._iterator is not None:
            return iterator is not self._iterator or (self.whole is not None and self.rows >= self.whole)
        if self.whole is not None:
            distinct = len(self._seen) == len(self._keys)
            return self.rows >= self.whole or (distinct and all(k in self._seen for k in keys))
        return 2 * sum(k in self._seen for k in keys) >= len(keys)

    def _row_keys(self, program: Program) -> list[float]:
        """Return a number for each row that two different rows hardly share."""
        rows, keys = program.rows, None
        for leaf in program.leaves:
            if leaf.requires_grad or not leaf.dim() or len(leaf) != rows or not rows or leaf.is_sparse:
                continue
            flat = leaf.detach().reshape(rows, -1)
            if flat.is_complex():
                continue
            part = flat.double().nan_to_num() @ self._projection(flat.shape[1])
            keys = part if keys is None else keys * 1.618 + part
        return [] if keys is None else [float(k) for k in keys]

    def _projection(self, width: int) -> torch.Tensor:
        if width not in self._projections:
            draw = torch.Generator().manual_seed(width)
            self._projections[width] = torch.rand(width, generator=draw, dtype=torch.float64)
        return self._projections[width]


def _length(loader: Any) -> int | None:
    try:
        return len(loader.dataset)
    except (TypeError, AttributeError):
        return None

"""What a run of a script depends on besides its own text: the rows it trains on and the files it imports."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from pathlib import Path

import torch

from .fit_rows import Table


def content_of(table: Table) -> str:
    """Return a fingerprint of the recorded rows and of the user's files that are imported."""
    digest = hashlib.sha256()
    for column in table.columns:
        digest.update(_bytes(column.tensor))
    for path in sorted(own_files()):
        digest.update(Path(path).name.encode() + b"\0")
        try:
            digest.update(Path(path).read_bytes())
        except OSError:
            continue
    return digest.hexdigest()


def own_files() -> set[str]:
    """Return the files of the modules that are neither installed nor part of Python."""
    paths = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    here = os.path.dirname(os.path.abspath(__file__))
    return {
        path
        for path in paths
        if path.endswith(".py") and not path.startswith((sys.prefix, sys.base_prefix, here)) and "-packages" not in path
    }


def _bytes(tensor: torch.Tensor) -> bytes:
    if tensor.requires_grad or tensor.is_sparse or tensor.is_quantized:
        return b"?"
    there = tensor.detach().contiguous()
    head = f"{there.dtype}{tuple(there.shape)}".encode()
    return head + ctypes.string_at(there.data_ptr(), there.nbytes) if there.nbytes else head

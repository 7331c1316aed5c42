"""Outputs of layers and functions by shape alone, where the abstract kernel is slow, missing or wrong.

Every rule answers None where it does not apply; what it accepts it must accept for the reasons for which the real
layer would, since the errors of a failing layer guide the search for an input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

LayerRule = Callable[[Any, Sequence[Any], dict[str, Any]], Any]


def recurrent(module: nn.RNNBase, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Shapes of an RNN, LSTM or GRU, which abstract kernels would unroll step by step."""
    x = args[0] if args else kwargs.get("input")
    ways = 2 if module.bidirectional else 1
    hidden = module.proj_size or module.hidden_size
    if isinstance(x, PackedSequence):
        values, batch = x.data, 2 if x.batch_sizes.device.type == "meta" else int(x.batch_sizes[0])
        _check_width(module, values)
        made = values.new_empty((values.shape[0], ways * hidden))
        out: Any = PackedSequence(made, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
        sizes: tuple[int, ...] = (ways * module.num_layers, batch)
    elif isinstance(x, torch.Tensor):
        if x.dim() not in (2, 3):
            raise RuntimeError(f"{type(module).__name__}: Expected input to be 2D or 3D, got {x.dim()}D")
        _check_width(module, x)
        values, out = x, x.new_empty((*x.shape[:-1], ways * hidden))
        batched = x.dim() == 3
        sizes = (ways * module.num_layers, *((x.shape[0 if module.batch_first else 1],) if batched else ()))
    else:
        return None
    h = values.new_empty((*sizes, hidden))
    if isinstance(module, nn.LSTM):
        return out, (h, values.new_empty((*sizes, module.hidden_size)))
    return out, h


def _check_width(module: nn.RNNBase, x: torch.Tensor) -> None:
    if not x.is_floating_point():
        raise RuntimeError(f"{type(module).__name__}: expected a floating point input, got {x.dtype}")
    if x.shape[-1] != module.input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {module.input_size}, got {x.shape[-1]}"
        )


LAYER_RULES: dict[type, LayerRule] = {nn.LSTM: recurrent, nn.GRU: recurrent, nn.RNN: recurrent}


def grouped_matmul(args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Shape of a grouped matrix product, whose abstract kernel wants bfloat16."""
    a, b = args[0], args[1]
    return a.new_empty((a.shape[0], b.shape[2])) if a.dim() == 2 and b.dim() == 3 else NotImplemented


FUNCTION_RULES: dict[str, Callable[[Sequence[Any], dict[str, Any]], Any]] = {
    "_grouped_mm": grouped_matmul,
    "grouped_mm": grouped_matmul,
}

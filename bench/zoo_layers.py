"""One instance of every class in torch.nn that is a module: the arguments that their constructors need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

NO_FORWARD = ("Module", "Container", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
              "RNNBase", "RNNCellBase")  # fmt: skip
"""Classes that hold others and have no forward to be traced."""

_N1, _N2, _N3, _N4 = (8,), (8, 16), (8, 16, 3), (16, 4, 32)

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **{f"{lazy}{kind}{n}d": ((() if lazy else (8,)) + (16, 3)) for kind in ("Conv", "ConvTranspose")
       for lazy in ("", "Lazy") for n in (1, 2, 3)},
    **{f"{kind}{n}d": _N1 for kind in ("BatchNorm", "InstanceNorm") for n in (1, 2, 3)},
    **{f"{kind}{n}d": (2,) for kind in ("MaxPool", "AvgPool", "MaxUnpool", "LPPool") for n in (1, 2, 3)},
    **{f"LPPool{n}d": (2, 3) for n in (1, 2, 3)},
    **{f"FractionalMaxPool{n}d": (2, None, 0.5) for n in (2, 3)},
    **{f"Adaptive{kind}Pool{n}d": (4,) for kind in ("Avg", "Max") for n in (1, 2, 3)},
    **{f"{kind}Pad{n}d": (1,) for kind in ("Reflection", "Replication", "Zero", "Circular") for n in (1, 2, 3)},
    **{f"ConstantPad{n}d": (1, 0.5) for n in (1, 2, 3)},
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNBase", "RNNCell", "LSTMCell", "GRUCell", "Linear"), _N2),
    "RNNBase": ("LSTM", 8, 16), "RNNCellBase": (8, 16, True, 4),
    "SyncBatchNorm": _N1, "LayerNorm": _N1, "RMSNorm": _N1, "GroupNorm": (2, 8), "LocalResponseNorm": (2,),
    "CrossMapLRN2d": (2,), "Bilinear": _N3, "LazyLinear": (16,), "NonDynamicallyQuantizableLinear": _N2,
    "Embedding": (50, 8), "EmbeddingBag": (50, 8), "MultiheadAttention": (16, 4), "Transformer": (16, 4, 1, 1, 32),
    "TransformerEncoderLayer": _N4, "TransformerDecoderLayer": _N4, "PixelShuffle": (2,), "PixelUnshuffle": (2,),
    "ChannelShuffle": (2,), "Fold": ((4, 5), (2, 2)), "Unfold": (2,), "Unflatten": (1, (2, 4)),
    "Threshold": (0.1, 20.0),
    "Upsample": (None, 2), "UpsamplingNearest2d": (None, 2), "UpsamplingBilinear2d": (None, 2),
    "AdaptiveLogSoftmaxWithLoss": (16, 100, [10, 50]), "Softmax": (1,), "LogSoftmax": (1,), "Softmin": (1,),
}  # fmt: skip

BUILT: dict[str, Callable[[], nn.Module]] = {
    "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(*_N4), 1),
    "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(*_N4), 1),
    "Sequential": lambda: nn.Sequential(nn.Linear(8, 4)),
    "TripletMarginWithDistanceLoss": lambda: nn.TripletMarginWithDistanceLoss(),
    "DataParallel": lambda: nn.DataParallel(nn.Linear(8, 4)),
    "LinearCrossEntropyLoss": lambda: nn.LinearCrossEntropyLoss(8, 4),  # type: ignore[attr-defined]
}


def names() -> list[str]:
    """Return the names of the classes that have a forward."""
    found = [n for n, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Module)]
    return sorted(n for n in found if n not in NO_FORWARD)


def build(name: str) -> nn.Module:
    """Return an instance."""
    if name in BUILT:
        return BUILT[name]()
    made: nn.Module = getattr(torch.nn, name)(*ARGUMENTS.get(name, ()))
    return made

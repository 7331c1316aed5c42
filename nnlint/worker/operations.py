"""The names by which people know operations: a layer and its functional form have the same `op`.

Nothing is looked up in a list of all of torch: what is not named here keeps its own name, in snake case.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

TRANSPARENT = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Transformer, nn.TransformerEncoder,
               nn.TransformerDecoder, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)  # fmt: skip

LAYERS = {
    "BatchNorm1d": "batch_norm", "BatchNorm2d": "batch_norm", "BatchNorm3d": "batch_norm",
    "SyncBatchNorm": "batch_norm", "LazyBatchNorm1d": "batch_norm", "LazyBatchNorm2d": "batch_norm",
    "LazyBatchNorm3d": "batch_norm", "InstanceNorm1d": "instance_norm", "InstanceNorm2d": "instance_norm",
    "InstanceNorm3d": "instance_norm", "RMSNorm": "rms_norm", "PReLU": "prelu", "RReLU": "rrelu", "LeakyReLU":
    "leaky_relu", "ReLU": "relu", "ReLU6": "relu6", "ELU": "elu", "CELU": "celu", "SELU": "selu", "GELU": "gelu",
    "GLU": "glu", "SiLU": "silu", "Softmax2d": "softmax", "LogSigmoid": "logsigmoid", "LSTM": "lstm", "GRU": "gru",
    "RNN": "rnn", "LSTMCell": "lstm_cell", "GRUCell": "gru_cell", "RNNCell": "rnn_cell", "MultiheadAttention":
    "multihead_attention", "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss", "NLLLoss2d": "nll_loss",
    "BCELoss": "binary_cross_entropy", "BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "MSELoss": "mse_loss",
    "L1Loss": "l1_loss", "SmoothL1Loss": "smooth_l1_loss", "HuberLoss": "huber_loss", "KLDivLoss": "kl_div",
    "CTCLoss": "ctc_loss", "PoissonNLLLoss": "poisson_nll_loss", "GaussianNLLLoss": "gaussian_nll_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss", "MultiLabelMarginLoss": "multilabel_margin_loss",
    "MultiMarginLoss": "multi_margin_loss", "SoftMarginLoss": "soft_margin_loss",
    "TripletMarginLoss": "triplet_margin_loss", "CosineEmbeddingLoss": "cosine_embedding_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss", "MarginRankingLoss": "margin_ranking_loss", "Upsample": "interpolate",
    "UpsamplingNearest2d": "interpolate", "UpsamplingBilinear2d": "interpolate",
}  # fmt: skip

FUNCTIONS = {
    "radd": "add", "rsub": "sub", "subtract": "sub", "rmul": "mul", "multiply": "mul", "truediv": "div",
    "rtruediv": "div", "divide": "div", "true_divide": "div", "rdiv": "div", "rpow": "pow", "rmatmul": "matmul",
    "mm": "matmul", "bmm": "matmul", "mv": "matmul", "negative": "neg", "absolute": "abs", "invert": "logical_not",
    "and": "logical_and", "or": "logical_or", "concat": "cat", "concatenate": "cat", "clip": "clamp", "t": "transpose",
    "T": "transpose", "mT": "transpose", "H": "transpose", "mH": "transpose", "swapaxes": "transpose",
    "swapdims": "transpose", "moveaxis": "movedim", "view_as": "view", "reshape_as": "reshape", "ravel": "flatten",
    "expand_as": "expand", "type_as": "to", "type": "to", "float": "to", "double": "to", "half": "to", "bfloat16": "to",
    "long": "to", "int": "to", "short": "to", "char": "to", "byte": "to", "bool": "to", "cpu": "to", "cuda": "to",
    "data": "detach", "alias": "identity", "iter": "unbind", "tensor_split": "split", "special_expit": "sigmoid",
    "expit": "sigmoid", "max_pool1d_with_indices": "max_pool1d", "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d", "upsample": "interpolate", "feature_dropout": "dropout2d",
    "multi_head_attention_forward": "multihead_attention", "special_softmax": "softmax",
    "special_log_softmax": "log_softmax", "log_sigmoid": "logsigmoid", "rnn_tanh": "rnn", "rnn_relu": "rnn",
    "hstack": "cat", "vstack": "cat", "column_stack": "cat", "dstack": "cat", "bce_with_logits":
    "binary_cross_entropy_with_logits",
}  # fmt: skip

OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "true_divide": "/", "matmul": "@", "pow": "**", "neg": "-",
    "floor_divide": "//", "remainder": "%", "getitem": "[]", "setitem": "[]", "eq": "==", "ne": "!=", "lt": "<",
    "le": "<=", "gt": ">", "ge": ">=", "logical_and": "&", "bitwise_and": "&", "logical_or": "|", "bitwise_or": "|",
    "logical_not": "~", "bitwise_not": "~", "bitwise_xor": "^",
}  # fmt: skip

CONSTANTS = frozenset(
    {"zeros", "ones", "full", "arange", "range", "linspace", "logspace", "eye", "tensor", "as_tensor", "empty",
     "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty",
     "new_tensor", "scalar_tensor", "from_numpy", "hann_window", "hamming_window", "tril_indices", "triu_indices"}
)  # fmt: skip
"""Functions that make the same values whatever the model's input is (its shape aside)."""

VIEWS = frozenset(
    {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "contiguous",
     "identity", "expand", "clone", "to", "getitem", "detach", "chunk", "split", "unbind", "movedim", "checkpoint"}
)  # fmt: skip
"""Operations that hand values on unchanged."""

DROPOUTS = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"})

SOFTMAXES = frozenset({"softmax", "log_softmax", "gumbel_softmax", "softmin"})

ACTIVATIONS = SOFTMAXES | {
    "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "hardtanh", "hardswish", "tanhshrink",
    "softshrink", "hardshrink", "logsigmoid", "glu", "sigmoid", "hardsigmoid", "tanh", "relu", "relu6", "leaky_relu",
    "prelu", "rrelu", "threshold",
}  # fmt: skip

WITH_TRAINING = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "batch_norm", "rrelu"}
)
"""Layers that behave differently in training and evaluation mode."""

_leaves: dict[type, bool] = {}

IGNORED = frozenset(
    {"size", "dim", "stride", "numel", "__len__", "is_floating_point", "is_complex", "get_device", "__repr__",
     "__hash__", "is_contiguous", "storage_offset", "data_ptr", "element_size", "ndimension", "untyped_storage",
     "__format__", "is_signed", "requires_grad_", "__deepcopy__", "register_hook", "retain_grad", "nelement",
     "is_inference", "_is_view", "__set__", "is_same_size", "__delete__", "is_tensor", "backward", "is_shared",
     "share_memory_", "storage", "register_post_accumulate_grad_hook", "is_nonzero", "item", "tolist", "numpy",
     "__bool__", "__int__", "__float__", "__index__", "__array__", "__reduce_ex__", "__setstate__", "is_pinned"}
)  # fmt: skip
"""Functions on tensors through which no value flows on to another tensor."""

READS = frozenset({"T", "mT", "H", "mH", "data", "real", "imag"})
"""Attributes of a tensor that are tensors made of its values."""


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one operation (a layer of torch.nn) rather than something to look into."""
    kind = type(module)
    known = _leaves.get(kind)
    if known is None:
        where = getattr(kind.forward, "__module__", "") or ""
        own = where.startswith(("torch.nn.modules", "torch.ao.nn", "torch.nn.quantized"))
        known = (own and not issubclass(kind, TRANSPARENT)) or issubclass(kind, torch.jit.ScriptModule)
        _leaves[kind] = known
    return known


def class_name(module: nn.Module | type) -> str:
    """Return the class as a user writes it: `nn.Linear`, or the plain name for a class of their own."""
    kind = module if isinstance(module, type) else type(module)
    if kind.__module__ == "torch.nn.utils.parametrize":
        kind = kind.__mro__[1]
    return f"nn.{kind.__name__}" if kind.__module__.startswith("torch.nn.") else kind.__name__


def layer_op(module: nn.Module) -> str:
    """Return the normalized name of a layer."""
    kind: Any = type(module)
    return _layer_op(kind)


@functools.cache
def _layer_op(own: type) -> str:
    if issubclass(own, torch.jit.ScriptModule):
        return "script"
    for kind in own.__mro__:
        if kind.__module__.startswith("torch.") and kind.__module__ != "torch.nn.utils.parametrize":
            name = kind.__name__
            if name in LAYERS:
                return LAYERS[name]
            return _snake(name.removeprefix("Lazy").removeprefix("NonDynamicallyQuantizable"))
    return _snake(own.__name__)


def _snake(name: str) -> str:
    if name.lower() in ACRONYMS:
        return name.lower()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"_(?=\d)|(?<=\d)_(?=d\b)", "", spaced).lower()


ACRONYMS = frozenset({"hardtanh"})


def function_name(func: Callable[..., Any]) -> str:
    """Return the bare name under which torch knows a function."""
    name = getattr(func, "__name__", None) or str(func)
    if name == "__get__":
        return getattr(getattr(func, "__self__", None), "__name__", name)
    return name


@functools.cache
def function_op(bare: str) -> str:
    """Return the normalized name of a function: `add` for `__iadd__` and `add_`, `softmax` for `softmax`."""
    name = bare
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        if len(name) > 1 and name[0] == "i" and name[1:] in IN_PLACE_DUNDERS:
            name = name[1:]
    elif name.endswith("_"):
        name = name.rstrip("_")
    name = name.lstrip("_") or bare
    return FUNCTIONS.get(name, name)


def by_arguments(op: str, arguments: dict[str, Any]) -> str:
    """Return what a call amounts to: cutting off at 0 is a ReLU, however it is written."""
    if op in ("clamp", "clamp_min") and arguments.get("min") == 0 and arguments.get("max") is None:
        return "relu"
    return op


IN_PLACE_DUNDERS = frozenset(
    {"add", "sub", "mul", "div", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"}
)


@functools.cache
def is_mutating(bare: str) -> bool:
    """Whether a function of that name writes into its first argument."""
    if bare == "__setitem__" or (bare.startswith("__i") and bare[3:-2] in IN_PLACE_DUNDERS):
        return True
    return bare.endswith("_") and not bare.endswith("__")


def written_name(func: Callable[..., Any], bare: str, op: str, operator: bool, wrapper: str) -> str:
    """Return what the user wrote: `+`, `F.softmax`, `torch.softmax` or `Tensor.softmax`."""
    if operator and op in OPERATORS:
        return OPERATORS[op]
    wrapper = wrapper.lstrip("_")
    if wrapper and hasattr(F, wrapper):
        return f"F.{wrapper}"
    if getattr(func, "__objclass__", None) is not None or getattr(torch.Tensor, bare, None) is func:
        return f"Tensor.{bare}"
    if getattr(func, "__module__", None) == "torch.nn.functional" or getattr(F, bare, None) is func:
        return f"F.{bare}"
    if bare in ("T", "mT", "H", "mH", "data", "real", "imag"):
        return f"Tensor.{bare}"
    return f"torch.{bare}" if hasattr(torch, bare) else bare

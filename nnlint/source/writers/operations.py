"""How each operation is written in PyTorch: as a module, as a function, as a tensor's method."""

from __future__ import annotations

from dataclasses import dataclass

F = "torch.nn.functional."


@dataclass(frozen=True)
class Spelling:
    """`module` is the class in `torch.nn` ("" where there is none) and `takes` its parameters in order.

    `shown` of these are written without their names. `functions` are full names, the usual one first; `options` are
    a function's parameters behind the tensor, `method` a tensor's method of the same meaning. `state` is true where
    the operation has parameters or acts otherwise in training, so that a new one has to be a module.
    """

    module: str = ""
    takes: tuple[str, ...] = ()
    shown: int = 0
    functions: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    method: str = ""
    state: bool = False
    noun: str = "act"


def _activation(module: str, *takes: str, name: str = "", torch_has: bool = False, method: bool = False) -> Spelling:
    name = name or module.lower()
    functions = (F + name,) + (("torch." + name,) if torch_has else ())
    return Spelling(module, takes, 0, functions, takes, name if method else "")


def _norm(module: str, *takes: str, shown: int = 1) -> Spelling:
    return Spelling(module, takes, shown, state=True, noun="norm")


def _dropout(module: str, name: str, torch_has: bool = False) -> Spelling:
    options = ("p", "training", "inplace")
    return Spelling(module, ("p", "inplace"), 1, (F + name,), options, state=True, noun="drop")


def _convolution(module: str, transposed: bool = False) -> Spelling:
    takes: tuple[str, ...] = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
    takes += ("output_padding", "groups", "bias", "dilation") if transposed else ("dilation", "groups", "bias")
    return Spelling(module, (*takes, "padding_mode", "device", "dtype"), 3, state=True, noun="conv")


def _recurrent(module: str) -> Spelling:
    takes = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
    return Spelling(module, takes, 2, state=True, noun=module.lower())


_BATCH_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")

SPELLINGS: dict[str, Spelling] = {
    "relu": _activation("ReLU", "inplace", torch_has=True, method=True),
    "relu6": _activation("ReLU6", "inplace"),
    "leaky_relu": _activation("LeakyReLU", "negative_slope", "inplace", name="leaky_relu"),
    "elu": _activation("ELU", "alpha", "inplace"),
    "selu": _activation("SELU", "inplace", torch_has=True),
    "celu": _activation("CELU", "alpha", "inplace", torch_has=True),
    "gelu": _activation("GELU", "approximate"),
    "silu": _activation("SiLU", "inplace"),
    "mish": _activation("Mish", "inplace"),
    "softplus": _activation("Softplus", "beta", "threshold"),
    "softsign": _activation("Softsign"),
    "hardtanh": _activation("Hardtanh", "min_val", "max_val", "inplace"),
    "hardswish": _activation("Hardswish", "inplace"),
    "hardsigmoid": _activation("Hardsigmoid", "inplace"),
    "tanhshrink": _activation("Tanhshrink"),
    "softshrink": _activation("Softshrink", "lambd"),
    "hardshrink": _activation("Hardshrink", "lambd"),
    "logsigmoid": _activation("LogSigmoid"),
    "threshold": _activation("Threshold", "threshold", "value", "inplace"),
    "glu": _activation("GLU", "dim"),
    "sigmoid": Spelling("Sigmoid", (), 0, ("torch.sigmoid",), (), "sigmoid"),
    "tanh": Spelling("Tanh", (), 0, ("torch.tanh",), (), "tanh"),
    "softmax": _activation("Softmax", "dim", torch_has=True, method=True),
    "log_softmax": _activation("LogSoftmax", "dim", name="log_softmax", torch_has=True, method=True),
    "softmin": _activation("Softmin", "dim"),
    "prelu": Spelling("PReLU", ("num_parameters", "init"), state=True),
    "rrelu": Spelling("RReLU", ("lower", "upper", "inplace"), 0, (F + "rrelu",), (), state=True),
    "dropout": _dropout("Dropout", "dropout"),
    "dropout1d": _dropout("Dropout1d", "dropout1d"),
    "dropout2d": _dropout("Dropout2d", "dropout2d"),
    "dropout3d": _dropout("Dropout3d", "dropout3d"),
    "alpha_dropout": _dropout("AlphaDropout", "alpha_dropout"),
    "feature_alpha_dropout": _dropout("FeatureAlphaDropout", "feature_alpha_dropout"),
    "batch_norm1d": _norm("BatchNorm1d", *_BATCH_NORM),
    "batch_norm2d": _norm("BatchNorm2d", *_BATCH_NORM),
    "batch_norm3d": _norm("BatchNorm3d", *_BATCH_NORM),
    "instance_norm1d": _norm("InstanceNorm1d", *_BATCH_NORM),
    "instance_norm2d": _norm("InstanceNorm2d", *_BATCH_NORM),
    "instance_norm3d": _norm("InstanceNorm3d", *_BATCH_NORM),
    "layer_norm": _norm("LayerNorm", "normalized_shape", "eps", "elementwise_affine", "bias"),
    "rms_norm": _norm("RMSNorm", "normalized_shape", "eps", "elementwise_affine"),
    "group_norm": _norm("GroupNorm", "num_groups", "num_channels", "eps", "affine", shown=2),
    "linear": Spelling("Linear", ("in_features", "out_features", "bias"), 2, state=True, noun="linear"),
    "bilinear": Spelling("Bilinear", ("in1_features", "in2_features", "out_features", "bias"), 3, state=True),
    "conv1d": _convolution("Conv1d"),
    "conv2d": _convolution("Conv2d"),
    "conv3d": _convolution("Conv3d"),
    "conv_transpose1d": _convolution("ConvTranspose1d", transposed=True),
    "conv_transpose2d": _convolution("ConvTranspose2d", transposed=True),
    "conv_transpose3d": _convolution("ConvTranspose3d", transposed=True),
    "embedding": Spelling("Embedding", ("num_embeddings", "embedding_dim", "padding_idx"), 2, state=True, noun="embed"),
    "lstm": _recurrent("LSTM"),
    "gru": _recurrent("GRU"),
    "rnn": _recurrent("RNN"),
    "flatten": Spelling("Flatten", ("start_dim", "end_dim"), 0, ("torch.flatten",), ("start_dim", "end_dim"),
                        "flatten", noun="flatten"),
    "identity": Spelling("Identity", noun="identity"),
}  # fmt: skip
"""By the name that a graph's node has. Norms that come in several dimensions stand under the dimension's name."""

BY_RANK = {"batch_norm": "batch_norm", "instance_norm": "instance_norm"}


def spelling(op: str, rank: int | None = None) -> Spelling | None:
    """Return how `op` is written. `rank` is the number of axes of the tensor it gets, for norms and their kind."""
    if op in BY_RANK and rank is not None:
        op = f"{BY_RANK[op]}{min(max(rank - 2, 1), 3)}d"
    return SPELLINGS.get(op)


OP_OF_MODULE = {f"torch.nn.{s.module}": op for op, s in SPELLINGS.items() if s.module}
OP_OF_FUNCTION = {name: op for op, s in SPELLINGS.items() for name in s.functions}
OP_OF_FUNCTION |= {F + "sigmoid": "sigmoid", F + "tanh": "tanh"}  # read, but no longer written

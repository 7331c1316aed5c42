"""What `nnlint train` takes: keys, types, limits. What is wrong only as a design is left to the rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ..facts import Plain

Activation = Literal[
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid", "softplus", "none"
]
Scheme = Literal[
    "default", "he_normal", "he_uniform", "lecun_normal", "glorot_normal", "glorot_uniform", "orthogonal", "normal",
    "zeros",
]  # fmt: skip
Normalization = Literal["none", "batch", "layer"]
Output = Literal["none", "softmax", "log_softmax", "sigmoid", "relu", "tanh"]
LossName = Literal["cross_entropy", "nll", "bce", "bce_with_logits", "mse", "l1", "smooth_l1", "huber"]
OptimizerName = Literal[
    "sgd", "adam", "adamw", "nadam", "radam", "adamax", "rmsprop", "adagrad", "adadelta"
]  # fmt: skip

Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=1, le=65536)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Part(Plain):
    """One block of the configuration: an unknown key or a value of another type is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _short(key: str) -> BeforeValidator:
    """Let a plain value stand for a block of which it sets `key`: `optimizer: adam`."""

    def widen(value: Any) -> Any:
        return value if value is None or isinstance(value, dict | Part) else {key: value}

    return BeforeValidator(widen)


class Data(Part):
    """Which data: a reference task by name, or a CSV file with the column that is to be learned.

    `goal` says of a CSV whether its target is a class or a number. Of the rows, `validation` and `test` are held out.
    """

    task: str | None = None
    csv: str | None = None
    target: str | None = None
    goal: Literal["classes", "number"] | None = None
    standardize: bool = False
    standardize_target: bool = False
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if (self.task is None) == (self.csv is None):
            raise ValueError("give either `task` (a reference task) or `csv` (a file)")
        if self.csv is not None and self.target is None:
            raise ValueError("`csv` needs `target`, the column to be learned")
        if self.task is not None and (self.target is not None or self.goal is not None):
            raise ValueError("`target` and `goal` belong to `csv`")
        if self.validation + self.test >= 1:
            raise ValueError("`validation` and `test` leave no rows to train on")
        return self


class Dropout(Part):
    """Dropout behind every hidden activation. `channels` drops whole channels of pictures, `alpha` suits SELU."""

    kind: Literal["plain", "alpha", "channels"] = "plain"
    rate: Share


class _Network(Part):
    initialization: Scheme = "default"
    dropout: Annotated[Dropout | None, _short("rate")] = None
    output: Output = "none"


class _Layered(_Network):
    activation: Activation = "relu"
    normalization: Normalization = "none"
    bias: bool = True


class Dense(_Layered):
    """Dense layers of these widths, then the output."""

    kind: Literal["mlp"]
    layers: tuple[Width, ...] = Field(default=(64, 64), strict=False)


class Convolutional(_Layered):
    """Convolutions of these numbers of channels, each halving the picture by `pooling`, then dense layers."""

    kind: Literal["cnn"]
    layers: tuple[Width, ...] = Field(default=(16, 32), strict=False, min_length=1)
    kernel: Annotated[int, Field(ge=1, le=31)] = 3
    pooling: Literal["max", "average", "none"] = "max"
    dense: tuple[Width, ...] = Field(default=(64,), strict=False)


class Recurrent(_Network):
    """Recurrent layers of these widths, the last step's state, then the output. Text is embedded first."""

    kind: Literal["rnn", "gru", "lstm"]
    layers: tuple[Width, ...] = Field(default=(64,), strict=False, min_length=1)
    embedding: Width = 16
    normalization: Literal["none", "layer"] = "none"


class Transformer(_Network):
    """An encoder of `layers` blocks, the mean over the steps, then the output. Text is embedded first."""

    kind: Literal["transformer"]
    layers: Annotated[int, Field(ge=1, le=64)] = 2
    width: Width = 64
    heads: Count = 4
    feedforward: Width = 128
    activation: Literal["relu", "gelu"] = "relu"
    normalization: Literal["first", "last"] = "last"

    @model_validator(mode="after")
    def _heads_fit(self) -> Transformer:
        if self.width % self.heads:
            raise ValueError(f"`width` {self.width} is no multiple of `heads` {self.heads}")
        return self


Network = Annotated[Dense | Convolutional | Recurrent | Transformer, Field(discriminator="kind")]


class Optimizer(Part):
    """What steps, at which rate. What is not given is left to PyTorch's default."""

    kind: OptimizerName = "sgd"
    rate: Positive | None = None
    momentum: Share | None = None
    nesterov: bool | None = None
    weight_decay: NotNegative | None = None
    betas: tuple[Share, Share] | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _fitting(self) -> Optimizer:
        if self.momentum is not None and self.kind not in ("sgd", "rmsprop"):
            raise ValueError(f"`momentum` belongs to sgd and rmsprop, {self.kind} has `betas`")
        if self.nesterov is not None and self.kind != "sgd":
            raise ValueError("`nesterov` belongs to sgd (nadam is Adam with Nesterov momentum)")
        if self.nesterov and not self.momentum:
            raise ValueError("`nesterov` needs `momentum`")
        if self.betas is not None and self.kind not in ("adam", "adamw", "nadam", "radam", "adamax"):
            raise ValueError(f"`betas` belong to the kinds of Adam, not to {self.kind}")
        return self


class Schedule(Part):
    """How the rate changes. `every` counts epochs (step), `factor` multiplies the rate (step, exponential, plateau)."""

    kind: Literal["constant", "step", "exponential", "plateau", "1cycle", "cosine"] = "constant"
    every: Count | None = None
    factor: Positive | None = None
    patience: Count | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Schedule:
        owners = {"every": ("step",), "factor": ("step", "exponential", "plateau"), "patience": ("plateau",)}
        for key, kinds in owners.items():
            if getattr(self, key) is not None and self.kind not in kinds:
                raise ValueError(f"`{key}` belongs to {' and '.join(kinds)}, not to {self.kind}")
        return self


class Clip(Part):
    """Clipping of gradients: their norm all together, or each value."""

    norm: Positive | None = None
    value: Positive | None = None

    @model_validator(mode="after")
    def _one(self) -> Clip:
        if (self.norm is None) == (self.value is None):
            raise ValueError("give either `norm` or `value`")
        return self


class EarlyStopping(Part):
    """Training ends after `patience` epochs without a better validation score; the best weights are kept."""

    patience: Count = 10


class Averaging(Part):
    """Stochastic weight averaging: the mean of the weights from epoch `start` (counted from 1) on is what is tested."""

    start: Count


class Blueprint(Part):
    """A whole training."""

    data: Annotated[Data, _short("task")]
    model: Network
    loss: LossName
    optimizer: Annotated[Optimizer, _short("kind")] = Optimizer()
    schedule: Annotated[Schedule, _short("kind")] = Schedule()
    clip: Annotated[Clip | None, _short("norm")] = None
    early_stopping: Annotated[EarlyStopping | None, _short("patience")] = None
    swa: Annotated[Averaging | None, _short("start")] = None
    batch_size: Count = 32
    shuffle: bool = True
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 20
    seeds: Annotated[int, Field(ge=1, le=1000)] = 5

    @model_validator(mode="after")
    def _fitting(self) -> Blueprint:
        if self.swa is not None and self.swa.start > self.epochs:
            raise ValueError(f"`swa` starts in epoch {self.swa.start}, and there are {self.epochs}")
        return self

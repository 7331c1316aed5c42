"""The lines that build a model."""

from __future__ import annotations

from collections.abc import Callable

from .lines import Lines
from .reading import Key, Mistakes, Written, mistake
from .schema import Convolutional, Dense, Dropout, Recurrent, Transformer
from .source import Source

ACTIVATIONS = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU",
    "silu": "SiLU", "mish": "Mish", "tanh": "Tanh", "sigmoid": "Sigmoid", "softplus": "Softplus",
}  # fmt: skip
_OUTPUTS = {
    "softmax": "nn.Softmax(dim=1)", "log_softmax": "nn.LogSoftmax(dim=1)", "sigmoid": "nn.Sigmoid()",
    "relu": "nn.ReLU()", "tanh": "nn.Tanh()",
}  # fmt: skip
_SCHEMES = {
    "he_normal": 'nn.init.kaiming_normal_({}, nonlinearity="relu")',
    "he_uniform": 'nn.init.kaiming_uniform_({}, nonlinearity="relu")',
    "lecun_normal": 'nn.init.kaiming_normal_({}, nonlinearity="linear")',
    "glorot_normal": "nn.init.xavier_normal_({})", "glorot_uniform": "nn.init.xavier_uniform_({})",
    "orthogonal": "nn.init.orthogonal_({})", "normal": "nn.init.normal_({})", "zeros": "nn.init.zeros_({})",
}  # fmt: skip


def write_model(lines: Lines, written: Written, source: Source, units: int) -> None:
    """Write the lines that bind `model`. Raises Mistakes where such a network cannot take such data."""
    network = written.blueprint.model
    lines.add()
    if isinstance(network, Dense):
        _dense(lines, network, source, units)
    elif isinstance(network, Convolutional):
        _convolutional(lines, network, source, units, written)
    elif isinstance(network, Recurrent):
        _recurrent(lines, network, _steps(source, written), source, units)
    else:
        _transformer(lines, network, _steps(source, written), source, units)
    _initialize(lines, written)


# -- layers one behind the other


def _dense(lines: Lines, network: Dense, source: Source, units: int) -> None:
    lines.add("model = nn.Sequential(", ("model",))
    width = _size(source.shape)
    if source.vocabulary:
        lines.add(f"nn.Embedding({source.vocabulary}, 16),", ("model",), 1)
        width *= 16
    if source.vocabulary or len(source.shape) > 1:
        lines.add("nn.Flatten(),", ("model",), 1)
    _hidden(lines, network, network.layers, "layers", width)
    last = network.layers[-1] if network.layers else width
    _output(lines, network.output, last, units)


def _hidden(lines: Lines, network: Dense | Convolutional, widths: tuple[int, ...], name: str, width: int) -> None:
    """Write dense layers of `widths` behind `width` values, each with what follows it."""
    bias = "" if network.bias else ", bias=False"
    for number, units in enumerate(widths):
        lines.add(f"nn.Linear({width}, {units}{bias}),", ("model", name, number), 1)
        width = units
        _behind(lines, network, {"batch": f"nn.BatchNorm1d({width})", "layer": f"nn.LayerNorm({width})"}, flat=True)


def _behind(lines: Lines, network: Dense | Convolutional, norms: dict[str, str], *, flat: bool) -> None:
    """Write normalization, activation and dropout behind a layer."""
    if network.normalization != "none":
        lines.add(f"{norms[network.normalization]},", ("model", "normalization"), 1)
    if network.activation != "none":
        lines.add(f"nn.{ACTIVATIONS[network.activation]}(),", ("model", "activation"), 1)
    if network.dropout is not None:
        lines.add(f"{_dropout(network.dropout, flat=flat)},", ("model", "dropout"), 1)


def _dropout(dropout: Dropout, *, flat: bool = True, dimensions: int = 2) -> str:
    kind = {"plain": "Dropout", "alpha": "AlphaDropout", "channels": "Dropout" if flat else f"Dropout{dimensions}d"}
    return f"nn.{kind[dropout.kind]}({dropout.rate})"


def _output(lines: Lines, output: str, width: int, units: int) -> None:
    lines.add(f"nn.Linear({width}, {units}),", ("model",), 1)
    if output != "none":
        lines.add(f"{_OUTPUTS[output]},", ("model", "output"), 1)
    lines.add(")", ("model",))


def _convolutional(lines: Lines, network: Convolutional, source: Source, units: int, written: Written) -> None:
    if (
        source.vocabulary
        or len(source.shape) not in (2, 3)
        or (source.reference and source.reference.kind == "sequences")
    ):
        raise _cannot(written, source, "a cnn takes pictures or signals")
    channels, *sides = source.shape
    kind = len(sides)
    lines.add("model = nn.Sequential(", ("model",))
    bias = "" if network.bias else ", bias=False"
    for number, width in enumerate(network.layers):
        key: Key = ("model", "layers", number)
        lines.add(
            f"nn.Conv{kind}d({channels}, {width}, {network.kernel}, padding={network.kernel // 2}{bias}),", key, 1
        )
        channels = width
        norms = {"batch": f"nn.BatchNorm{kind}d({channels})", "layer": f"nn.GroupNorm(1, {channels})"}
        if network.normalization != "none":
            lines.add(f"{norms[network.normalization]},", ("model", "normalization"), 1)
        if network.activation != "none":
            lines.add(f"nn.{ACTIVATIONS[network.activation]}(),", ("model", "activation"), 1)
        sides = [side + 2 * (network.kernel // 2) - network.kernel + 1 for side in sides]
        if network.pooling != "none" and min(sides) >= 2:
            name = {"max": "Max", "average": "Avg"}[network.pooling]
            lines.add(f"nn.{name}Pool{kind}d(2),", ("model", "pooling"), 1)
            sides = [side // 2 for side in sides]
        if network.dropout is not None:
            lines.add(f"{_dropout(network.dropout, flat=False, dimensions=kind)},", ("model", "dropout"), 1)
    lines.add("nn.Flatten(),", ("model",), 1)
    flat = channels * _size(tuple(sides))
    _hidden(lines, network, network.dense, "dense", flat)
    _output(lines, network.output, network.dense[-1] if network.dense else flat, units)


# -- networks that read step by step


def _steps(source: Source, written: Written) -> tuple[int, int, str]:
    """Return number of steps, values in each, and the line that brings a batch `x` into that form."""
    kind = source.reference.kind if source.reference is not None else "table"
    if kind == "table":
        raise _cannot(written, source, f"{_article(written.blueprint.model.kind)} reads step by step")
    if kind == "text":
        return source.shape[0], 0, ""
    if kind == "sequences":
        return source.shape[0], source.shape[1], ""
    if kind == "signals":
        return source.shape[1], source.shape[0], "x = x.transpose(1, 2)"
    return source.shape[1], source.shape[2], "x = x.squeeze(1)  # the rows of a picture are its steps"


def _recurrent(lines: Lines, network: Recurrent, steps: tuple[int, int, str], source: Source, units: int) -> None:
    _, width, form = steps
    _class(lines, source, network.embedding)
    width = width or network.embedding
    kind = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[network.kind]
    equal = len(set(network.layers)) == 1
    rate = network.dropout.rate if network.dropout is not None else 0
    inner = f", dropout={rate}" if rate and len(network.layers) > 1 else ""
    names = ["rnn"] if equal else [f"rnn{number}" for number in range(1, len(network.layers) + 1)]
    for number, name in enumerate(names):
        deep = f", num_layers={len(network.layers)}{inner}" if equal and len(network.layers) > 1 else ""
        key: Key = ("model", "layers", number)
        lines.add(f"self.{name} = nn.{kind}({width}, {network.layers[number]}{deep}, batch_first=True)", key, 2)
        width = network.layers[number]
    if network.normalization == "layer":
        lines.add(f"self.norm = nn.LayerNorm({width})", ("model", "normalization"), 2)
    _head(lines, network, width, units)
    _forward(lines, source, form)
    for number, name in enumerate(names):
        lines.add(f"x, _ = self.{name}(x)", ("model", "layers", number), 2)
    lines.add("x = x[:, -1]  # the last step", ("model",), 2)
    if network.normalization == "layer":
        lines.add("x = self.norm(x)", ("model", "normalization"), 2)
    _ending(lines, network)


def _transformer(lines: Lines, network: Transformer, steps: tuple[int, int, str], source: Source, units: int) -> None:
    length, width, form = steps
    _class(lines, source, network.width)
    if not source.vocabulary:
        lines.add(f"self.project = nn.Linear({width}, {network.width})", ("model", "width"), 2)
    place = f"self.place = nn.Parameter(0.02 * torch.randn(1, {length}, {network.width}))"
    lines.add(f"{place}  # where a step stands", ("model", "width"), 2)
    rate = network.dropout.rate if network.dropout is not None else 0.0
    lines.call("layer = nn.TransformerEncoderLayer", [
        str(network.width), str(network.heads), f"dim_feedforward={network.feedforward}", f"dropout={rate}",
        f'activation="{network.activation}"', f"norm_first={network.normalization == 'first'}", "batch_first=True",
    ], ("model",), 2)  # fmt: skip
    nested = ", enable_nested_tensor=False" if network.normalization == "first" else ""
    lines.add(f"self.encoder = nn.TransformerEncoder(layer, {network.layers}{nested})", ("model", "layers"), 2)
    _head(lines, network, network.width, units)
    _forward(lines, source, form)
    if not source.vocabulary:
        lines.add("x = self.project(x)", ("model", "width"), 2)
    lines.add("x = self.encoder(x + self.place).mean(1)", ("model",), 2)
    _ending(lines, network)


def _class(lines: Lines, source: Source, embedding: int) -> None:
    lines.add("\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()", ("model",))
    if source.vocabulary:
        lines.add(f"self.embedding = nn.Embedding({source.vocabulary}, {embedding})", ("model", "embedding"), 2)


def _head(lines: Lines, network: Recurrent | Transformer, width: int, units: int) -> None:
    if network.dropout is not None:
        lines.add(f"self.dropout = {_dropout(network.dropout)}", ("model", "dropout"), 2)
    lines.add(f"self.head = nn.Linear({width}, {units})", ("model",), 2)


def _forward(lines: Lines, source: Source, form: str) -> None:
    lines.add("\n    def forward(self, x):", ("model",))
    if form:
        lines.add(form, ("model",), 2)
    if source.vocabulary:
        lines.add("x = self.embedding(x)", ("model", "embedding"), 2)


def _ending(lines: Lines, network: Recurrent | Transformer) -> None:
    if network.dropout is not None:
        lines.add("x = self.dropout(x)", ("model", "dropout"), 2)
    functions: dict[str, Callable[[str], str]] = {
        "none": lambda x: x, "softmax": lambda x: f"{x}.softmax(1)", "log_softmax": lambda x: f"{x}.log_softmax(1)",
        "sigmoid": lambda x: f"{x}.sigmoid()", "relu": lambda x: f"{x}.relu()", "tanh": lambda x: f"{x}.tanh()",
    }  # fmt: skip
    lines.add(f"return {functions[network.output]('self.head(x)')}", ("model", "output"), 2)
    lines.add("\n\nmodel = Net()", ("model",))


# -- weights


def _initialize(lines: Lines, written: Written) -> None:
    network, key = written.blueprint.model, ("model", "initialization")
    if network.initialization == "default":
        return
    kinds = "nn.Linear"
    if isinstance(network, Convolutional):
        dimension = "1d" if any("nn.Conv1d" in row for row, _ in lines.rows) else "2d"
        kinds = f"(nn.Conv{dimension}, nn.Linear)"
    lines.add("for layer in model.modules():", key)
    lines.add(f"if isinstance(layer, {kinds}):", key, 1)
    lines.add(_SCHEMES[network.initialization].format("layer.weight"), key, 2)
    if getattr(network, "bias", True):
        lines.add("nn.init.zeros_(layer.bias)", key, 2)
    else:
        lines.add("if layer.bias is not None:", key, 2)
        lines.add("nn.init.zeros_(layer.bias)", key, 3)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _article(kind: str) -> str:
    return f"a {kind}" if kind in ("gru", "transformer") else f"an {kind}"


def _cannot(written: Written, source: Source, why: str) -> Mistakes:
    line = written.place(("model", "kind"))[0]
    rows = f"the rows of {written.blueprint.data.task or written.blueprint.data.csv} are {_form(source)}"
    return Mistakes([mistake(written.path, f"{why}, and {rows}", line)])


def _form(source: Source) -> str:
    kind = source.reference.kind if source.reference is not None else "table"
    shape = "x".join(map(str, source.shape))
    return {"table": f"a table of {shape} columns", "text": f"texts of {shape} letters"}.get(kind, f"{kind} of {shape}")

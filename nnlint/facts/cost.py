"""What one forward pass costs: multiply-adds of each call, and memory, from shapes alone.

A multiply-add is one product of a weight (or a value) with a value inside a convolution, a matrix product, an attention
or a recurrent layer. Biases, norms, activations, pools and other element-wise work count as nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from .graph import VIEWS, Graph, Node, Tensor

Shape = tuple[int, ...]

BYTES = {"float64": 8, "int64": 8, "complex64": 8, "complex128": 16, "float32": 4, "int32": 4, "float16": 2,
         "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1, "bool": 1}  # fmt: skip
"""Bytes of an entry by dtype; other dtypes count one."""

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
UNCOUNTED = frozenset(
    {"cdist", "grid_sample", "fft", "rfft", "ifft", "irfft", "fft2", "rfft2", "irfft2", "fftn", "stft", "istft",
     "conv_tbc", "adaptive_log_softmax_with_loss", "svd", "inv", "solve", "cholesky", "tensordot", "baddbmm",
     "scaled_mm", "grouped_mm"}
)  # fmt: skip
"""Operations with products that are not counted: a total that holds one is a lower bound."""


def size_of(tensor: Tensor) -> int:
    """Return the bytes that a value takes."""
    return math.prod(tensor.shape) * BYTES.get(tensor.dtype, 1)


def multiply_adds(node: Node, shapes: Mapping[str, Shape]) -> int | None:
    """Return the multiply-adds of a call for the whole batch; None where they cannot be told.

    `shapes` are the shapes of the model's parameters by name.
    """
    count = _COUNTS.get(re.sub(r"\d+d$", "", node.op))
    if count is None:
        return None if node.op in UNCOUNTED else 0
    try:
        return count(node, [shapes[name] for name in node.parameters if name in shapes])
    except (IndexError, KeyError, TypeError, ValueError):  # a shape or a setting is not what it usually is
        return None


def activation_bytes(graph: Graph) -> int:
    """Return the bytes of what the calls inside the model give: every value once, views and in-place results not."""
    return sum(
        size_of(tensor)
        for node in graph
        if node.module is not None and node.kind in ("layer", "function") and node.op not in VIEWS
        if not node.arguments.get("inplace")
        for tensor in node.gives
    )


def _given(node: Node) -> int:
    return math.prod(node.gives[0].shape)


def _convolution(node: Node, weights: list[Shape]) -> int:
    kernel = math.prod(_kernel(node))
    groups = int(node.arguments.get("groups") or 1)
    if "transpose" in node.op:
        return math.prod(node.reads[0].shape) * int(node.arguments["out_channels"]) // groups * kernel
    return _given(node) * int(node.arguments["in_channels"]) // groups * kernel


def _kernel(node: Node) -> Shape:
    size = node.arguments["kernel_size"]
    return (int(size),) * int(node.op.rstrip("d")[-1]) if isinstance(size, int) else tuple(int(n) for n in size)


def _linear(node: Node, weights: list[Shape]) -> int:
    return _given(node) * int(node.arguments["in_features"])


def _bilinear(node: Node, weights: list[Shape]) -> int:
    return _given(node) * node.reads[0].shape[-1] * node.reads[1].shape[-1]


def _product(node: Node, weights: list[Shape]) -> int:
    """Count a matrix product: every entry that it gives sums over the shared axis."""
    if len(node.reads) >= 2:
        return _given(node) * node.reads[0].shape[-1]
    (read,), out, weight = node.reads, node.gives[0].shape, weights[-1]
    if read.shape[-1] == weight[-2 if len(weight) > 1 else 0] and (len(weight) < 2 or out[-1] == weight[-1]):
        return _given(node) * read.shape[-1]
    if weight[-1] == read.shape[-2 if len(read.shape) > 1 else 0]:
        return _given(node) * weight[-1]
    raise ValueError(node.name)


def _added_product(node: Node, weights: list[Shape]) -> int:
    """Count `addmm(bias, x, weight)`: what is added is read first."""
    factors = [read.shape for read in node.reads]
    if len(factors) + len(weights) != 3:
        raise ValueError(node.name)
    biased = len(weights) == 1 and len(weights[0]) == 1
    first = factors[0] if biased else factors[-2] if not weights else factors[-1]
    return _given(node) * first[-1]


def _einsum(node: Node, weights: list[Shape]) -> int:
    terms = str(node.arguments["equation"]).replace(" ", "").partition("->")[0].split(",")
    if len(terms) != 2 or weights or "." in "".join(terms):
        raise ValueError(node.name)
    sizes = {letter: n for term, read in zip(terms, node.reads, strict=True) for letter, n in zip(term, read.shape)}
    return math.prod(sizes.values())


def _attention(node: Node, weights: list[Shape]) -> int:
    query, key, value = (read.shape for read in node.reads[:3])
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _multihead(node: Node, weights: list[Shape]) -> int:
    query, key, value = (read.shape for read in node.reads[:3])
    width = int(node.arguments["embed_dim"])
    longest = key[1 if node.arguments.get("batch_first") and len(key) == 3 else 0]
    queries, keys = math.prod(query[:-1]), math.prod(key[:-1])
    projected = queries * query[-1] * width + keys * (key[-1] + value[-1]) * width + queries * width * width
    return projected + 2 * queries * longest * width


def _recurrent(node: Node, weights: list[Shape]) -> int:
    """Count a stack of recurrent layers over all steps."""
    gates, hidden = GATES[node.op.removesuffix("_cell")], int(node.arguments["hidden_size"])
    entering = int(node.arguments["input_size"])
    steps = math.prod(node.reads[0].shape) // entering
    if node.op.endswith("_cell"):
        return steps * gates * hidden * (entering + hidden)
    directions = 2 if node.arguments.get("bidirectional") else 1
    given = int(node.arguments.get("proj_size") or 0) or hidden
    total = 0
    for _ in range(int(node.arguments.get("num_layers") or 1)):
        each = gates * hidden * (entering + given) + (hidden * given if given != hidden else 0)
        total += directions * each
        entering = directions * given
    return steps * total


_COUNTS: dict[str, Callable[[Node, list[Shape]], int]] = {
    "conv": _convolution, "conv_transpose": _convolution, "linear": _linear, "bilinear": _bilinear,
    "matmul": _product, "dot": _product, "addmm": _added_product, "addmv": _added_product, "addbmm": _added_product,
    "einsum": _einsum, "scaled_dot_product_attention": _attention, "multihead_attention": _multihead,
    **dict.fromkeys(("rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"), _recurrent),
}  # fmt: skip

"""A kernel or pool is larger than the map that it runs over.

Why is this bad?
    What reaches beyond the map meets padding. Of a 7x7 kernel on a map of 4x4 at most 16 of its 49 weights see a value
    at any place; the rest costs memory and time and adds noise.

When is it fine?
    Kernels that fit, kernels of 3 on the small maps at the end of a net, dilated and depthwise ones (a wide view is
    their purpose), pools that are meant to cover everything (global ones), and inputs whose size nnlint had to guess.

Fix safety
    There is no automatic fix: a smaller kernel needs a smaller padding too.

References
    PyTorch: `torch.nn.Conv2d`.
"""

from collections.abc import Iterator

from nnlint.facts import Data, Model, Node
from nnlint.facts.graph import CONVOLUTIONS
from nnlint.finding import Finding
from nnlint.rule import rule

SMALLEST = 4


@rule(level="advice", since="0.1")
def kernel_beyond_map(model: Model, data: Data) -> Iterator[Finding]:
    """Report kernels of which at every place a part meets no value."""
    if data.guessed or not any(f.kind == "image" for f in data.features):
        return
    for node in model.graph:
        beyond = _beyond(node)
        if beyond is None:
            continue
        kernel, size = beyond
        yield Finding(
            at=node.built or node,
            says=f"a kernel of {kernel} runs over a map of {size}",
            label="reaches beyond the map at every place",
            why=f"at each place at most {size} of its {kernel} positions along an axis meet a value",
            help=f"use a kernel of at most {size}",
        )


def _beyond(node: Node) -> tuple[int, int] | None:
    """Return the width of a kernel and of the smaller map under it."""
    if node.op not in CONVOLUTIONS or node.op.startswith("conv_transpose") or not node.reads:
        return None
    axes = int(node.op.rstrip("d")[-1])
    kernel = node.arguments.get("kernel_size")
    if axes < 2 or not isinstance(kernel, list) or len(kernel) != axes or int(node.arguments.get("groups") or 1) > 1:
        return None
    dilation = node.arguments.get("dilation", 1)
    if dilation not in (1, [1] * axes):
        return None
    for width, size in zip(kernel, node.reads[0].shape[-axes:], strict=False):
        if width >= SMALLEST and 1 < size < width:
            return int(width), int(size)
    return None

"""The feature map is down to one position well before the head.

Why is this bad?
    Two or more convolutions with kernels of 3x3 and the like run on maps of 1x1: eight of their nine weights only ever
    meet padding, so they are dense layers at nine times the price, and everything about where something was in the
    image is gone. The net was made for larger images.

When is it fine?
    Squeeze-and-excitation, global pooling and 1x1 kernels, the innermost level of a U-Net, and inputs whose size nnlint
    had to guess.

Fix safety
    There is no automatic fix: leave out strides or pools, or use larger images.

References
    He et al.: Deep Residual Learning, 2015, section 4.2 (three stages for images of 32x32, not five).
"""

from nnlint.facts import Data, Model, Node
from nnlint.facts.graph import CONVOLUTIONS
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def shrunk_to_nothing(model: Model, data: Data) -> Finding | None:
    """Report convolutions with larger kernels on maps of a single position."""
    if data.guessed or any(node.op.startswith("conv_transpose") or node.op == "interpolate" for node in model.graph):
        return None
    tiny = [node for node in model.graph if _on_one_position(node)]
    if len(tiny) < 2:
        return None
    first = tiny[0]
    size = next((f.shape for f in data.features if f.kind == "image"), None)
    if size is None:
        return None
    image = "x".join(str(n) for n in size[2:])
    return Finding(
        at=first,
        says=f"{len(tiny)} convolutions run on maps of a single position",
        label="what it reads is 1x1",
        also={node: "and here" for node in tiny[1:3] if node.span != first.span},
        why=f"images of {image} are down to one position here, so these kernels meet nothing but padding",
        help="leave out a stride or a pool in front, or use larger images",
        explains=("kernel-beyond-map",),
    )


def _on_one_position(node: Node) -> bool:
    if node.op not in CONVOLUTIONS or not node.reads:
        return False
    axes = int(node.op.rstrip("d")[-1])
    kernel = node.arguments.get("kernel_size") or [1]
    kernel = kernel if isinstance(kernel, list) else [kernel]
    return axes > 1 and set(node.reads[0].shape[-axes:]) == {1} and min(kernel) > 1

"""A convolutional net has grown in one direction alone.

Why is this bad?
    It is not: this is an experiment. EfficientNet's authors found that depth, width and resolution are best scaled
    together: for twice the work about 1.2 times the depth, 1.1 times the width and 1.15 times the resolution.

When is it fine?
    Published architectures, and nets whose shape was searched for.

Fix safety
    There is no automatic fix: it is another architecture.

References
    Tan, Le: EfficientNet, 2019.
"""

from nnlint.facts import Model
from nnlint.finding import Finding
from nnlint.rule import rule

FEW, WIDE = 4, 256
MANY, NARROW = 24, 32


@rule(level="experiment", since="0.1")
def uncompounded_scaling(model: Model) -> Finding | None:
    """Propose a better balance for nets that are all width or all depth."""
    layers = [node for node in model.graph if node.op == "conv2d" and node.module is not None]
    if not layers or any(node.op.startswith("conv_transpose") for node in model.graph):
        return None
    widest = max(layers, key=lambda node: node.units or 0)
    width = widest.units or 0
    shallow, thin = len(layers) <= FEW and width >= WIDE, len(layers) >= MANY and width <= NARROW
    if not shallow and not thin:
        return None
    return Finding(
        at=widest.built or widest,
        says=f"{len(layers)} convolution{'s' if len(layers) > 1 else ''} of up to {width} channels make the net",
        why="depth 1.2, width 1.1 and resolution 1.15 times as large cost twice the work together",
        help=f"try {'more layers of fewer' if shallow else 'fewer layers of more'} channels",
    )

"""Images go into a model that has dense layers alone.

Why is this bad?
    A dense layer treats pixels as unrelated features: a thing that moves by one pixel is another thing. A 3x3
    convolution of 16 channels has 160 weights and looks everywhere; a dense layer of 128 units on 32x32 colour images
    has 393,344 and learns each place by itself.

When is it fine?
    Small images (28x28 and less, such as MNIST), patches and tokens with attention, MLP mixers, implicit networks, and
    the encoders of generative models on small images.

Fix safety
    There is no automatic fix: it is another architecture, best a pre-trained one.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019. LeCun et al.: Gradient-Based Learning, 1998.
"""

from nnlint.facts import Data, Model
from nnlint.facts.graph import VIEWS, WEIGHTED
from nnlint.finding import Finding
from nnlint.rule import rule

OTHER = (WEIGHTED - {"linear"}) | {"matmul", "scaled_dot_product_attention", "unfold", "einsum"}


@rule(level="advice", since="0.1")
def dense_only_image_model(model: Model, data: Data, *, pixels: int = 28 * 28) -> Finding | None:
    """Report a first dense layer that reads all pixels of larger images."""
    graph = model.graph
    if data.guessed or any(node.op in OTHER for node in graph):
        return None
    images = [f for f in data.features if f.kind == "image" and len(f.shape) == 4]
    if not images:
        return None
    channels, height, width = images[0].shape[1:]
    first = next((node for node in graph if node.op == "linear" and node.module is not None), None)
    if first is None or height * width <= pixels or first.arguments.get("in_features") != channels * height * width:
        return None
    if graph.behind(graph.sources(first)[0], VIEWS).kind != "input":
        return None
    weights = (first.units or 0) * channels * height * width
    return Finding(
        at=first.built or first,
        says=f"images of {height}x{width} go straight into a dense layer",
        why=f"{weights:,} weights learn each place by itself; 16 channels of 3x3 kernels have {144 * channels}",
        help="put convolutions in front, or start from a pre-trained model",
        explains=("capacity-mismatch",),
    )

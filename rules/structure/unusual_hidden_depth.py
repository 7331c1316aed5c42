"""The number of hidden layers is far from what vectors of features usually take.

Why is this bad?
    For a vector of features one to five hidden layers are where to start. None at all is a linear model, which draws
    one plane; six or more, without skips or norms, are hard to train and rarely needed for tabular data.

When is it fine?
    Anything residual, recurrent or with attention, convolutions, embeddings; a linear model by intent; nets that
    have grown so deep by need.

Fix safety
    There is no automatic fix: the width of a new layer is a choice.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

from nnlint.facts import Data, Model
from nnlint.facts.graph import ACTIVATIONS, SOFTMAXES, WEIGHTED
from nnlint.finding import Finding
from nnlint.rule import rule

OTHER = (WEIGHTED - {"linear"}) | {"matmul", "scaled_dot_product_attention", "mul", "layer_norm", "batch_norm"}
FEATURES = 4
"""A line through one or two features is usually meant to be one."""


@rule(level="advice", since="0.1")
def unusual_hidden_depth(model: Model, data: Data, *, most: int = 5) -> Finding | None:
    """Report plain dense nets on vectors with no hidden layer or with more than five."""
    graph = model.graph
    calls = [node for node in graph if node.module is not None]
    layers = [node for node in calls if node.op == "linear"]
    if graph.joins or not layers or any(node.op in OTHER for node in calls) or data.guessed:
        return None
    if [f.kind for f in data.features] != ["vector"] or len({node.parameters for node in layers}) < len(layers):
        return None
    hidden = len(layers) - 1
    if hidden == 0:
        inside = [node for node in calls if node.op in ACTIVATIONS - SOFTMAXES and node.id not in graph.outputs]
        if inside or data.features[0].shape[-1] < FEATURES:
            return None
        return Finding(
            at=layers[0].built or layers[0],
            says="the model has no hidden layer, so it is linear",
            why=f"one layer of {layers[0].units} units draws a plane for each; one to five hidden layers are usual",
            help="put a hidden layer with an activation in front, unless a linear model is meant",
        )
    if hidden <= most:
        return None
    return Finding(
        at=model,
        says=f"{hidden} hidden layers in a row serve a vector of features",
        why=f"one to five are usual; {hidden} without a skip or a norm are harder to train",
        help="start with fewer, and let the net grow until it overfits",
    )

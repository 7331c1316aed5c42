"""The model is far too small or far too large for its data.

Why is this bad?
    A hidden layer of two or three units cannot keep what a dozen features say. At the other end, 100 weights and
    more for each training sample learn the samples by heart where nothing holds them back.

When is it fine?
    Pre-trained and frozen models, convolutions (which share weights), embeddings, autoencoders, and large models with
    dropout, weight decay, a norm or early stopping. Only plain dense nets on vectors are looked at.

Fix safety
    There is no automatic fix: start with one to five layers of up to 100 units, grow until the model overfits,
    then regularize.

References
    Lavanya Shukla: Designing Your Neural Networks, 2019. Andrej Karpathy: A Recipe for Training Neural Networks, 2019.
"""

import math

from nnlint.facts import Data, Model, Node, Recipe
from nnlint.facts.graph import DROPOUTS, NORMS, WEIGHTED
from nnlint.finding import Finding
from nnlint.rule import rule

FEW_UNITS = 3
FEATURES = 8
OTHER = (WEIGHTED - {"linear"}) | {"matmul", "mul", "scaled_dot_product_attention"}


@rule(level="advice", since="0.1")
def capacity_mismatch(model: Model, data: Data, recipe: Recipe, *, weights_per_sample: int = 100) -> Finding | None:
    """Report dense nets with a hidden layer of a few units, or with 100 weights a sample and nothing against it."""
    calls = [node for node in model.graph if node.module is not None]
    layers = [node for node in calls if node.op == "linear"]
    if not model.fresh or data.guessed or len(layers) < 2 or any(node.op in OTHER for node in calls):
        return None
    if [f.kind for f in data.features] != ["vector"] or any(not p.trainable for p in model.parameters):
        return None
    features, given = data.features[0].shape[-1], layers[-1].units or 0
    if given >= features or model.graph.joins:
        return None
    hidden = min((node.units or 0) for node in layers[:-1])
    if len(layers) == 2 and hidden <= min(FEW_UNITS, features - 1) and features >= FEATURES and data.samples >= 500:
        return Finding(
            at=layers[0].built or layers[0],
            says=f"a hidden layer of {hidden} units reads {features} features",
            why=f"all that {data.samples:,} samples of {features} features teach has to pass through {hidden} numbers",
            help="start with some tens of units, and let the layer grow until the model overfits",
            explains=("narrow-hidden-layer",),
        )
    return _too_large(model, data, recipe, calls, weights_per_sample)


def _too_large(model: Model, data: Data, recipe: Recipe, calls: list[Node], limit: int) -> Finding | None:
    weights = sum(math.prod(parameter.shape) for parameter in model.parameters)
    held_back = any(node.op in DROPOUTS | NORMS for node in calls)
    held_back = held_back or any(optimizer.weight_decay for optimizer in recipe.optimizers)
    if weights < limit * data.samples or held_back or recipe.early_stopping is not None:
        return None
    return Finding(
        at=model,
        says=f"{weights:,} weights learn from {data.samples:,} samples",
        why=f"{weights // data.samples} weights a sample learn them by heart: no dropout, decay or norm is against it",
        help="start smaller, or add dropout, weight decay or early stopping",
    )

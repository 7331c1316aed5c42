"""The predictions are far too large before anything is learned.

Why is this bad?
    Logits of several tens make a softmax or sigmoid certain of random answers: the first losses are huge (257
    instead of 6.9 for a head tied to an embedding from N(0, 1)), the first steps only undo that, and saturated
    units stay. Measured: He's initialization instead of N(0, 1) +75 and +34 points of accuracy.

When is it fine?
    It is judged by what one batch does at the start, never by the weights alone: embeddings, Fourier features,
    queries and codebooks are often drawn from N(0, 1), and a norm or a scale behind them makes up for it.

Fix safety
    Unsafe: the network starts from other weights.

References
    He et al.: Delving Deep into Rectifiers, 2015. Andrej Karpathy: A Recipe for Training Neural Networks, 2019.
"""

import itertools
import math

from nnlint.facts import Graph, Layer, Model, Node, Probe
from nnlint.facts.graph import CONVOLUTIONS, RECTIFIERS, WEIGHTED
from nnlint.finding import Finding
from nnlint.fix import Fix, Initialize
from nnlint.rule import rule

LARGEST_PREDICTION = 10.0
LARGEST_GAIN = 4.0
FACTOR = 2.5
ARITHMETIC = {"add", "sub", "mul", "div"}


@rule(level="warning", since="0.1")
def oversized_activations(model: Model, probe: Probe) -> Finding | None:
    """Report predictions that start far from zero because a layer multiplies what it reads."""
    prediction = probe.prediction
    rms = [signal.rms for signal in probe.signals] + [prediction.rms]
    gains = [after / before for before, after in itertools.pairwise(rms) if before > 0]
    if prediction.rms <= LARGEST_PREDICTION or not gains or max(gains) <= LARGEST_GAIN:
        return None
    large = [node for node in model.graph if _too_large(Layer(node, model.graph, model))]
    if not large and _scales(model.graph, prediction.node):
        return None
    return Finding(
        at=(large[0].built or large[0]) if large else model.graph[prediction.node],
        says=f"the predictions start at a size of {prediction.rms:.2g}",
        why=f"one layer multiplies what it reads by {max(gains):.2g}; well-scaled weights keep this near 1",
        help="" if large else "divide what the last layer reads or gives by the square root of its width",
        explains=("init-mismatched-to-activation", "exploding-gradient", "initial-loss-off", "constant-output"),
        fixes=[_fix(model, large)] if large else [],
    )


def _scales(graph: Graph, prediction: int) -> bool:
    """Whether `forward` multiplies or shifts the answer itself: by a number, to where the targets lie."""
    node = next((one for one in graph if one.id == prediction), None)
    computed = [one for one in graph.sources(node) if one.kind != "constant"] if node is not None else []
    return node is not None and node.op in ARITHMETIC and len(computed) < 2


def _too_large(layer: Layer) -> bool:
    weight = layer.weight if layer.op in CONVOLUTIONS | {"linear"} else None
    if weight is None or not weight.trainable or not weight.fan_in:
        return False
    return math.hypot(weight.mean, weight.std) > FACTOR * math.sqrt(2 / weight.fan_in)


def _fix(model: Model, large: list[Node]) -> Fix:
    schemes: dict[str, list[Node]] = {}
    for node in large:
        after = model.graph.activation_after(node)
        hidden = after is not None and any(model.graph[i].op in WEIGHTED for i in model.graph.downstream(after))
        rectified = after is not None and after.op in RECTIFIERS and hidden
        schemes.setdefault("he_normal" if rectified else "glorot_uniform", []).append(node)
    return Fix(
        title="use He initialization" if "he_normal" in schemes else "use Glorot initialization",
        verbs=tuple(Initialize(nodes=tuple(nodes), scheme=scheme) for scheme, nodes in schemes.items()),
        changes="the network starts from other weights",
    )

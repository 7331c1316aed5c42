"""A deep net has neither norms nor skips, and its signal fades or grows.

Why is this bad?
    Each layer multiplies spread and gradient by some factor; over ten layers a factor of 0.6 leaves 0.6 % of them.
    Batch norm sets both back after each layer, and allows larger rates besides.

When is it fine?
    Where the probe passes (a net with a good initialization, such as VGG's), with skips or concatenations, SELU, weight
    or spectral norm, and in nets of fewer than eight layers. Where weights that do not fit the activation or saturating
    activations are the cause, they are named in its place: a better initialization costs nothing.

Fix safety
    Unsafe: another function with more parameters, and batches of one sample no longer work in training.

References
    Ioffe, Szegedy: Batch Normalization, 2015.
"""

from nnlint.facts import Graph, Model, Node, Probe
from nnlint.facts.graph import ATTENTION, CONVOLUTIONS, NORMS, RECURRENT
from nnlint.finding import Finding
from nnlint.fix import Fix, InsertAfter, SetArgument
from nnlint.rule import rule

DEEP = 8
LAYERS = CONVOLUTIONS | {"linear"}
POSITION = {"linear": 2, "conv1d": 7, "conv2d": 7, "conv3d": 7}
OTHER = NORMS | RECURRENT | ATTENTION | {"selu", "matmul", "mul"}


@rule(level="warning", since="0.1")
def deep_net_without_normalization(model: Model, probe: Probe) -> Finding | None:
    """Report plain nets of eight layers and more in which values or gradients fade or grow too much."""
    graph = model.graph
    calls = [node for node in graph if node.module is not None]
    layers = [node for node in calls if node.op in LAYERS]
    if len(layers) < DEEP or probe.drawn or graph.joins or any(node.op in OTHER for node in calls):
        return None
    if any(".parametrizations." in name for node in layers for name in node.parameters) or not model.fresh:
        return None
    if not (probe.spread_fails and (not probe.gradient_arrives or probe.gradient_fails)):
        return None
    change = probe.std_ratio
    times = max(change, 1 / change) if change else float("inf")
    return Finding(
        at=model,
        says=f"{len(layers)} layers follow each other without a norm or a skip",
        why=f"from the first to the last hidden activation the spread {'falls' if change < 1 else 'grows'} "
        f"{times:,.0f} times",
        help="" if _fix(graph, layers) else "put a batch norm behind each layer, or add skips",
        explains=("vanishing-gradient", "exploding-gradient"),
        fixes=_fix(graph, layers),
    )


def _fix(graph: Graph, layers: list[Node]) -> list[Fix]:
    """Return how to put a batch norm between each layer and its activation."""
    hidden = [node for node in layers if graph.activation_after(node) is not None and len(node.shape) in (2, 4)]
    hidden = [node for node in hidden if node is not layers[-1]]
    if len(hidden) != len(layers) - 1 or len({node.built for node in hidden}) != len(hidden):
        return []
    if any(node.built is None for node in hidden):
        return []
    norms = [InsertAfter(node=node, op="batch_norm", arguments={"num_features": node.units or 0}) for node in hidden]
    biases = [
        SetArgument(call=node.built, name="bias", value=False, position=POSITION.get(node.op))
        for node in hidden
        if node.built is not None and node.arguments.get("bias")
    ]
    verbs = (*norms, *biases)
    return [Fix(title="put a batch norm behind each layer", verbs=verbs, changes="checkpoints get new keys")]

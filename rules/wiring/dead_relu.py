"""Nearly all units of a ReLU layer are off for every sample before training starts.

Why is this bad?
    A unit that is 0 for every sample gets no gradient, so it stays off. With more than 90 % of a layer gone, the
    rest of the network sees next to nothing of the input.

When is it fine?
    Loaded weights, whose sparsity was learned, and layers of a few units, where chance alone can turn most of them
    off.

Fix safety
    Unsafe: the network starts from other weights.

References
    Lu et al.: Dying ReLU and Initialization, 2019. He et al.: Delving Deep into Rectifiers, 2015.
"""

from nnlint.facts import Model, Probe
from nnlint.finding import Finding
from nnlint.fix import initialize
from nnlint.rule import rule

DEAD = 0.9
UNITS = 8


@rule(level="warning", since="0.1")
def dead_relu(model: Model, probe: Probe) -> Finding | None:
    """Report the first ReLU that is off nearly everywhere at the start."""
    for signal in probe.signals:
        node = model.graph[signal.node]
        layer = model.graph.layer_before(node)
        if node.op not in ("relu", "relu6") or signal.dead <= DEAD or layer is None or (layer.units or 0) < UNITS:
            continue
        if not model.fresh:
            return None
        return Finding(
            at=node,
            says=f"{signal.dead:.0%} of the units of `{node.name}` are off for every sample",
            label=f"of {layer.units} units",
            also={layer.built: "feeds it"} if layer.built else {},
            why="a unit that is off for every sample gets no gradient and stays off",
            explains=("vanishing-gradient", "constant-output", "init-mismatched-to-activation"),
            fixes=[initialize([layer], "he_normal", title="use He initialization and zero biases")],
        )
    return None

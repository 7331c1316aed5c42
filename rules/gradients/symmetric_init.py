"""Units start equal and can never part.

Why is this bad?
    Units that share their incoming and their outgoing weights get the same value and the same gradient at every
    step, so a layer of a hundred of them stays worth one. Where weights and biases are zero under a ReLU, no
    gradient arrives at all. Measured on two tasks: random instead of equal weights +83 and +33 points of accuracy.

When is it fine?
    A single constant layer between random ones trains (96.9 % against 97.4 %): it is enough that either the
    incoming or the outgoing weights differ. Zero heads, the zero matrix of LoRA, zero convolutions in front of a
    skip, adaLN-zero and norm scales are therefore not reported, and neither are frozen weights.

Fix safety
    Unsafe: the network starts from other weights.

References
    Goodfellow, Bengio, Courville: Deep Learning, section 8.4 ("break symmetry").
"""

from nnlint.facts import Layer, Model, Node
from nnlint.facts.graph import CONVOLUTIONS, DROPOUTS, NORMS, POOLS, RECTIFIERS, RECURRENT, VIEWS
from nnlint.finding import Finding
from nnlint.fix import Fix, Initialize
from nnlint.rule import rule

LAYERS = CONVOLUTIONS | {"linear"}
ZERO_AT_ZERO = {"relu", "relu6"}


@rule(level="error", since="0.1")
def symmetric_init(model: Model) -> Finding | None:
    """Report layers whose units are equal in what they read and in what reads them."""
    equal = [node for node in model.graph if node.op in LAYERS and _stuck(Layer(node, model.graph, model))]
    if not equal:
        equal = _stuck_cells(model)
    if not equal:
        return None
    first = equal[0]
    units = first.units or first.arguments.get("hidden_size") or 0
    return Finding(
        at=first.built or first,
        says=f"the {units} units of `{first.name}` start equal and can never part",
        why=f"they get the same value and the same gradient at every step, so {units} units are worth one",
        explains=(
            "init-mismatched-to-activation",
            "oversized-activations",
            "dead-relu",
            "vanishing-gradient",
            "constant-output",
        ),
        help="leave out what sets them: PyTorch draws them at random" if first.op in RECURRENT else "",
        fixes=[] if first.op in RECURRENT else [_fix(model, equal)],
    )


def _stuck_cells(model: Model) -> list[Node]:
    """Return recurrent layers whose weights are constant, where every layer besides is constant as well.

    What stands between the cells and the layers that read them (steps taken out, attention) then cannot part them.
    """
    graph = model.graph
    cells = [node for node in graph if node.op in RECURRENT]
    layers = [node for node in graph if node.op in LAYERS]
    if not cells or not layers or any(node.op in DROPOUTS for node in graph):
        return []
    for node in (*cells, *layers):
        if not all(p.trainable and p.constant for p in Layer(node, graph, model).parameters):
            return []
    return [node for node in cells if (node.arguments.get("hidden_size") or 2) > 1]


def _stuck(layer: Layer) -> bool:
    """Whether the units share incoming weights and bias, and outgoing weights or a ReLU that is off for all."""
    weight, bias = layer.weight, layer.bias
    if weight is None or not weight.trainable or (layer.node.units or 0) < 2 or not weight.equal_units:
        return False
    if bias is not None and not (bias.constant and bias.trainable):
        return False
    after = layer.graph.readers(layer.node)
    if len(after) == 1 and after[0].op in ZERO_AT_ZERO and weight.zeros == 1 and (bias is None or bias.zeros == 1):
        return True
    readers = layer.graph.ahead(layer.node, VIEWS | NORMS | POOLS | RECTIFIERS | SMOOTH)
    return bool(readers) and all(_reads_alike(reader, layer) for reader in readers)


SMOOTH = {"sigmoid", "tanh", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign", "hardtanh"}


def _reads_alike(reader: Node, layer: Layer) -> bool:
    """Whether a layer gives the same weight to all units that it reads (dropout between them parts them)."""
    if reader.op not in LAYERS or reader.op in DROPOUTS:
        return False
    weight = Layer(reader, layer.graph, layer.model).weight
    return weight is not None and weight.constant


def _fix(model: Model, equal: list[Node]) -> Fix:
    """Initialize every layer that starts constant, so that neither side stays equal."""
    graph = model.graph
    concerned = [
        node
        for node in graph
        if node in equal
        or (node.op in LAYERS and (weight := Layer(node, graph, model).weight) is not None and weight.constant)
    ]
    schemes: dict[str, list[Node]] = {}
    for node in concerned:
        after = graph.activation_after(node)
        rectified = after is not None and after.op in RECTIFIERS and bool(graph.ahead(after))
        schemes.setdefault("he_normal" if rectified else "glorot_uniform", []).append(node)
    return Fix(
        title="draw the weights at random",
        verbs=tuple(Initialize(nodes=tuple(nodes), scheme=scheme) for scheme, nodes in schemes.items()),
        changes="the network starts from other weights",
    )

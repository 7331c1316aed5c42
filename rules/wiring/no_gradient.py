"""Layers get no gradient because their values leave the graph.

Why is this bad?
    A gradient goes back only along what autograd has seen. `argmax`, rounding, a cast to whole numbers, `.numpy()`
    and `torch.tensor(...)` of computed values end it, so 0 of the weights in front ever move, while the layers behind
    train and the loss falls a little.

When is it fine?
    A plain `detach()` or `no_grad()`, which is a stop by design (a frozen backbone, BYOL, a target), frozen and loaded
    weights, straight-through estimators (they keep a way for the gradient), and layers that the forward pass did not
    come through.

Fix safety
    There is no automatic fix: what the step is for decides what can take its place (a softmax for an argmax, torch's
    functions for NumPy's).

References
    PyTorch: Autograd mechanics. Bengio et al.: Estimating or Propagating Gradients Through Stochastic Neurons, 2013.
"""

from collections.abc import Mapping, Sequence

from nnlint.facts import Model, Node, Probe
from nnlint.facts.graph import CONVOLUTIONS, RECURRENT
from nnlint.finding import Finding
from nnlint.rule import rule

LAYERS = CONVOLUTIONS | RECURRENT | {"linear", "embedding"}
CUTS = {"argmax", "argmin", "round", "floor", "ceil", "sign", "heaviside", "gt", "ge", "lt", "le", "eq", "ne",
        "argsort", "bernoulli", "multinomial", "one_hot", "floor_divide", "trunc", "tolist", "numpy"}  # fmt: skip


@rule(level="error", since="0.1")
def no_gradient(model: Model, probe: Probe) -> Finding | None:
    """Report layers in use that no gradient can reach, with the operation that ends it."""
    modules = {module.path: module for module in model.modules}
    lost = [name for name in (*probe.unreached, *probe.unmoved) if _is_weight(name) and _used(name, modules)]
    for name in lost:
        path = name.rpartition(".")[0]
        node = next((n for n in model.graph if n.op in LAYERS and name in n.parameters), None)
        if node is None:
            continue
        cut = _cut(model, node)
        if cut is None:
            continue
        if not model.fresh:
            return None
        return Finding(
            at=cut,
            says=f"no gradient comes back through `{cut.name}`",
            label="ends the gradient",
            also={node: f"`{path}` never moves"} if node.span != cut.span else {},
            why=f"the weights in front of it ({len(lost)} of them) stay as they were drawn",
            help="use an operation that has a derivative, such as a softmax for an argmax",
        )
    return None


def _is_weight(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.endswith("weight") or last.startswith("weight_ih")


def _used(name: str, modules: Mapping[str, object]) -> bool:
    module = modules.get(name.rpartition(".")[0])
    return module is not None and getattr(module, "used", None) is True


def _cut(model: Model, layer: Node) -> Node | None:
    """Return the first operation without a derivative behind `layer`; None where another way has none."""
    graph = model.graph
    found: list[Node] = []
    todo, seen = graph.readers(layer), {layer.id}
    while todo:
        node = todo.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        if node.op == "detach" and not _only_for_numbers(graph.readers(node)):
            return None
        if node.op in CUTS or (node.op == "to" and "int" in (node.gives[0].dtype if node.gives else "")):
            found.append(node)
        elif node.module is None or node.id in graph.outputs:
            return None
        else:
            todo += graph.readers(node)
    return min(found, key=lambda node: node.id) if found else None


def _only_for_numbers(readers: Sequence[Node]) -> bool:
    """Whether a `detach()` stands there because NumPy asks for it: what reads it leaves torch."""
    return bool(readers) and all(node.op in ("tolist", "numpy", "cpu", "to") for node in readers)

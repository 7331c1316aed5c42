"""A VAE adds an averaged reconstruction error to a summed divergence.

Why is this bad?
    The mean over all values makes the reconstruction hundreds of times smaller than the sum over batch and latent
    units makes the divergence. The cheapest answer is then to encode nothing: the posterior collapses to the prior, and
    every sample is decoded to the mean of the data.

When is it fine?
    Both summed, or both averaged over the samples, and a weight in front of either (a beta-VAE, annealing).

Fix safety
    Unsafe: the loss takes another scale, which is the purpose; the rate may have to be tuned again.

References
    Kingma, Welling: Auto-Encoding Variational Bayes, 2014. Higgins et al.: beta-VAE, 2017.
"""

from nnlint.facts import Graph, Loss, Model, Node, Recipe
from nnlint.finding import Finding
from nnlint.fix import set_argument
from nnlint.rule import rule

RECONSTRUCTION = {"mse", "l1", "bce", "bce_with_logits", "smooth_l1", "huber"}
HALVES = (0.5, -0.5, 1, -1, 1.0, -1.0)
THROUGH = {"add", "sub", "neg", "mul", "view", "reshape", "squeeze", "to", "identity"}


@rule(level="warning", since="0.1")
def vae_loss_scales_mixed(recipe: Recipe, model: Model) -> Finding | None:
    """Report a reconstruction with reduction "mean" beside a divergence that is summed over everything."""
    losses = [loss for loss in recipe.losses if loss.kind in RECONSTRUCTION]
    if len(losses) != 1 or losses[0].reduction != "mean":
        return None
    loss = losses[0]
    total = next((node for node in model.graph if _divergence(model.graph, node)), None)
    if total is None or not _unweighted(model.graph, total) or not _unweighted(model.graph, _call(model.graph, loss)):
        return None
    values = 1
    for size in model.graph[loss.reads[0]].shape:
        values *= size
    place = loss.span or loss.call
    named = place is not None and " " not in loss.name
    return Finding(
        at=loss.call or loss,
        says=f"{loss.shown} is averaged, the divergence beside it is summed",
        label=f"a mean over {values:,} values",
        also={total: "a sum over batch and latent units"},
        why=f"the reconstruction counts 1/{values:,} of what it does as a sum, and encoding nothing is the cheapest "
        "way to a small loss",
        help="" if named else "sum both, or average both over the samples",
        fixes=[set_argument(place, "reduction", "sum", title="sum the reconstruction error as well")]
        if named and place is not None
        else [],
    )


def _call(graph: Graph, loss: Loss) -> Node | None:
    return next((node for node in graph if node.module is None and node.call == loss.call), None)


def _divergence(graph: Graph, node: Node) -> bool:
    """Whether a call sums `1 + log s^2 - m^2 - s^2`, or the same in another order, over all axes."""
    if node.op != "sum" or node.arguments.get("dim") is not None or len(node.gives) != 1 or node.shape != ():
        return False
    seen, todo, ops = set(), list(node.inputs), []
    while todo:
        current = graph[todo.pop()]
        if current.id not in seen:
            seen.add(current.id)
            if current.op in {"add", "sub", "neg", "mul", "pow", "square", "exp", "log"} and len(seen) < 20:
                ops.append(current.op)
                todo.extend(current.inputs)
    squares = "pow" in ops or "square" in ops or ops.count("mul") > 0
    return "exp" in ops and squares and ("add" in ops or "sub" in ops)


def _unweighted(graph: Graph, node: Node | None) -> bool:
    """Whether a term reaches the end with no other factor than a half."""
    while node is not None:
        readers = graph.readers(node)
        if not readers:
            return True
        if len(readers) > 1 or readers[0].op not in THROUGH:
            return False
        reader = readers[0]
        if reader.op == "mul" and reader.arguments.get("other") not in HALVES:
            return False
        node = reader
    return False

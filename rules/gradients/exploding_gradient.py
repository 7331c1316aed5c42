"""The gradient grows on its way to the first layers.

Why is this bad?
    Where the first hidden activation gets more than 20 times the gradient of the last one, and the values grow as much
    on their way forth, no rate suits both ends: one that moves the last layers throws the first ones about. A loss that
    is not finite before the first step ends the training at once.

When is it fine?
    With skips, concatenations and norms, and on batches that nnlint drew, whose scale may be another.

Fix safety
    There is no automatic fix: this is an effect. Most of its causes (oversized weights, the initialization, gradients
    that pile up) have rules of their own, which name this one among what they explain.

References
    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, 2013.
"""

from nnlint.facts import Model, Probe
from nnlint.facts.graph import NORMS
from nnlint.facts.probe import GRADIENT_LIMIT
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def exploding_gradient(model: Model, probe: Probe) -> Finding | None:
    """Report gradients and values that both grow by more than 20 times between the hidden activations."""
    if probe.drawn or model.graph.joins or any(node.op in NORMS for node in model.graph):
        return None
    if not probe.gradient_arrives or min(probe.gradient_ratio, probe.std_ratio) <= GRADIENT_LIMIT:
        return None
    first, last = model.graph[probe.signals[0].node], model.graph[probe.signals[-1].node]
    return Finding(
        at=first,
        says=f"the gradient grows {probe.gradient_ratio:,.0f} times on its way back to `{first.name}`",
        label="gets the largest gradient",
        also={last: "gets it first"} if last.span != first.span else {},
        why=f"the spread over the batch grows {probe.std_ratio:,.0f} times on its way forth; no rate suits both ends",
        help="look for what scales the values up between the two, or add a norm",
    )

"""A recurrent net trains without gradient clipping.

Why is this bad?
    Backpropagation through time multiplies the same matrix once a step: now and then a gradient is hundreds of times
    the usual one and throws the weights far off. Measured, clipping an RNN gave nothing at a good rate, and 22 to 36
    points of accuracy at a rate too high: it is insurance.

When is it fine?
    Short sequences, gated cells at a modest rate, and runs whose gradients were watched. It is advice, and
    a warning where a gradient of the observed steps was not finite, or 100 times another.

Fix safety
    Unsafe: steps with a gradient norm over 1 become shorter.

References
    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, 2013.
"""

from nnlint.facts import Loop, Model, Node, known
from nnlint.facts.graph import RECURRENT
from nnlint.finding import Finding
from nnlint.fix import Fix, insert_statement
from nnlint.rule import rule

SPIKE = 100
SHORT = 5
"""Steps of a sequence for which gradients have no room to grow."""


@rule(level="warning", since="0.1")
def rnn_without_clipping(model: Model, loop: Loop) -> Finding | None:
    """Report trained recurrent layers whose gradients go into the step at any size."""
    layers = [node for node in model.graph if node.op in RECURRENT and _is_trained(node, model)]
    layers = [node for node in layers if node.op.endswith("cell") or _length(node) > SHORT]
    if not layers or loop.clips is not None:
        return None
    fixes = _fixes(loop)
    return Finding(
        at=layers[0],
        level="warning" if known(lambda: _explodes(loop), False) else "advice",
        says=f"`{layers[0].name}` is trained without clipping its gradients",
        also={loop.step: "takes gradients of any size"} if loop.step else {},
        why=f"the gradient goes through {_length(layers[0])} steps in time, and may grow in each"
        if _length(layers[0])
        else "the gradient goes through every step in time, and may grow in each",
        help="" if fixes else "clip the gradients by norm before the step",
        fixes=fixes,
    )


def _explodes(loop: Loop) -> bool:
    """Whether the observed steps had a gradient that was not finite, or many times as large as another."""
    norms = [step.gradient for step in loop.steps]
    return not all(step.finite for step in loop.steps) or max(norms) > SPIKE * min(norms) > 0


def _is_trained(node: Node, model: Model) -> bool:
    return any(model.parameter(name).trainable for name in node.parameters)


def _length(node: Node) -> int:
    """Return the length of the sequences that a layer reads; 0 where it is not known (packed, or a cell)."""
    shape = node.reads[0].shape if node.reads else ()
    if node.op.endswith("cell") or len(shape) < 2:
        return 0
    return shape[0] if len(shape) == 2 else shape[1 if node.arguments.get("batch_first") else 0]


def _fixes(loop: Loop) -> list[Fix]:
    if loop.step is None or len(loop.models) != 1:
        return []
    text = f"torch.nn.utils.clip_grad_norm_({loop.models[0]}.parameters(), 1.0)"
    return [insert_statement(loop.step, text, title="clip the norm of the gradients at 1")]

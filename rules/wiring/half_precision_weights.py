"""Weights in half precision are stepped directly.

Why is this bad?
    bfloat16 keeps 8 significant bits, float16 keeps 11. An update below 1/512 (1/4096) of a weight is rounded away:
    such weights stand still however long the training. Mixed precision keeps the weights in float32 and
    only computes in half precision.

When is it fine?
    Optimizers made for it (with stochastic rounding or a float32 copy), frozen weights, and models that are used, not
    trained.

Fix safety
    Unsafe: weights, gradients and activations take twice the memory. Under `torch.autocast` the forward pass is as fast
    as before.

References
    Micikevicius et al.: Mixed Precision Training, ICLR 2018.
"""

from nnlint.facts import Model, Optimizer
from nnlint.finding import Finding
from nnlint.fix import DropCasts, Fix
from nnlint.rule import rule

BITS = {"bfloat16": 8, "float16": 11}
PLAIN = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "ASGD")


@rule(level="warning", since="0.1")
def half_precision_weights(optimizer: Optimizer, model: Model) -> Finding | None:
    """Report an optimizer of PyTorch's own that steps weights in half precision."""
    if optimizer.kind not in PLAIN:
        return None
    held = set(optimizer.parameters)
    halves = [p for p in model.parameters if p.name in held and p.trainable and p.dtype in BITS]
    if not halves:
        return None
    kind = halves[0].dtype
    return Finding(
        at=optimizer,
        says=f"`{optimizer.kind}` steps {len(halves)} parameters in {kind}",
        label="small updates are rounded away",
        why=f"{kind} has {BITS[kind]} bits: an update below 1/{2 ** (BITS[kind] + 1)} of a weight changes nothing",
        fixes=_fixes(optimizer, kind),
        help="keep the weights in float32 and run the forward pass under `torch.autocast`",
    )


def _fixes(optimizer: Optimizer, kind: str) -> list[Fix]:
    if optimizer.span is None:
        return []
    verb = DropCasts(at=optimizer.span, dtype="bfloat16" if kind == "bfloat16" else "float16")
    changes = "weights and activations take twice the memory; `torch.autocast` gives the speed back"
    return [Fix(title="keep the weights in float32", verbs=(verb,), changes=changes)]

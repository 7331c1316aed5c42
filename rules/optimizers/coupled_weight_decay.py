"""Weight decay goes through Adam's own scaling.

Why is this bad?
    `Adam` adds weight decay to the gradient, and then divides by the gradient's running size: weights with large
    gradients are hardly decayed, those with small ones strongly: of two weights whose gradients differ by a factor of
    100, one is decayed 100 times more. `AdamW` takes the decay off the weights themselves.

When is it fine?
    Without weight decay both are the same. Where the amount was tuned for `Adam`, or a published recipe is repeated,
    keep it. `Adam(..., decoupled_weight_decay=True)` is AdamW under another name. It is advice.

Fix safety
    Unsafe: training takes another course. `AdamW` multiplies the decay by the rate, so the fix starts from its
    usual 0.01.

References
    Loshchilov, Hutter: Decoupled Weight Decay Regularization, ICLR 2019.
"""

from nnlint.facts import Optimizer
from nnlint.finding import Finding
from nnlint.fix import replace_optimizer
from nnlint.rule import rule

USUAL = 0.01


@rule(level="advice", since="0.1")
def coupled_weight_decay(optimizer: Optimizer) -> Finding | None:
    """Report Adam with weight decay."""
    if optimizer.kind != "Adam" or optimizer.weight_decay == 0 or "decoupled_weight_decay" in optimizer.given:
        return None
    return Finding(
        at=optimizer,
        says=f"`Adam` divides a weight decay of {optimizer.weight_decay:g} by each gradient's running size",
        why="weights with large gradients are hardly decayed",
        fixes=[
            replace_optimizer(
                optimizer, "AdamW", {"weight_decay": USUAL}, title="use `AdamW`, which decays the weights themselves"
            )
        ],
    )

"""Adam's momentum could look ahead.

Why is this bad?
    It is not: this is an experiment. `NAdam` is Adam with Nesterov's correction and may converge faster. Measured
    against Adam, each at its best rate: no difference.

When is it fine?
    Always. Nothing is proposed where betas or AMSGrad were chosen by hand.

Fix safety
    Unsafe: training takes another course. The rate stays as it is.

References
    Dozat: Incorporating Nesterov Momentum into Adam, 2016.
"""

from nnlint.facts import Optimizer
from nnlint.finding import Finding
from nnlint.fix import replace_optimizer
from nnlint.rule import rule

CHOSEN = {"betas", "eps", "amsgrad", "decoupled_weight_decay"}


@rule(level="experiment", since="0.1")
def adam_without_nesterov(optimizer: Optimizer) -> Finding | None:
    """Propose NAdam in the place of Adam and AdamW."""
    if optimizer.kind not in ("Adam", "AdamW") or CHOSEN & set(optimizer.given) or optimizer.span is None:
        return None
    arguments = {} if "lr" in optimizer.given else {"lr": optimizer.lr}
    if optimizer.kind == "AdamW":
        if "weight_decay" not in optimizer.given:
            arguments["weight_decay"] = optimizer.weight_decay
        arguments["decoupled_weight_decay"] = True
    return Finding(
        at=optimizer,
        says=f"`{optimizer.kind}` steps without Nesterov's correction",
        why="`NAdam` takes the momentum one step ahead",
        fixes=[replace_optimizer(optimizer, "NAdam", arguments, title="use `NAdam`")],
    )

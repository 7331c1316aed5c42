"""The weights of the last steps are not averaged.

Why is this bad?
    It is not: this is an experiment. The average of the weights along SGD's path often lies in a flatter part of the
    loss, and generalizes better than the last of them.

When is it fine?
    Always. Nothing is proposed for fewer than 500 planned steps, several optimizers or models, or where weights are
    averaged already.

Fix safety
    Unsafe: what is scored after training is an exponential average of the weights, over about the last 100 steps.

References
    Izmailov et al.: Averaging Weights Leads to Wider Optima, 2018. PyTorch: `torch.optim.swa_utils`.
"""

from nnlint.facts import Model, Optimizer, Recipe
from nnlint.finding import Finding
from nnlint.fix import Fix, InsertStatement
from nnlint.rule import rule

FEWEST = 500
DECAY = 0.99


@rule(level="experiment", since="0.1")
def weight_averaging_untried(model: Model, optimizer: Optimizer, recipe: Recipe) -> Finding | None:
    """Propose an average of the weights for a training that is long enough."""
    loop = recipe.loop
    if recipe.averaging is not None or recipe.updates < FEWEST or len(recipe.optimizers) > 1 or optimizer.span is None:
        return None
    if loop.step is None or len(loop.models) != 1 or not loop.models[0].isidentifier():
        return None
    if any(call.kind == "ema_update" for call in loop.calls):
        return None
    name = loop.models[0]
    buffers = ", use_buffers=True" if any(node.op == "batch_norm" for node in model.graph) else ""
    function = f"torch.optim.swa_utils.get_ema_multi_avg_fn({DECAY:g})"
    built = f"averaged = torch.optim.swa_utils.AveragedModel({name}, multi_avg_fn={function}{buffers})"
    verbs = (
        InsertStatement(at=loop.step, text=built, where="before_loops"),
        InsertStatement(at=loop.step, text=f"averaged.update_parameters({name})", where="after"),
        InsertStatement(
            at=loop.step, text=f"{name}.load_state_dict(averaged.module.state_dict())", where="after_loops"
        ),
    )
    return Finding(
        at=optimizer,
        says=f"the weights of the last of {recipe.updates:,} steps are used as they are",
        why=f"an average over about the last {1 / (1 - DECAY):.0f} steps is less a matter of the last batch",
        fixes=[Fix(title="use an exponential average of the weights", verbs=verbs)],
    )

"""Batch norm and dropout both regularize the same layers.

Why is this bad?
    It is not: this is an experiment. Batch norm adds noise of its own, since each sample is normalized by figures of
    its batch; the article holds that dropout and weight decay can then be left out or lowered. With a rate of 0.5
    dropout halves what each step learns from.

When is it fine?
    Where both were compared, in large dense heads, and where there are few samples.

Fix safety
    Unsafe: training regularizes less.

References
    Ioffe, Szegedy: Batch Normalization, 2015, section 4.2.1. Lavanya Shukla: Designing Your Neural Networks, 2019.
"""

from nnlint.facts import Model, Recipe
from nnlint.facts.graph import DROPOUTS
from nnlint.finding import Finding
from nnlint.fix import Fix, Remove
from nnlint.rule import rule


@rule(level="experiment", since="0.1")
def redundant_regularizers(model: Model, recipe: Recipe) -> Finding | None:
    """Propose to leave out dropout in a net with batch norm."""
    calls = [node for node in model.graph if node.module is not None]
    dropped = [node for node in calls if node.op in DROPOUTS and node.arguments.get("p", 0.5)]
    norms = [node for node in calls if node.op == "batch_norm"]
    if not dropped or len(norms) < len(dropped):
        return None
    decays = any(optimizer.weight_decay for optimizer in recipe.optimizers)
    return Finding(
        at=dropped[0],
        says=f"{len(norms)} batch norms and {len(dropped)} dropouts regularize one net",
        why="batch norm adds noise of its own" + (", and weight decay is a third" if decays else ""),
        fixes=[
            Fix(
                title="try without dropout",
                verbs=tuple(Remove(node=node) for node in dropped),
                changes="training regularizes less",
            )
        ],
    )

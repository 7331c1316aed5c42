"""A checkpoint to resume from lacks the optimizer's state.

Why is this bad?
    Momentum and Adam's running moments, and the place in a schedule, are part of where training stands. A checkpoint
    that holds the model and the epoch alone resumes with an optimizer that knows nothing: its first steps go where no
    running average would have gone, and the loss jumps.

When is it fine?
    Weights saved for later use, which is why only checkpoints that hold the epoch, and are loaded in the same program,
    are looked at; plain SGD, which keeps nothing. It is advice.

Fix safety
    There is no automatic fix: save `optimizer.state_dict()` (and the scheduler's) with the rest, and load it too.

References
    PyTorch: Saving and Loading Models, Saving and loading a general checkpoint.
"""

from nnlint.facts import Recipe, known
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def checkpoint_without_optimizer(recipe: Recipe) -> Finding | None:
    """Report a checkpoint with model and epoch, loaded again, from which the optimizer cannot go on."""
    remembers = [o for o in recipe.optimizers if o.kind != "SGD" or o.momentum]
    resumed = [one for one in recipe.loaded if one.into == "model"]
    if not remembers or not resumed or any(one.into == "optimizer" for one in recipe.loaded):
        return None
    for saved in recipe.saved:
        if "model" in saved.holds and "epoch" in saved.holds and "optimizer" not in saved.holds:
            lacking = "the optimizer and the scheduler" if known(lambda: recipe.scheduler, None) else "the optimizer"
            return Finding(
                at=saved.span,
                says=f"a checkpoint to resume from lacks the state of {lacking}",
                label=f"holds {', '.join(saved.holds)}",
                also={resumed[0].span: "resumes from it"} if resumed[0].span else {},
                why=f"`{remembers[0].kind}` resumes with 0 of its running averages",
                help=f"save and load the `state_dict()` of {lacking} as well",
            )
    return None

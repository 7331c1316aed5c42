"""A checkpoint to resume from lacks the optimizer's state.

Why is this bad?
    Momentum and Adam's running moments, and the place in a schedule, are part of where training stands. A checkpoint
    that holds the model and the epoch alone resumes with an optimizer that knows nothing: its first steps go where no
    running average would have gone, and the loss jumps.

When is it fine?
    Weights saved for later use, which is why only checkpoints that hold the epoch, and are loaded in the same program,
    are looked at; plain SGD, which keeps nothing. It is advice.

Fix safety
    Unsafe: the checkpoint gets another entry, and one that was written before lacks it when it is read.

References
    PyTorch: Saving and Loading Models, Saving and loading a general checkpoint.
"""

from nnlint.facts import Optimizer, Recipe, Saved, Scheduler, Span, known
from nnlint.finding import Finding
from nnlint.fix import Fix, SaveState
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
                fixes=_fixes(recipe, saved, resumed[0].span, remembers[0]),
                help=f"save and load the `state_dict()` of {lacking} as well",
            )
    return None


def _fixes(recipe: Recipe, saved: Saved, loaded: Span | None, optimizer: Optimizer) -> list[Fix]:
    if saved.span is None or loaded is None or optimizer.span is None or len(recipe.optimizers) > 1:
        return []
    verbs = [SaveState(saved=saved.span, loaded=loaded, thing=optimizer.span)]
    nothing: tuple[Scheduler, ...] = ()
    schedulers = known(lambda: recipe.schedulers, nothing)
    if len(schedulers) == 1 and schedulers[0].span is not None and "scheduler" not in saved.holds:
        verbs.insert(0, SaveState(saved=saved.span, loaded=loaded, thing=schedulers[0].span, what="scheduler"))
        verbs.reverse()
    changes = "checkpoints get another entry, which those that stand on disk lack"
    return [Fix(title="save and load its state as well", verbs=tuple(verbs), changes=changes)]

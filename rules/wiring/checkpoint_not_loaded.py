"""Loaded weights are overwritten by a fresh initialization.

Why is this bad?
    A checkpoint is loaded, and then an initialization runs over the same model: random weights take the place of those
    that were loaded, and no error tells of it.

When is it fine?
    Initialization before loading; new layers that are initialized alone after the rest was loaded.

Fix safety
    Unsafe: training begins from the loaded weights, which is the purpose.

References
    PyTorch: `torch.nn.Module.load_state_dict`.
"""

from nnlint.facts import Loaded, Recipe
from nnlint.finding import Finding
from nnlint.fix import move_statement
from nnlint.rule import rule


@rule(level="error", since="0.1")
def checkpoint_not_loaded(recipe: Recipe) -> list[Finding]:
    """Report checkpoints of which nothing is left when training begins."""
    into_model = [one for one in recipe.loaded if one.into == "model"]
    return [_overwritten(one) for one in into_model if one.initialised_after is not None]


def _overwritten(one: Loaded) -> Finding:
    fixes = []
    again = one.initialised_after
    if one.span and again:
        fixes = [move_statement(again, one.span, title="initialize before loading")]
    return Finding(
        at=again,
        says="the weights that were loaded are initialized again",
        label="writes random values over them",
        also={one.span: "loads weights"} if one.span else {},
        why="what was loaded is gone before the first step, and no error tells of it",
        help="" if fixes else "initialize before loading",
        fixes=fixes,
    )

"""Nothing is left of the weights that were loaded.

Why is this bad?
    A checkpoint is loaded, and then an initialization runs over the same model: random weights take the place of those
    that were loaded. Or `strict=False` accepts a checkpoint of which not one key fits (`module.fc1.weight` for
    `fc1.weight`), and loads nothing. No error tells of either.

When is it fine?
    Initialization before loading; new layers that are initialized alone after the rest was loaded; checkpoints of which
    some keys fit.

Fix safety
    Unsafe: training begins from the loaded weights, which is the purpose. There is no automatic fix for keys that do
    not fit.

References
    PyTorch: `torch.nn.Module.load_state_dict`.
"""

import functools
from collections.abc import Iterator, Sequence

from nnlint.facts import Loaded, Model, Recipe, known
from nnlint.finding import Finding
from nnlint.fix import move_statement
from nnlint.rule import rule

SHOWN = 20
"""As many keys are known of those that did not fit."""


@rule(level="error", since="0.1")
def checkpoint_not_loaded(model: Model, recipe: Recipe) -> Iterator[Finding]:
    """Report checkpoints of which nothing is left when training begins."""
    nothing: tuple[str, ...] = ()
    for one in recipe.loaded:
        if one.into != "model":
            continue
        lacking = known(functools.partial(getattr, one, "missing_keys"), nothing)
        left_over = known(functools.partial(getattr, one, "unexpected_keys"), nothing)
        prefix = _prefix(lacking, left_over)
        if lacking and left_over and _none_fits(model, lacking) and (len(lacking) < SHOWN or prefix):
            yield _not_fitting(one, lacking, left_over, prefix)
        elif one.initialised_after is not None:
            yield _overwritten(one)


def _none_fits(model: Model, lacking: Sequence[str]) -> bool:
    names = [p.name for p in model.parameters if p.trainable][:SHOWN]
    return bool(names) and set(names) <= set(lacking)


def _prefix(lacking: Sequence[str], left_over: Sequence[str]) -> str:
    """Return what all keys of the checkpoint have in front (`module.`), or lack there; "" where it varies."""
    for short, long in ((lacking, left_over), (left_over, lacking)):
        found = {other.removesuffix(key) for key, other in zip(short, long, strict=False) if other.endswith("." + key)}
        if len(found) == 1 and len(short) == len(long):
            return found.pop()
    return ""


def _not_fitting(one: Loaded, lacking: Sequence[str], left_over: Sequence[str], prefix: str) -> Finding:
    return Finding(
        at=one.span,
        says="`strict=False` loads nothing: no key of the checkpoint fits the model",
        label=f"wants `{lacking[0]}`, gets `{left_over[0]}`",
        why="0 of the trainable parameters are in the checkpoint under their names",
        help=f"the names differ by `{prefix}` in front of them"
        if prefix
        else "load with `strict=True` to see the keys",
    )


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

"""The optimizer does not train what should be trained.

Why is this bad?
    An optimizer steps exactly the parameters that it was given. A layer that was forgotten, or replaced after the
    optimizer was built, keeps its random weights for ever; an optimizer that holds frozen parameters only does
    nothing at all.

When is it fine?
    Frozen parameters (`requires_grad` is False), models that no optimizer of the program knows (teachers, targets,
    moving averages, perceptual losses) unless they are built anew, stand in training mode and get gradients, and
    parameters without use. Trainable layers or models that are only left out are a warning.

Fix safety
    There is no automatic fix: pass the parameters that are to be trained, or freeze the rest.

References
    PyTorch: `torch.optim.Optimizer`. PyTorch forum 84911.
"""

from nnlint.facts import Model, Parameter, Recipe
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="error", since="0.1")
def unoptimized_parameters(model: Model, recipe: Recipe) -> Finding | None:
    """Report optimizers without anything trainable, and trainable parameters that none of them holds."""
    held = {name for optimizer in recipe.optimizers for name in optimizer.parameters}
    named = {p.name: p for p in model.parameters}
    mine = [named[name] for name in named if name in held]
    if not mine:
        return _alone(model, recipe)
    for optimizer in recipe.optimizers:
        own = [named[name] for name in optimizer.parameters if name in named]
        if own and not any(p.trainable for p in own):
            return Finding(
                at=optimizer,
                says=f"all {len(own)} parameters that `{optimizer.kind}` holds are frozen",
                label="steps nothing",
                why=f"none of {', '.join(f'`{p.name}`' for p in own[:3])} gets a gradient",
                help="unfreeze what is to be trained, or pass other parameters",
            )
    left = [p for p in model.parameters if p.trainable and p.name not in held and p.name in _used(model)]
    if not left:
        return None
    return Finding(
        at=recipe.optimizers[0],
        level="warning",
        says=f"no optimizer holds {_count(left)}",
        label=f"holds {len(mine)} parameters of the model",
        why=f"{', '.join(f'`{p.name}`' for p in left[:3])}{' and others' * (len(left) > 3)} keep their first values",
        help="pass them to the optimizer, or freeze them with `requires_grad_(False)`",
    )


def _alone(model: Model, recipe: Recipe) -> Finding | None:
    """Report a whole model that is trained along, by its gradients, and that no optimizer was given."""
    got = recipe.loop.unheld if model.fresh else ()
    if not got:
        return None
    return Finding(
        at=model,
        level="warning",
        says=f"no optimizer holds any parameter of `{model.name}`",
        label="gets gradients that nobody uses",
        why=f"{', '.join(f'`{name}`' for name in got[:3])}{' and others' * (len(got) > 3)} keep their first values",
        help="pass its parameters to an optimizer as well, or freeze it with `requires_grad_(False)`",
    )


def _used(model: Model) -> set[str]:
    """Return the names of the parameters that the traced forward reads."""
    return {name for node in model.graph for name in node.parameters}


def _count(left: list[Parameter]) -> str:
    layers = list(dict.fromkeys(p.layer for p in left))
    shown = ", ".join(f"`{layer}`" for layer in layers[:3])
    return f"the trainable parameters of {shown}" + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")

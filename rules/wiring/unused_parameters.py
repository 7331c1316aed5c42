"""A layer, or a parameter of its own, is built and optimized, and no method ever reads it.

Why is this bad?
    It never gets a gradient and changes nothing, so 100 % of its weights are ballast in every checkpoint. Usually its
    call was forgotten, or another layer is called in its place.

When is it fine?
    Layers that some method names, even if this forward pass did not come through it: auxiliary heads, experts,
    optional inputs; layers that are looked up in other ways (`getattr`, `children()`); and frozen ones.

Fix safety
    There is no automatic fix: either the layer or its call is what is missing.

References
    PyTorch: `torch.nn.parallel.DistributedDataParallel` (`find_unused_parameters`).
"""

from collections.abc import Iterator

from nnlint.facts import Model, Recipe, Unknown
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def unused_parameters(model: Model, recipe: Recipe | None) -> Iterator[Finding]:
    """Report trainable layers and parameters that neither the forward pass nor the source of any method reads."""
    seen = set()
    for module in model.modules:
        if module.used is not False or module.read is not False or module.built in seen:
            continue
        own = [p for p in model.parameters if p.trainable and p.name.startswith(module.path + ".")]
        if not own:
            continue
        seen.add(module.built)
        count = sum(_size(parameter.shape) for parameter in own)
        name = module.path.rpartition(".")[2]
        yield Finding(
            at=module.built or model,
            says=f"`{name}` is built and never read",
            label="no method names it",
            why=f"its {count:,} values are saved and optimized, and no gradient reaches them",
            help="call it in `forward`, or leave it out",
        )

    yield from _alone(model, recipe) if recipe is not None else ()


def _alone(model: Model, recipe: Recipe) -> Iterator[Finding]:
    """Parameters that stand in no layer; a script may read them itself, which only a step shows."""
    try:
        still = recipe.loop.without_gradient
    except Unknown:
        return
    layers = {module.path: module for module in model.modules}
    for one in model.parameters:
        holder = layers.get(one.layer)
        if one.read is False and one.trainable and one.name in still and holder is not None and holder.used:
            yield Finding(
                at=(holder.built if holder.path else None) or model,
                says=f"`{one.name}` is made and never read",
                label="no method names it",
                why=f"its {_size(one.shape):,} values are saved and optimized, and no gradient reaches them",
                help="use it in `forward`, or leave it out",
            )


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size

"""A method of the model replaces one that PyTorch calls itself.

Why is this bad?
    `train`, `eval`, `parameters`, `modules` and some twenty more names belong to `nn.Module`, which calls them:
    `eval()` is `train(False)`, optimizers read `parameters()`, `to()` and `state_dict()` walk over `children()`. A
    method `train(self, loader)` that fits the model makes `model.eval()` raise, or train once more.

When is it fine?
    Methods that can still be called as PyTorch calls them and hand on to `super()`, or set the mode themselves
    (a frozen batch norm); `forward`; and names that PyTorch does not look at. `type`, `float` and the like are called
    by nobody but the user, so replacing them is advice.

Fix safety
    Unsafe: calls in other files keep the old name. Within the file, calls that hand over what only the new method takes
    are renamed as well.

References
    PyTorch: `torch.nn.Module`.
"""

from collections.abc import Iterator

from nnlint.facts import Model, Override
from nnlint.finding import Finding, Level
from nnlint.fix import Fix, RenameMethod
from nnlint.rule import rule

CALLERS = {
    "train": "`model.train()` and `model.eval()` call it with the mode alone",
    "eval": "scoring calls it to switch dropout off and batch norm to its running figures",
    "parameters": "optimizers are built from what it gives",
    "state_dict": "checkpoints are what it gives",
    "load_state_dict": "checkpoints are read through it",
    "to": "it moves the model to another device",
    "zero_grad": "it clears the gradients",
}
NAMES = {"train": "fit", "eval": "evaluate", "type": "kind", "apply": "use", "float": "as_float", "modules": "parts",
         "parameters": "settings", "children": "parts", "to": "move_to", "double": "doubled"}  # fmt: skip
"""What such a method is usually meant to do; any other gets `own_` in front."""


@rule(level="error", since="0.1")
def overridden_module_method(model: Model) -> Iterator[Finding]:
    """Report each method of `nn.Module` that can no longer be called as one."""
    for override in model.overrides:
        yield Finding(
            at=override.span or model,
            level=_level(override),
            says=_says(override),
            label="a name of `nn.Module`'s",
            why=CALLERS.get(override.name, f"`nn.Module` has a method `{override.name}` that is out of reach now"),
            fixes=_fixes(override),
            help="give it another name (`fit`, `predict`, `kind`)",
        )


def _fixes(override: Override) -> list[Fix]:
    if override.span is None or override.why == "mode":
        return []
    new = NAMES.get(override.name, f"own_{override.name}")
    verb = RenameMethod(at=override.span, old=override.name, new=new)
    changes = "calls in other files need the new name"
    return [Fix(title=f"call it `{new}`", verbs=(verb,), changes=changes)]


def _level(override: Override) -> Level:
    if not override.called:
        return "advice"
    return "warning" if override.why == "mode" else "error"


def _says(override: Override) -> str:
    own = f"`{override.owner}.{override.name}`"
    if override.why == "value":
        return f"{own} is a value in the place of a method"
    if override.why == "arguments":
        return f"{own} does not take what PyTorch calls it with"
    return f"{own} does not change the mode"

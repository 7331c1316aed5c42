"""An input of the model has no influence on any output.

Why is this bad?
    The caller takes the trouble to make it, and the model learns nothing from it: usually a variable was mistyped or
    a branch was forgotten, and 0 of the outputs change with it.

When is it fine?
    Arguments with a default value (an offer), names that begin with an underscore, and inputs of which the forward
    pass needs the shape alone.

Fix safety
    There is no automatic fix: it is either to be used or to be taken out everywhere.

References
    PyTorch: `torch.nn.Module.forward`.
"""

from nnlint.facts import Model
from nnlint.finding import Finding
from nnlint.rule import rule


@rule(level="advice", since="0.1")
def ignored_input(model: Model) -> Finding | None:
    """Report inputs on which neither an output nor a loss depends."""
    if not model.ignored:
        return None
    names = ", ".join(f"`{name}`" for name in model.ignored)
    does = "does" if len(model.ignored) == 1 else "do"
    return Finding(
        at=model,
        says=f"no output depends on the input {names}",
        why=f"whatever {names} holds, the predictions stay the same, so the model cannot learn from it",
        help=f"use it, or drop it from `forward` if it {does} not matter",
    )

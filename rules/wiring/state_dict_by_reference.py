"""The best weights are kept by reference, and go on training.

Why is this bad?
    `state_dict()` returns the model's own tensors, not copies. Every optimizer step changes them in place, so that the
    "best" weights are the last ones by the time they are loaded back. `.copy()` of the dictionary, and `.cpu()` of
    tensors that are on the CPU already, copy no values either.

When is it fine?
    Weights that are saved to disk, or copied with `copy.deepcopy` or `.clone()`.

Fix safety
    Unsafe: the weights that are loaded back are other ones, which is the purpose. The copy takes memory.

References
    PyTorch: Saving and Loading Models, the warning on `best_model_state = model.state_dict()`.
"""

from nnlint.facts import Recipe
from nnlint.finding import Finding
from nnlint.fix import replace_expression
from nnlint.rule import rule


@rule(level="error", since="0.1")
def state_dict_by_reference(recipe: Recipe) -> Finding | None:
    """Report best weights whose memory the model still shares."""
    best = recipe.best_weights
    if best is None or best.how != "reference" or best.span is None:
        return None
    return Finding(
        at=best.span,
        level="error" if best.restored else "warning",
        says="the best weights are kept by reference, so every later step changes them",
        label="the model's own tensors, not copies",
        why="after the last step they equal the last weights: 0 of the best is left",
        fixes=[replace_expression(best.span, "copy.deepcopy({self})", title="keep a deep copy")],
    )

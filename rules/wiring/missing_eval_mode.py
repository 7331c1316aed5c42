"""The model is scored in training mode, or goes on training in evaluation mode.

Why is this bad?
    In training mode dropout drops values and batch norm uses the statistics of the batch at hand, so that a score
    depends on chance and on which samples stand together. Measured: `eval()` when scoring gives 3 and 7 points of
    accuracy. A model that is never set back trains on without dropout and with frozen statistics.

When is it fine?
    Models without dropout and batch norm; Monte-Carlo dropout; norms that were frozen on purpose from the start; values
    that are used for anything but a score.

Fix safety
    Unsafe: scores change, which is the purpose.

References
    PyTorch: `torch.nn.Module.eval`.
"""

from nnlint.facts import Evaluation, Model, Node, Recipe, Span
from nnlint.facts.graph import DROPOUTS, RECURRENT
from nnlint.finding import Finding
from nnlint.fix import Fix, InsertStatement
from nnlint.rule import rule


@rule(level="warning", since="0.1")
def missing_eval_mode(model: Model, recipe: Recipe) -> list[Finding]:
    """Report scores of a model whose dropout or batch norm still trains, and training that goes on without them."""
    noisy = _noisy(model)
    if not noisy:
        return []
    backward, names = recipe.loop.backward, recipe.loop.models
    found = []
    for one in recipe.evaluations:
        if one.span is None or (len(names) > 1 and one.model not in names) or one.place == "before":
            continue
        if not one.eval_mode and one.figure != "other":
            found.append(_in_training_mode(one, noisy, backward))
        elif one.eval_mode and one.place == "between" and not one.trains_again:
            found.append(_never_set_back(one, noisy, backward))
    return found


def _noisy(model: Model) -> list[str]:
    """Return what behaves differently in training: `dropout`, `batch norm`."""
    return list(dict.fromkeys(name for node in model.graph if (name := _noise(node))))


def _noise(node: Node) -> str:
    arguments = node.arguments
    if not arguments.get("training", True):
        return ""
    if node.op == "batch_norm":
        return "batch norm"
    between_layers = node.op in RECURRENT and arguments.get("num_layers", 1) > 1 and arguments.get("dropout")
    return "dropout" if between_layers or (node.op in DROPOUTS and arguments.get("p", 0.5)) else ""


def _in_training_mode(one: Evaluation, noisy: list[str], backward: Span | None) -> Finding:
    """A score in training mode: put `eval()` in front of it, and `train()` behind it where training goes on."""
    assert one.span
    clear = (backward,) if backward else ()
    verbs = [InsertStatement(at=one.span, text=f"{one.model}.eval()", clear_of=clear)]
    if one.place == "between":
        verbs.append(InsertStatement(at=one.span, text=f"{one.model}.train()", where="after", clear_of=clear))
    return Finding(
        at=one.span,
        says=f"`{one.model}` is scored in training mode",
        label=f"{' and '.join(noisy)} still at work",
        why=_why(noisy),
        fixes=[Fix(title="score in evaluation mode", verbs=tuple(verbs))],
    )


def _never_set_back(one: Evaluation, noisy: list[str], backward: Span | None) -> Finding:
    assert one.span
    clear = (backward,) if backward else ()
    verb = InsertStatement(at=one.span, text=f"{one.model}.train()", where="after", clear_of=clear)
    return Finding(
        at=one.span,
        says=f"`{one.model}` stays in evaluation mode when training goes on",
        label="never set back",
        also={backward: "trains from the second epoch on in evaluation mode"} if backward else {},
        why=f"from then on {' and '.join(noisy)} does nothing"
        if len(noisy) == 1
        else "both then do nothing: " + " and ".join(noisy),
        fixes=[Fix(title="set it back to training mode", verbs=(verb,))],
    )


def _why(noisy: list[str]) -> str:
    if "batch norm" in noisy:
        return "a sample's output depends on which others stand in its batch"
    return "dropout sets a random part of the values to 0, other ones in each call"

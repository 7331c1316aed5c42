"""Layers in a plain list or dictionary are unknown to the model.

Why is this bad?
    `nn.Module` finds layers in attributes that are modules, not in a list. What is in a list is not in
    `parameters()`, so the optimizer never steps it; not in `state_dict()`, so it is not saved; and neither `to()` nor
    `train()` and `eval()` reach it. The layers keep their random weights: 0 of their values are trained.

When is it fine?
    Where the same layers are registered elsewhere too (aliases), where they are frozen (a teacher, a perceptual loss),
    and a list of one, which is how people keep a module out of the model on purpose. Where an optimizer was handed
    the layers by itself it is a warning: checkpoints still lack them.

Fix safety
    Unsafe: checkpoints get new keys, and the optimizer more to train.

References
    PyTorch: `torch.nn.ModuleList`, `torch.nn.ModuleDict`, `torch.nn.ParameterList`.
"""

from collections.abc import Iterator

from nnlint.facts import Model, Unregistered
from nnlint.finding import Finding
from nnlint.fix import Fix, replace_expression
from nnlint.rule import rule


@rule(level="error", since="0.1")
def unregistered_submodule(model: Model) -> Iterator[Finding]:
    """Report each plain list, tuple or dict that holds parameters nobody else knows of."""
    seen = set()
    for hidden in model.unregistered:
        if (hidden.owner, hidden.attribute) in seen:
            continue
        seen.add((hidden.owner, hidden.attribute))
        container = _container(hidden)
        fixes = _fix(hidden, container)
        what = "layers" if hidden.items == "modules" else "parameters"
        yield Finding(
            at=hidden.span or model,
            level="warning" if hidden.optimized else "error",
            says=f"the {hidden.modules} {what} in the {hidden.kind} `{hidden.attribute}` are unknown to the model",
            label=f"a plain {hidden.kind}",
            why=f"{hidden.parameters:,} values are neither in `parameters()` nor in a checkpoint",
            help="" if fixes else f"keep them in an `nn.{container}`",
            explains=("dropout-at-inference", "attention-dropout-at-inference", "no-gradient"),
            fixes=fixes,
        )


def _container(hidden: Unregistered) -> str:
    kind = "Module" if hidden.items == "modules" else "Parameter"
    return kind + ("Dict" if hidden.kind == "dict" else "List")


def _fix(hidden: Unregistered, container: str) -> list[Fix]:
    if hidden.value is None or not hidden.flat:
        return []
    return [
        replace_expression(
            hidden.value,
            f"torch.nn.{container}({{self}})",
            title=f"keep them in an `nn.{container}`",
            changes="checkpoints get new keys",
        )
    ]

"""The text writer of `ReplaceOptimizer`: another class and other arguments, the stepped parameters kept."""

from __future__ import annotations

import libcst as cst

from ...fix import ReplaceOptimizer
from .arguments import written
from .changes import CannotApply
from .items import Items
from .set_argument import set_argument
from .workspace import Workspace

_ADAM = ("params", "lr", "betas", "eps", "weight_decay")

OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "SGD": ("params", "lr", "momentum", "dampening", "weight_decay", "nesterov"),
    "Adam": (*_ADAM, "amsgrad"),
    "AdamW": (*_ADAM, "amsgrad"),
    "NAdam": (*_ADAM, "momentum_decay"),
    "RAdam": _ADAM,
    "Adamax": _ADAM,
    "RMSprop": ("params", "lr", "alpha", "eps", "weight_decay", "momentum", "centered"),
    "Adagrad": ("params", "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
    "Adadelta": ("params", "lr", "rho", "eps", "weight_decay"),
    "ASGD": ("params", "lr", "lambd", "alpha", "t0", "weight_decay"),
    "Rprop": ("params", "lr", "etas", "step_sizes"),
}
"""The parameters of each class, in order."""

KEPT = frozenset({"params", "lr", "weight_decay", "maximize", "foreach", "fused", "capturable", "differentiable"})
"""Arguments that mean the same for every optimizer."""


def write_replace_optimizer(work: Workspace, verb: ReplaceOptimizer) -> None:
    """Write `ReplaceOptimizer`. Raises CannotApply where the construction is not written out in one place."""
    span = verb.optimizer.span
    doc = work.document(span.path) if span is not None else None
    call = doc.call_at(span, frozenset({verb.optimizer.kind})) if doc is not None and span is not None else None
    if doc is None or call is None:
        raise CannotApply("it is not known where the optimizer is built")
    names = work.names(doc)
    full = names.resolve(call.func) or ""
    old = full.removeprefix("torch.optim.")
    if old not in OPTIMIZERS or verb.kind not in OPTIMIZERS:
        raise CannotApply(f"`{doc.code(call.func)}` is not one of PyTorch's optimizers by its own name")
    if old == verb.kind:
        for name, value in verb.arguments.items():
            set_argument(doc, call, name, value, OPTIMIZERS[old].index(name) if name in OPTIMIZERS[old] else None)
        return
    if call.args and isinstance(call.args[0].value, (cst.List, cst.Tuple)):
        raise CannotApply("the parameters are given in groups")
    items = Items.of(doc, call)
    for i, arg in enumerate(call.args):
        if arg.star:
            raise CannotApply("the optimizer gets its arguments as `*args` or `**kwargs`")
        name = arg.keyword.value if arg.keyword is not None else (*OPTIMIZERS[old], "?" * 9)[i]
        if name in verb.arguments:
            set_argument(doc, call, name, verb.arguments[name], None if arg.keyword else i)
        elif name not in KEPT:
            items.drop(i)
        elif not arg.keyword and name != "params" and OPTIMIZERS[verb.kind][i : i + 1] != (name,):
            doc.changes.insert(doc.start(arg), f"{name}=")
    given = {a.keyword.value for a in call.args if a.keyword} | set(
        OPTIMIZERS[old][: sum(not a.keyword for a in call.args)]
    )
    for name, value in verb.arguments.items():
        if name not in given:
            items.add_after(len(call.args) - 1, f"{name}={written(value)}")
    names.rename(call.func, f"torch.optim.{verb.kind}")

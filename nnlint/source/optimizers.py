"""Optimizers and schedulers as the source builds them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..facts import Group, Missing, Optimizer
from .arguments import Arguments
from .flow import Frame, Lost, Place
from .objects import Objects
from .program import last_name

_NUMBERS = (int, float)


@dataclass(frozen=True)
class Defaults:
    """A class's arguments after `params`, in order, and the values that PyTorch 2 gives them where unwritten."""

    order: tuple[str, ...]
    lr: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    nesterov: bool | None = None


_ADAM = ("lr", "betas", "eps", "weight_decay", "amsgrad")
TORCH: dict[str, Defaults] = {
    "SGD": Defaults(("lr", "momentum", "dampening", "weight_decay", "nesterov"), 1e-3, 0.0, 0.0, False),
    "Adam": Defaults(_ADAM, 1e-3, 0.0),
    "AdamW": Defaults(_ADAM, 1e-3, 1e-2),
    "NAdam": Defaults(("lr", "betas", "eps", "weight_decay", "momentum_decay"), 2e-3, 0.0),
    "RAdam": Defaults(("lr", "betas", "eps", "weight_decay"), 1e-3, 0.0),
    "Adamax": Defaults(("lr", "betas", "eps", "weight_decay"), 2e-3, 0.0),
    "Adadelta": Defaults(("lr", "rho", "eps", "weight_decay"), 1.0, 0.0),
    "Adagrad": Defaults(("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"), 1e-2, 0.0),
    "RMSprop": Defaults(("lr", "alpha", "eps", "weight_decay", "momentum", "centered"), 1e-2, 0.0, 0.0),
    "Rprop": Defaults(("lr", "etas", "step_sizes"), 1e-2),
    "ASGD": Defaults(("lr", "lambd", "alpha", "t0", "weight_decay"), 1e-2, 0.0),
    "SparseAdam": Defaults(("lr", "betas", "eps"), 1e-3),
    "LBFGS": Defaults(("lr", "max_iter", "max_eval"), 1.0),
    "Adafactor": Defaults(("lr", "beta2_decay", "eps", "d", "weight_decay"), 1e-2, 0.0),
    "Muon": Defaults(("lr", "weight_decay", "momentum", "nesterov"), 1e-3, 0.1, 0.95, True),
}
_ELSEWHERE = frozenset(
    {"AdamW", "Adafactor", "Lion", "Lamb", "LAMB", "Lookahead", "AdaBelief", "FusedAdam", "FusedSGD", "Prodigy",
     "SophiaG", "Ranger", "NovoGrad", "LARS", "DAdaptAdam", "AdamW8bit", "Adam8bit", "Muon", "AdaBound",
     "DeepSpeedCPUAdam"}
)  # fmt: skip
_NOT_OPTIMIZERS = ("torch.optim.lr_scheduler.", "torch.optim.swa_utils.")


class Optimizers:
    """Recognizes optimizers and reads their arguments."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.program = objects.program
        self.values = objects.values

    def kind(self, node: ast.AST, frame: Frame | None = None) -> str | None:
        """Return the class name where a call builds an optimizer; None for anything else."""
        if not isinstance(node, ast.Call):
            return None
        dotted = self._class(node.func, frame)
        if dotted is None:
            return self._local(node)
        name = dotted.rpartition(".")[2]
        if dotted.startswith("torch.optim.") and not dotted.startswith(_NOT_OPTIMIZERS):
            return name if name[:1].isupper() and name != "Optimizer" else None
        return name if name in _ELSEWHERE and "." in dotted else None

    def _class(self, func: ast.expr, frame: Frame | None) -> str | None:
        """Return the dotted name of the class that is called; `getattr(torch.optim, "SGD")` and names of it count."""
        if isinstance(func, ast.Call):
            return self._getattr(func, frame)
        dotted = self.program.qualified(func)
        if dotted is None and isinstance(func, (ast.Name, ast.Subscript)) and not self.program.definition(func):
            try:
                made = self.objects.made(func, frame)
            except Lost:
                return None
            if len(made) == 1:
                one = made[0].node
                return self._getattr(one, made[0].frame) or self.program.qualified(one)
        return dotted

    def _getattr(self, node: ast.expr, frame: Frame | None) -> str | None:
        """Return `torch.optim.SGD` for `getattr(torch.optim, "SGD")`."""
        if not isinstance(node, ast.Call) or self.program.qualified(node.func) != "getattr" or len(node.args) < 2:
            return None
        owner, name = self.program.qualified(node.args[0]), self.values.maybe(node.args[1], None, frame)
        return f"{owner}.{name}" if owner and isinstance(name, str) else None

    def _local(self, call: ast.Call) -> str | None:
        definition = self.program.definition(call.func)
        if isinstance(definition, ast.ClassDef):
            bases = [self.program.qualified(b) or "" for c in self.objects.flow.lineage(definition) for b in c.bases]
            if any(b.startswith("torch.optim.") and not b.startswith(_NOT_OPTIMIZERS) for b in bases):
                return definition.name
        return None

    def built(self) -> list[ast.Call]:
        """Return every call in the file that builds an optimizer."""
        return [c for c in self.program.calls if self.kind(c) and not self._is_base_call(c)]

    def _is_base_call(self, call: ast.Call) -> bool:
        return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"

    @cached_property
    def groups(self) -> list[frozenset[str]]:
        """The keys of every dictionary in the file that describes a parameter group."""
        dicts = [node for node in self.program.scope if isinstance(node, ast.Dict)]
        keys = [frozenset(str(k.value) for k in d.keys if isinstance(k, ast.Constant)) for d in dicts]
        return [k for k in keys if "params" in k]

    def read(self, place: Place) -> Optimizer:
        """Return what the source says about the optimizer built at a place."""
        call, frame = place.node, place.frame
        assert isinstance(call, ast.Call)
        kind = self.kind(call, frame) or "Optimizer"
        dotted = self._class(call.func, frame) or ""
        defaults = TORCH.get(kind) if dotted.startswith("torch.optim.") else None
        given = _Given(self, call, frame, defaults)
        nothing = Missing(f"{kind} has no such argument")
        unwritten = Missing(f"the defaults of {kind} are not known")

        def argument(name: str, default: object) -> Any:
            if defaults is None:
                return given.value(name, unwritten)
            return given.value(name, nothing if default is None else default)

        known = defaults or Defaults(())
        return Optimizer(
            kind=kind,
            span=self.program.span(call),
            lr=argument("lr", known.lr),
            momentum=argument("momentum", known.momentum),
            nesterov=argument("nesterov", known.nesterov),
            weight_decay=argument("weight_decay", known.weight_decay),
            given=given.names,
            groups=given.written_groups(),
        )


class _Given(Arguments):
    """The arguments of one construction."""

    def __init__(self, reader: Optimizers, call: ast.Call, frame: Frame | None, defaults: Defaults | None) -> None:
        order = ("params", *defaults.order) if defaults else ("params", "lr")
        super().__init__(reader.values, call, order, frame)
        self.reader = reader
        self.groups = self._groups()

    def _groups(self) -> str:
        """Return why the arguments may differ between parameter groups; "" where there is one group."""
        params = self.written.get("params")
        if params is None:
            return ""
        node: ast.AST = params.node
        try:
            made = self.reader.objects.flow.definitions(node, params.frame) if isinstance(node, ast.Name) else [params]
        except Lost:
            made = [params]
        for one in made:
            if isinstance(one.node, (ast.List, ast.Tuple)) and any(isinstance(e, ast.Dict) for e in one.node.elts):
                return "it differs between parameter groups"
            named = isinstance(one.node, ast.Call) and last_name(one.node.func) in (
                "parameters",
                "filter",
                "list",
                "chain",
            )
            if not named and self.reader.groups:
                return "it may differ between parameter groups"
        return ""

    @property
    def names(self) -> Any:
        """Names of the arguments that are written out, `params` left out."""
        return Missing(self.open) if self.open else tuple(n for n in self.written if n != "params")

    def value(self, name: str, default: object) -> Any:
        """Return an argument's value, Missing where it cannot be told."""
        if self.groups and self._in_groups(name):
            return Missing(self.groups)
        if name not in self.written:
            return Missing(self.open) if self.open else default
        place = self.written[name]
        try:
            value = self.reader.values.of(place.node, place.frame)
        except Lost as lost:
            return Missing(lost.why)
        if name == "nesterov":
            return value if isinstance(value, bool) else Missing("it is no plain value")
        good = isinstance(value, _NUMBERS) and not isinstance(value, bool)
        return float(value) if good else Missing("it is no number")

    def written_groups(self) -> Any:
        """Return the groups of parameters that are written as a list of dictionaries; Missing for any other form."""
        params = self.written.get("params")
        if params is None:
            return Missing("the parameters are not to be seen")
        node: ast.AST = params.node
        if isinstance(node, ast.Name):
            try:
                places = self.reader.objects.flow.definitions(node, params.frame)
            except Lost as lost:
                return Missing(lost.why)
            changed = node.id in self.reader.program.updated
            if len(places) != 1 or places[0].path or changed:
                return Missing("the groups are put together in a way that cannot be followed")
            node = places[0].node
        if isinstance(node, ast.Call) and last_name(node.func) == "parameters":
            return (Group(span=self.reader.program.span(node), params=ast.unparse(node)),)
        plain = isinstance(node, (ast.List, ast.Tuple)) and all(isinstance(e, ast.Dict) for e in node.elts)
        if not plain or not isinstance(node, (ast.List, ast.Tuple)):
            return Missing("the groups are put together in a way that cannot be followed")
        return tuple(self._group(e, params.frame) for e in node.elts if isinstance(e, ast.Dict))

    def _group(self, node: ast.Dict, frame: Frame | None) -> Group:
        entries = {k.value: v for k, v in zip(node.keys, node.values) if isinstance(k, ast.Constant)}
        whole = len(entries) == len(node.keys)
        params = entries.get("params")

        def number(name: str) -> Any:
            if name not in entries:
                return Missing("the group does not set it" if whole else "the group is unpacked from elsewhere")
            value = self.reader.values.maybe(entries[name], None, frame)
            good = isinstance(value, _NUMBERS) and not isinstance(value, bool)
            return float(value) if good and value is not None else Missing("it is no plain number")

        return Group(
            span=self.reader.program.span(node),
            params=ast.unparse(params) if params is not None else None,
            lr=number("lr"),
            weight_decay=number("weight_decay"),
        )

    def _in_groups(self, name: str) -> bool:
        """Return whether some parameter group of the file sets an argument."""
        return any(name in g for g in self.reader.groups)

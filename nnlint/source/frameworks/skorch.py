"""skorch: `NeuralNetClassifier(Net, ...)` with its documented defaults.

SGD at 0.01, ten epochs, batches of 128 in the order of the data. Arguments with two underscores reach the optimizer
(`optimizer__momentum`) and the loader (`iterator_train__shuffle`).
"""

from __future__ import annotations

import ast
from typing import Any

from ...facts import BestWeights, EarlyStop, Loop, Missing, Optimizer, Scheduler
from ..arguments import Arguments
from ..optimizers import TORCH, Defaults
from ..reading import Handed, Reading
from ..terms import KINDS, OWNERS, Term

PACKAGES = frozenset({"skorch"})
_LOSSES = {
    "NeuralNetClassifier": "NLLLoss", "NeuralNetRegressor": "MSELoss", "NeuralNetBinaryClassifier": "BCEWithLogitsLoss",
    "NeuralNet": None,
}  # fmt: skip


def read(reading: Reading) -> Handed | None:
    """Return what the first net of the file does in training; None where there is none."""
    for name, loss in _LOSSES.items():
        calls = reading.calls_of(f"skorch.{name}")
        if calls:
            net = _Net(reading, calls[0], loss)
            return Handed(net.fields(), net.terms())
    return None


class _Net:
    def __init__(self, reading: Reading, call: ast.Call, loss: str | None) -> None:
        self.reading, self.call, self.loss = reading, call, loss
        order = ("module", "criterion") if loss is None else ("module",)
        self.given = Arguments(reading.objects.values, call, order)
        self.program = reading.objects.program
        self.callbacks = reading.callbacks(self.given)
        self.span = self.program.span(call)

    def _class(self, name: str, default: str | None) -> str | Missing:
        """Return the dotted name of a class that is handed over."""
        place = self.given.written.get(name)
        if place is None:
            return Missing(self.given.open) if self.given.open else default or Missing(f"`{name}` is not given")
        dotted = self.program.qualified(place.node)
        if dotted is None and isinstance(place.node, ast.Call):
            dotted = self.program.qualified(place.node.func)
        return dotted or Missing(f"`{name}` cannot be followed")

    def terms(self) -> list[Term] | Missing:
        dotted = self._class("criterion", f"torch.nn.{self.loss}" if self.loss else None)
        if isinstance(dotted, Missing):
            return dotted
        owner, _, name = dotted.rpartition(".")
        kind = KINDS[name] if owner in OWNERS and name in KINDS else Missing(f"`{dotted}` comes from another module")
        place = self.given.written.get("criterion")
        return [Term(place.node if place is not None else self.call, None, None, kind, name)]

    def fields(self) -> dict[str, Any]:
        reading, given = self.reading, self.given
        last = any("callbacks__" in n for n in given.written)
        clips: Any = "norm" if "GradientNormClipping" in self.callbacks else None
        return {
            "optimizers": self._optimizers(),
            "scheduler": self._scheduler(),
            "schedulers": self._schedulers(),
            "batch_size": reading.count(given, "iterator_train__batch_size", None)
            if "iterator_train__batch_size" in given.written
            else reading.count(given, "batch_size", 128),
            "shuffles": self._shuffles(),
            "epochs": reading.count(given, "max_epochs", 10),
            "updates": Missing("the size of the data is not known"),
            "best_weights": BestWeights(
                how="disk", span=self.program.span(self.callbacks["Checkpoint"]), restored=False
            )
            if "Checkpoint" in self.callbacks
            else Missing("a callback may keep them")
            if given.open or last
            else None,
            "early_stopping": self._early(),
            "loop": Loop(
                clears_gradients=True,
                clips=Missing("callbacks cannot be followed") if self._hidden else clips,
                accumulates=1,
                divides=False,
                optimizer_built=None,
                sums=(),
            ),
        }

    @property
    def _hidden(self) -> bool:
        """Whether callbacks are handed over that are not to be seen."""
        return bool(self.given.open) or ("callbacks" in self.given.written and not self.callbacks)

    def _shuffles(self) -> Any:
        value = self.reading.value(self.given, "iterator_train__shuffle", False)
        if "iterator_train" in self.given.written or "iterator_train__sampler" in self.given.written:
            return Missing("the net is handed its own loader")
        return value if isinstance(value, (bool, Missing)) else Missing("`iterator_train__shuffle` is no truth value")

    def _optimizers(self) -> Any:
        dotted = self._class("optimizer", "torch.optim.SGD")
        if isinstance(dotted, Missing):
            return dotted
        kind = dotted.rpartition(".")[2]
        known = TORCH.get(kind) if dotted.startswith("torch.optim.") else None
        nothing = Missing(f"{kind} has no such argument" if known else f"the defaults of {kind} are not known")
        defaults = known or Defaults(())

        def argument(name: str) -> Any:
            default = getattr(defaults, name)
            if f"optimizer__{name}" not in self.given.written and default is None:
                return nothing
            return self.reading.number(self.given, f"optimizer__{name}", default or 0.0)

        rate = "optimizer__lr" if "optimizer__lr" in self.given.written else "lr"
        nesterov = self.reading.value(self.given, "optimizer__nesterov", defaults.nesterov)
        short = tuple("lr" if n == "lr" else n.removeprefix("optimizer__") for n in self.given.written
                      if n == "lr" or n.startswith("optimizer__"))  # fmt: skip
        return (
            Optimizer(
                kind=kind,
                span=self.span,
                lr=self.reading.number(self.given, rate, 0.01),
                momentum=argument("momentum"),
                nesterov=nesterov if isinstance(nesterov, (bool, Missing)) else nothing,
                weight_decay=argument("weight_decay"),
                given=Missing(self.given.open) if self.given.open else short,
            ),
        )

    def _policy(self) -> tuple[str, Arguments] | None:
        callback = self.callbacks.get("LRScheduler")
        if callback is None:
            return None
        given = Arguments(self.reading.objects.values, callback, ("policy", "monitor"))
        place = given.written.get("policy")
        name = self.program.qualified(place.node) if place is not None else None
        text = self.reading.value(given, "policy", "WarmRestartLR")
        return (name.rpartition(".")[2] if name else text if isinstance(text, str) else ""), given

    def _scheduler(self) -> Any:
        policy = self._policy()
        if policy is None:
            return Missing("callbacks cannot be followed") if self._hidden else None
        return policy[0] or Missing("the schedule cannot be followed")

    def _schedulers(self) -> Any:
        policy = self._policy()
        if policy is None:
            return Missing("callbacks cannot be followed") if self._hidden else ()
        if not policy[0]:
            return Missing("the schedule cannot be followed")
        names = [n for n in policy[1].written if n not in ("policy", "monitor", "event_name", "step_every")]
        values = {n: self.reading.value(policy[1], n, None) for n in names}
        every = self.reading.value(policy[1], "step_every", "epoch")
        return (
            Scheduler(
                kind=policy[0],
                span=self.program.span(self.callbacks["LRScheduler"]),
                arguments={n: v for n, v in values.items() if not isinstance(v, Missing)},
                given=tuple(names),
                stepped=every if every in ("batch", "epoch") else Missing("`step_every` cannot be followed"),
                metric=policy[0] == "ReduceLROnPlateau",
                before_optimizer=False,
            ),
        )

    def _early(self) -> Any:
        callback = self.callbacks.get("EarlyStopping")
        if callback is not None:
            given = Arguments(self.reading.objects.values, callback, ("monitor", "patience"))
            return EarlyStop(span=self.program.span(callback), patience=self.reading.count(given, "patience", 5))
        return Missing("callbacks cannot be followed") if self._hidden else None

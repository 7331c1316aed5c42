"""The call that ended the user's training script: noticed where it raises, described while its tensors are at hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from . import operations
from .arguments import call_arguments, layer_arguments
from .recorder import NodeDict, Recorder
from .sites import call_site
from .values import each_tensor

if TYPE_CHECKING:
    from .iteration import Iteration
    from .observe import Observer

OnFailure = Callable[[NodeDict, Sequence[torch.Tensor]], None]


class Failing:
    """One call that raised: its node, the exception, the range of the whole numbers that it read last."""

    def __init__(
        self, node: NodeDict, error: Exception, reads: Sequence[torch.Tensor], model: nn.Module | None
    ) -> None:
        self.node, self.error, self.model = node, error, model
        whole = [t for t in reads if t.numel() and not t.is_floating_point() and t.dtype is not torch.bool]
        self.range = (float(whole[-1].min()), float(whole[-1].max())) if whole and not whole[-1].is_complex() else None

    def facts(self) -> dict[str, Any]:
        """Return a `Failure` dict."""
        found: dict[str, Any] = {
            "error": type(self.error).__name__,
            "message": str(self.error).strip().partition("\n")[0][:300],
            "node": self.node,
        }
        if self.range is not None:
            found["low"], found["high"] = self.range
        return found


class FailingRecorder(Recorder):
    """A recorder that remembers the innermost call that raised, and tells `on_failure` of it."""

    on_failure: OnFailure | None = None
    failing: Failing | None = None

    @property
    def running(self) -> nn.Module | None:
        """The model whose forward is running, as it was called from outside."""
        return self._stack[0][1] if self._stack else None

    def compute(self, func: Any, bare: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Compute a function's value, and notice where that raises."""
        try:
            return super().compute(func, bare, args, kwargs)
        except Exception as error:
            op, reads = operations.function_op(bare), list(each_tensor((args, kwargs)))
            user, wrapper = call_site(sys._getframe(1))
            node = self._node(op, "function", reads, [])
            node["name"] = operations.written_name(func, bare, op, False, wrapper)
            node["arguments"] = call_arguments(func, op, args, kwargs)
            self._raised(node, error, reads, user, None)
            raise

    def compute_layer(self, module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any], original: Any) -> Any:
        """Compute a layer's value, and notice where that raises."""
        try:
            return super().compute_layer(module, args, kwargs, original)
        except Exception as error:
            reads = list(each_tensor((args, kwargs)))
            node = self._node(operations.layer_op(module), "layer", reads, [])
            node["name"] = operations.class_name(module)
            node["arguments"] = layer_arguments(module)
            if self._stack:
                node["module"] = self._paths.get(id(module), self._stack[-1])[0]
            node["parameters"] = [self._names[id(p)] for p in module.parameters() if id(p) in self._names]
            self._raised(node, error, reads, call_site(sys._getframe(1))[0], module)
            raise

    def _raised(
        self, node: NodeDict, error: Exception, reads: list[torch.Tensor], user: Any, module: nn.Module | None
    ) -> None:
        """Note a failure once, at the innermost call; whatever goes wrong here leaves the user's error as it is."""
        if self.failing is not None and self.failing.error is error:
            return
        try:
            if self._stack and "module" not in node:
                node["module"] = self._stack[-1][0]
            self._place(node, user, module)
            self.failing = Failing(node, error, reads, self.running)
            if self.on_failure is not None:
                self.on_failure(node, reads)
        except Exception:
            self.failing = self.failing if self.failing is not None and self.failing.error is error else None


def ended_by(observer: Observer) -> tuple[Iteration, Failing] | None:
    """Return the call that raised what ended the script, with the iteration that it belongs to."""
    for iteration in reversed(observer.iterations):
        failing = iteration.recorder.failing
        if failing is not None and any(error is failing.error for error in _chain(observer.raised)):
            return iteration, failing
    return None


def told(observer: Observer, subjects: list[dict[str, Any]]) -> None:
    """Add to the facts of the model concerned what ended the script, and the data that its forward did not survive."""
    ended = ended_by(observer)
    if ended is None:
        return
    iteration, failing = ended
    iteration.settle()
    model = observer.outermost(failing.model) if failing.model is not None else None
    for facts in subjects:
        if model is not None and facts["model"]["name"] != operations.class_name(model):
            continue
        facts["model"]["failure"] = failing.facts()
        if model is not None and "data" not in facts and iteration.features.get(id(model)):
            facts["data"] = {"features": iteration.features[id(model)]}


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an exception and those that it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found

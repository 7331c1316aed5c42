"""One iteration of the user's training loop: its forward passes, its losses, its data, what came back as gradients."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from . import profile
from .columns import columns
from .failing import FailingRecorder
from .later import Later
from .losses import KINDS, Terms
from .naming import name_of
from .parameters import describe_parameters
from .paths import first_layer
from .positions import ahead
from .signals import Signals
from .values import describe_tensor, each_tensor

NodeDict = dict[str, Any]
Sample = tuple[Callable[[], torch.Tensor | None] | None, int | None]
"""What reads more rows of the data that a tensor is a batch of, and how many there are in all."""

_OVERGROWN = 20_000
_KEPT_BYTES = 64_000_000


class Surroundings:
    """What an iteration asks of whoever watches the whole script. `raised` is what the script ended with."""

    raised: BaseException | None = None

    def __init__(self) -> None:
        self.later = Later()

    def outermost(self, module: nn.Module) -> nn.Module:
        """Return the module that holds `module` and that no other one holds."""
        return module

    def sample(self, tensor: torch.Tensor) -> Sample:
        """Return what reads more rows of the data that `tensor` is a batch of, and how many there are in all."""
        return None, None

    def constant(self, tensor: torch.Tensor) -> bool:
        """Whether `tensor` was made by `ones`, `zeros` or `full`."""
        return False


class Iteration:
    """Records from the first call of a model until the optimizers have stepped.

    `losses` holds what `Terms.found` holds for every loss on which `backward()` was called; `models` the models that
    were called, in order. Parameters, features and target are copied at the first `backward()`, when no optimizer has
    stepped, and described in `settle`. `given` holds what the first call passed on, so that it can be made once more.
    """

    def __init__(self, around: Surroundings) -> None:
        self.recorder = FailingRecorder(on_root_call=self._met, on_node=self._note)
        self.recorder.on_failure = self._failed
        self.later = around.later
        self.signals = Signals(self.later)
        self.losses: list[dict[str, Any]] = []
        self.models: list[nn.Module] = []
        self.direct: list[nn.Module] = []
        self.names: dict[int, str] = {}
        self.parameters: dict[int, list[dict[str, Any]]] = {}
        self.features: dict[int, list[dict[str, Any]]] = {}
        self.samples: int | None = None
        self.given: list[tuple[nn.Module, tuple[Any, ...], dict[str, Any]]] = []
        self.last = 0
        self._around = around
        self._reduction: str | None = None
        self._paths: dict[int, str] = {}
        self._tensors: dict[int, torch.Tensor] = {}
        self._seen_losses: set[str] = set()

    @property
    def overgrown(self) -> bool:
        """Whether so much was recorded without a loss that it cannot be one training step."""
        return not self.losses and len(self.recorder.nodes) > _OVERGROWN

    @property
    def nodes(self) -> dict[int, NodeDict]:
        """The recorded calls by id."""
        return {node["id"]: node for node in self.recorder.nodes}

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of models, as the recorder lists them; a part that was called by itself counts for its model."""
        return [{**call, "model": self._around.outermost(call["model"])} for call in self.recorder.calls]

    @property
    def outside(self) -> bool:
        """Whether no model is running."""
        return not self.recorder._stack

    def at_root(self, module: nn.Module) -> bool:
        """Whether `module` is the model that was called from outside and is about to run."""
        stack = self.recorder._stack
        return len(stack) == 1 and stack[0][1] is module

    def model_of(self, node: int) -> nn.Module | None:
        """Return the model in whose forward a node was recorded."""
        owner = self.recorder.owner(node)
        return None if owner is None else self._around.outermost(owner)

    def enter(self) -> None:
        """Begin to record."""
        self.recorder.__enter__()

    def leave(self) -> None:
        """Record no more and let go of what the step held in memory."""
        self.recorder.__exit__(None, None, None)
        self.recorder.release()
        self._tensors.clear()

    def settle(self, reading: bool = False) -> None:
        """Describe what was copied; `reading` says that the user's data sets may be asked for more rows."""
        with self.recorder.paused():
            self.later.settle(reading)

    def call(self, original: Any, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        """Run a call of a model so that it is recorded."""
        if sum(t.numel() * t.element_size() for t in each_tensor((args, kwargs))) <= _KEPT_BYTES:
            self.given.append((self._around.outermost(module), args, kwargs))
        return self.recorder.module_call(module, args, kwargs, original)

    def backward(self, tensor: torch.Tensor, *, first: bool) -> list[dict[str, Any]]:
        """Return the `Loss` dicts of what `tensor` is made of. `first` says that no optimizer has stepped so far."""
        last = self.recorder.node_of(tensor)
        if last is None:
            return []
        with self.recorder.paused(), torch.no_grad(), torch._C.DisableTorchFunction():
            terms = Terms(self.nodes, lambda i: self.recorder.owner(i) is not None, last, self._negative)
            for found in terms.found:
                self.signals.ends(self.recorder.nodes, found["loss"].get("reads", ()), self._tensors)
                key = str(found["loss"].get("call") or found["node"])
                if key not in self._seen_losses:
                    self._seen_losses.add(key)
                    found["value"] = _value(tensor)
                    found["first"] = first
                    self.losses.append(found)
                    self.last = max(self.last, last)
                    self._describe(found, first)
        return [found["loss"] for found in terms.found]

    def _failed(self, node: NodeDict, reads: Sequence[torch.Tensor]) -> None:
        """Describe what came before a call that raised; a loss that did is a loss all the same."""
        for tensor in reads:
            source = self.recorder.node_of(tensor)
            if source is not None:
                self._tensors.setdefault(source, tensor)
        with self.recorder.paused(), torch.no_grad():
            owner = self.recorder.running
            if owner is not None:
                given = [n["id"] for n in self.recorder.nodes if n["kind"] == "input" and n["id"] in self._tensors]
                self.features.setdefault(id(self._around.outermost(owner)), [self._feature(i) for i in given])
            elif node["op"] in KINDS and not self.losses:
                self.recorder._append(node)
                terms = Terms(self.nodes, lambda i: self.recorder.owner(i) is not None, node["id"], self._negative)
                for found in terms.found:
                    found.update(value=None, first=False)
                    self.losses.append(found)
                    self.last = max(self.last, node["id"])
                    self._describe(found, False)

    # -- the data, while its tensors are at hand

    def _describe(self, found: dict[str, Any], first: bool) -> None:
        for call in self.calls:
            model = call["model"]
            if first and id(model) not in self.parameters:
                self.parameters[id(model)] = describe_parameters(model, later=self.later)
            if id(model) not in self.features:
                asked = self._asked(found)
                self.features[id(model)] = [
                    self._feature(i) for i in call["inputs"] if i in self._tensors and (asked is None or i in asked)
                ]
        target = self._tensors.get(found["target"]) if found["target"] is not None else None
        if target is not None:
            found["compared"] = describe_tensor(target)["shape"]
            made = self._made(found["target"], target, self._asked(found))
            facts = found["loss"]["compares"] = self._profile(
                target, lambda values, sample: profile.describe_target(values, sample, made)
            )
            given = [self._tensors.get(i) for call in self.calls for i in call["inputs"]]
            facts["shifted"] = ahead(target, [t for t in given if t is not None])

    def _profile(self, tensor: torch.Tensor, tell: Callable[[torch.Tensor, torch.Tensor | None], Any]) -> Any:
        """Return a dict that `settle` fills with what `tell` says of a batch and of more rows of its data."""
        sample, count = self._around.sample(tensor)
        self.samples = self.samples or count
        facts: dict[str, Any] = {}
        kept = self.later.copy(tensor)
        if kept is None:
            facts.update(tell(tensor, None))
        else:
            self.later.put(lambda reading: facts.update(tell(kept, sample() if sample and reading else None)))
        return facts

    def _negative(self, node: int) -> bool:
        values = self._tensors.get(node)
        return values is not None and values.numel() > 0 and bool((values <= 0).all() and (values < 0).any())

    def _asked(self, found: dict[str, Any]) -> set[int] | None:
        """Return what the prediction is made of (labels handed to a model for its own loss are not in it)."""
        todo, seen = list(found["loss"].get("reads", ())), set()
        while todo:
            i = todo.pop()
            if i not in seen:
                seen.add(i)
                todo.extend(self.recorder.nodes[i].get("inputs", ()))
        return seen or None

    def _feature(self, source: int) -> dict[str, Any]:
        tensor = self._tensors[source]
        reader = first_layer(self.recorder.nodes, source)
        op = reader["op"] if reader else None
        facts: dict[str, Any] = self._profile(tensor, lambda values, more: profile.describe_input(values, more, op))
        entering = self._tensors.get(reader["inputs"][0]) if reader and reader.get("inputs") else None
        if entering is tensor:
            self.later.put(lambda _: facts.update(entering=facts["columns"]))
        elif entering is not None and entering.is_floating_point():
            kept = self.later.copy(entering)
            if kept is not None:
                self.later.put(lambda _: facts.update(entering=columns(kept, profile.axis_of(kept, op))))
        return facts

    def _made(self, node: int, target: torch.Tensor, asked: set[int] | None) -> str:
        """Say where a target comes from: `constant`, `input` or `data`."""
        behind = node
        nodes = self.nodes
        while nodes[behind].get("inputs") and nodes[behind]["kind"] == "function":
            if not torch.is_tensor(self._tensors.get(behind)) or len(nodes[behind]["inputs"]) != 1:
                break
            behind = nodes[behind]["inputs"][0]
        source = self._tensors.get(behind)
        given = {i for call in self.calls for i in call["inputs"] if asked is None or i in asked}
        if behind in given or any(_same(target, self._tensors.get(i)) for i in given):
            return "input"
        same = target.numel() > 0 and bool((target == target.reshape(-1)[0]).all())
        made = nodes[behind]["kind"] == "constant" and nodes[behind]["op"] not in ("constant", "buffer")
        if same and (made or any(t is not None and self._around.constant(t) for t in (target, source))):
            return "constant"
        return "data"

    # -- told by the recorder

    def _met(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        top = self._around.outermost(module)
        if isinstance(module, nn.modules.loss._Loss) or next(top.parameters(), None) is None:
            self._reduction = getattr(module, "reduction", None)
            return
        if not any(top is model for model in self.models):
            self.models.append(top)
            self.names[id(top)] = name_of(top, sys._getframe(1))
            self.recorder.adopt(top)
        if module is not top:  # a part of a model, called by itself
            self._paths[id(module)] = next((path for path, m in top.named_modules() if m is module), "")
            self.recorder.adopt(module)
            if _running(top) and top not in self.direct:
                self.direct.append(top)

    def _note(self, node: NodeDict, reads: list[torch.Tensor], gives: list[torch.Tensor]) -> None:
        for tensor in reads:
            source = self.recorder.node_of(tensor)
            if source is not None:
                self._tensors.setdefault(source, tensor)
        if gives:
            self._tensors[node["id"]] = gives[0]
        owner = self.recorder.owner(node["id"])
        if owner is not None and node["kind"] == "function" and node.get("module") == "":
            node["module"] = self._paths.get(id(owner), "")
        if node["kind"] == "layer" and owner is None and self._reduction is not None:
            node.setdefault("arguments", {}).setdefault("reduction", self._reduction)
            self._reduction = None
        self.signals.note(node, gives)


def _value(tensor: torch.Tensor) -> float | None:
    return float(tensor.detach()) if tensor.numel() == 1 else None


def _same(one: torch.Tensor, other: torch.Tensor | None) -> bool:
    if other is None or one.numel() != other.numel() or one.numel() < 2 or one.dtype != other.dtype:
        return False
    return one is other or bool(torch.equal(one.reshape(-1), other.reshape(-1)))


def _running(module: nn.Module) -> bool:
    """Whether the forward of `module` is running although nobody called the module itself (`model.forward(x)`)."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "forward" and code.co_argcount and frame.f_locals.get(code.co_varnames[0]) is module:
            return True
        frame = frame.f_back
    return False

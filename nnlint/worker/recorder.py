"""Record the calls of a forward pass: layers and functions as people name them, and which reads whose values.

A `TorchFunctionMode` sees every function on tensors, a patched `nn.Module.__call__` every layer; the identity of the
tensors in between gives the edges. Nothing is computed here and nothing of what is computed is changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from . import operations
from .arguments import call_arguments, layer_arguments, softmax_axis
from .leaving import LEAVES, Left
from .listening import Paused, listen, stop
from .sites import call_site, is_operator, site, span_of
from .values import describe_tensor, each_tensor

NodeDict = dict[str, Any]
OnNode = Callable[[NodeDict, list[torch.Tensor], list[torch.Tensor]], None]


class Recorder(TorchFunctionMode):
    """Records every call into `nodes` (dicts shaped as `nnlint.facts.Node`) while active, on the thread that entered.

    Calls outside an adopted model are recorded where they read a value that is known already. `calls` lists the calls
    of adopted models with the ids of their inputs and outputs. `on_root_call` is told of a module that is not adopted
    and is called outside of any adopted one, before it runs, so that it can be adopted. `on_node` is told of each
    record with the tensors read and given.
    """

    def __init__(
        self,
        *,
        on_root_call: Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None] | None = None,
        on_node: OnNode | None = None,
        abstract: bool = False,
    ) -> None:
        super().__init__()
        self.nodes: list[NodeDict] = []
        self.calls: list[dict[str, Any]] = []
        self.on_root_call, self.on_node, self.abstract = on_root_call, on_node, abstract
        self._roots: dict[int, nn.Module] = {}
        self._paths: dict[int, tuple[str, nn.Module]] = {}
        self._names: dict[int, str] = {}
        self._buffers: dict[int, str] = {}
        self._made_by: dict[int, int] = {}
        self._written: dict[int, int] = {}
        self._kept: list[torch.Tensor] = []
        self._stack: list[tuple[str, nn.Module]] = []
        self._owners: list[nn.Module | None] = []
        self._left = Left()
        self._inside = 0
        self._thread = 0

    # -- what is known beforehand

    def adopt(self, model: nn.Module) -> None:
        """Learn the module paths and parameter names of a model; call again where its tensors were replaced.

        What was called by itself before it became part of the model is known by its place in the model from now on.
        """
        self._forget_parts(model)
        self._roots[id(model)] = model
        for path, module in model.named_modules(remove_duplicate=False):
            self._paths.setdefault(id(module), (path, module))
        for name, parameter in model.named_parameters(remove_duplicate=False):
            self._names.setdefault(id(parameter), name)
        for name, buffer in model.named_buffers(remove_duplicate=False):
            self._buffers.setdefault(id(buffer), name)

    def _forget_parts(self, model: nn.Module) -> None:
        others = [root for root in self._roots.values() if root is not model]
        if any(module is model for root in others for module in root.modules()):
            return
        parts = {id(module) for module in model.modules()}
        for former in [root for root in others if id(root) in parts]:
            for module in former.modules():
                self._paths.pop(id(module), None)
            for tensor in (*former.parameters(), *former.buffers()):
                self._names.pop(id(tensor), None)
                self._buffers.pop(id(tensor), None)

    def feed(self, tensor: torch.Tensor, kind: str = "input") -> int:
        """Make a tensor an input of the graph and return its node's id."""
        known = self._made_by.get(id(tensor))
        if known is not None:
            return known
        return self._source(tensor, kind, kind)

    def node_of(self, tensor: torch.Tensor) -> int | None:
        """Return the id of the node that made (or last wrote) a tensor, None where that is not known."""
        return self._made_by.get(id(tensor))

    def owner(self, node: int) -> nn.Module | None:
        """Return the adopted model in whose forward a node was recorded."""
        return self._owners[node]

    def release(self) -> None:
        """Drop every kept tensor: what is recorded stays, later calls start from unknown values."""
        self._made_by.clear()
        self._written.clear()
        self._kept.clear()

    def paused(self) -> Paused:
        """Record nothing inside the block."""
        return Paused(self)

    # -- listening

    def __enter__(self) -> Recorder:
        self._thread = listen(self)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)  # type: ignore[no-untyped-call]
        finally:
            stop(self, self._thread)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._inside:
            return func(*args, **kwargs)
        bare = operations.function_name(func)
        if bare in operations.IGNORED:
            if bare in LEAVES and self._stack:
                self._leave(bare, args, sys._getframe(1))
            with self.paused():
                return func(*args, **kwargs)
        if getattr(func, "__name__", "") == "__get__" and bare not in operations.READS:
            return func(*args, **kwargs)
        with self.paused():
            out = self.compute(func, bare, args, kwargs)
        listed = out
        if bare == "__iter__":
            listed = list(out)
            out = iter(listed)
        with torch._C.DisableTorchFunction():  # what is asked of tensors here goes past all modes
            return self._function(func, bare, args, kwargs, listed, out, sys._getframe(1))

    def compute(self, func: Any, bare: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Compute a function's value. Abstract forwards override this with cheaper or invented answers."""
        return func(*args, **kwargs)

    def compute_layer(self, module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any], original: Any) -> Any:
        """Compute a layer's value. Abstract forwards override this with shape rules."""
        return original(module, *args, **kwargs)

    def _function(
        self, func: Any, bare: str, args: Sequence[Any], kwargs: dict[str, Any], listed: Any, out: Any, frame: FrameType
    ) -> Any:
        gives = list(each_tensor(listed))
        mutates = operations.is_mutating(bare)
        written = [args[0]] if mutates and args and isinstance(args[0], torch.Tensor) else []
        reads = list(each_tensor((args, kwargs)))
        gives = gives or written
        if not gives:
            return out
        if not self._stack and not any(id(t) in self._made_by for t in reads):
            return out  # the user's own code around the model: nothing of the model's in it
        op = operations.function_op(bare)
        user, wrapper = call_site(frame)
        made = op in operations.CONSTANTS and not reads
        left = self._left.back(gives) if made else []
        node = self._node(op, "constant" if made and not left else "function", reads, gives)
        node["inputs"] += left
        node["name"] = operations.written_name(func, bare, op, is_operator(user), wrapper)
        if self._stack:
            node["module"] = self._stack[-1][0]
        arguments = call_arguments(func, op, args, kwargs)
        node["op"] = operations.by_arguments(op, arguments)
        if arguments:
            node["arguments"] = arguments
        self._place(node, user, None if user is not None or not self._stack else self._stack[-1][1])
        self._bind(node, reads, gives, written)
        for extra in each_tensor(kwargs.get("out")):
            self._made_by[id(extra)] = node["id"]
        return out

    def _leave(self, bare: str, args: Sequence[Any], frame: FrameType) -> None:
        with torch._C.DisableTorchFunction():
            reads = [t for t in args[:1] if isinstance(t, torch.Tensor) and id(t) in self._made_by]
            if not reads or not reads[0].is_floating_point():
                return
            node = self._node("numpy" if bare == "__array__" else bare, "function", reads, [])
            node["name"], node["module"] = f"Tensor.{bare}", self._stack[-1][0]
            self._place(node, call_site(frame)[0], self._stack[-1][1])
            self._bind(node, reads, [], [])
            self._left.note(reads[0], node["id"])

    def module_call(self, module: nn.Module, args: Any, kwargs: dict[str, Any], original: Any) -> Any:
        """Stand in for `nn.Module.__call__` while active."""
        if self._inside:
            return original(module, *args, **kwargs)
        if not self._stack:
            if id(module) not in self._roots and self.on_root_call is not None:
                with self.paused():
                    self.on_root_call(module, args, kwargs)
            if id(module) in self._roots:
                return self._root(module, args, kwargs, original)
            if operations.is_leaf(module):
                return self._layer(module, args, kwargs, original, sys._getframe(2))
            return original(module, *args, **kwargs)
        if operations.is_leaf(module):
            return self._layer(module, args, kwargs, original, sys._getframe(2))
        return self._enter(module, args, kwargs, original)

    def _root(self, module: nn.Module, args: Any, kwargs: dict[str, Any], original: Any) -> Any:
        with torch._C.DisableTorchFunction():
            inputs = [self.feed(t) for t in each_tensor((args, kwargs))]
        self._stack.append(("", module))
        try:
            if operations.is_leaf(module):
                out = self._layer(module, args, kwargs, original, sys._getframe(3))
            else:
                out = original(module, *args, **kwargs)
        finally:
            self._stack.pop()
            self._left.clear()
        outputs = [self._made_by[id(t)] for t in each_tensor(out) if id(t) in self._made_by]
        self.calls.append({"model": module, "inputs": inputs, "outputs": outputs})
        return out

    def _enter(self, module: nn.Module, args: Any, kwargs: dict[str, Any], original: Any) -> Any:
        path = self._paths.get(id(module), (self._stack[-1][0], module))[0]
        self._stack.append((path, module))
        try:
            return original(module, *args, **kwargs)
        finally:
            self._stack.pop()

    def _layer(self, module: nn.Module, args: Any, kwargs: dict[str, Any], original: Any, frame: FrameType) -> Any:
        with self.paused():
            out = self.compute_layer(module, args, kwargs, original)
        with torch._C.DisableTorchFunction():
            self._write_layer(module, args, kwargs, out, frame)
        return out

    def _write_layer(
        self, module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any], out: Any, frame: FrameType
    ) -> None:
        reads, gives = list(each_tensor((args, kwargs))), list(each_tensor(out))
        if not self._stack and not any(id(t) in self._made_by for t in reads):
            return
        op = operations.layer_op(module)
        node = self._node(op, "layer", reads, gives)
        node["name"] = operations.class_name(module)
        if self._stack:
            node["module"] = self._paths.get(id(module), self._stack[-1])[0]
        held = module.parameters() if module._modules else module._parameters.values()
        own = [self._names[id(p)] for p in held if id(p) in self._names]
        node["parameters"] = list(dict.fromkeys(own + node["parameters"]))
        arguments = layer_arguments(module)
        if op in ("softmax", "log_softmax", "softmin") and reads:
            arguments["axis"] = softmax_axis(arguments.get("dim"), reads[0].dim())
        node["arguments"] = arguments
        self._place(node, call_site(frame)[0], module)
        written = [t for t in gives if any(t is r for r in reads)] if arguments.get("inplace") else []
        self._bind(node, reads, gives, written)

    # -- writing down

    def _node(self, op: str, kind: str, reads: Sequence[torch.Tensor], gives: Sequence[torch.Tensor]) -> NodeDict:
        inputs, shown, parameters, late = [], [], [], []
        for tensor in reads:
            made = self._made_by.get(id(tensor))
            if made is None:
                name = self._names.get(id(tensor))
                if name is not None:
                    parameters.append(name)
                    continue
                made = self._constant(tensor)
            inputs.append(made)
            shown.append(describe_tensor(tensor))
            last = self._written.get(_storage(tensor), -1) if self._written else -1
            if last > made:
                late.append(last)
        node: NodeDict = {"id": len(self.nodes), "op": op, "kind": kind, "inputs": inputs + late, "reads": shown}
        node["parameters"] = parameters
        node["gives"] = [describe_tensor(t) for t in gives]
        return node

    def _constant(self, tensor: torch.Tensor) -> int:
        name = self._buffers.get(id(tensor))
        made = self._source(tensor, "constant", "buffer" if name else "constant", name or "")
        left = self._left.back([tensor]) if not name else []
        if left:  # made by NumPy, or by a function that no mode sees
            self.nodes[made] |= {"kind": "function", "inputs": left}
        return made

    def _source(self, tensor: torch.Tensor, kind: str, op: str, name: str = "") -> int:
        node: NodeDict = {"id": len(self.nodes), "op": op, "kind": kind, "gives": [describe_tensor(tensor)]}
        if name:
            node["name"] = name
        self._append(node)
        self._made_by[id(tensor)] = node["id"]
        self._kept.append(tensor)
        return int(node["id"])

    def _place(self, node: NodeDict, user: FrameType | None, module: nn.Module | None) -> None:
        call = span_of(user)
        if call is not None:
            node["call"] = call
        built = site(module) if module is not None else None
        if built is not None:
            node["built"] = built

    def _bind(
        self,
        node: NodeDict,
        reads: list[torch.Tensor],
        gives: Sequence[torch.Tensor],
        written: Sequence[torch.Tensor],
    ) -> None:
        self._append(node)
        for tensor in (*gives, *written):
            self._made_by[id(tensor)] = node["id"]
            self._kept.append(tensor)
        for tensor in written:
            self._written[_storage(tensor)] = node["id"]
        if self.on_node is not None:
            with self.paused():
                self.on_node(node, reads, list(gives))

    def _append(self, node: NodeDict) -> None:
        node["id"] = len(self.nodes)
        self.nodes.append(node)
        self._owners.append(self._stack[0][1] if self._stack else None)


def _storage(tensor: torch.Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):
        return -1

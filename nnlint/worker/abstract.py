"""A recorder for forwards without values: shape rules, and invented answers where a model asks for values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._device import _device_constructors

from .layer_rules import layer_rule
from .operations import CONSTANTS, function_op, is_mutating
from .recorder import Recorder
from .reduction_rules import REDUCTION_RULES
from .shape_rules import FUNCTION_RULES, IN_PLACE, in_place

ASKS = frozenset({"item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__array__"})
"""Functions that take a value out of a tensor."""


_IN_PLACE = frozenset(
    {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardtanh", "hardswish", "hardsigmoid",
     "dropout", "alpha_dropout", "dropout1d", "dropout2d", "dropout3d"}
)  # fmt: skip
"""Functions with an argument `inplace` that may be given by position."""

_NO_RULE = frozenset({"hstack", "vstack", "dstack", "column_stack", "mv", "baddbmm", "upsample"})
"""Functions that share an operation's name and not its arguments."""


class AbstractRecorder(Recorder):
    """Records a forward on tensors that may have no values.

    `device` is given to tensors that are made without one. With `guess`, questions for values are answered with
    invented ones and `guessed` lists them. `failing` is what was being computed last: after an error, what failed.
    """

    def __init__(self, *, device: str | None = None, guess: bool = False, abstract: bool = True) -> None:
        super().__init__(abstract=abstract)
        self.device, self.guess = device, guess
        self.guessed: list[str] = []
        self.failing: tuple[Any, Sequence[Any], dict[str, Any]] | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.device is not None and func in _factories():
            kwargs = {"device": self.device, **(kwargs or {})}
            if kwargs["device"] is None:
                kwargs["device"] = self.device
        name = getattr(func, "__name__", "")
        if self._inside:
            out = self._by_rule(name, args, kwargs or {})
            return func(*args, **(kwargs or {})) if out is NotImplemented else out
        if name in ASKS and self.guess:
            return self._answer(func, name, args, kwargs or {})
        return super().__torch_function__(func, types, args, kwargs)

    def compute(self, func: Any, bare: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Compute by a shape rule where there is one; hand an unchanged input on as an object of its own."""
        if bare != "_set_grad_enabled":  # a `no_grad` that an error leaves
            self.failing = (func, args, kwargs)
        out = self._by_rule(bare, args, kwargs)
        if out is NotImplemented:
            try:
                out = func(*args, **kwargs)
            except Exception:
                if not self.guess:
                    raise
                out = INVENTED[bare](args) if bare in INVENTED else func(*_with_numbers(bare, args), **kwargs)
                self.guessed.append(bare)
        mutates = (
            is_mutating(bare) or kwargs.get("inplace") is True or (function_op(bare) in _IN_PLACE and True in args[1:])
        )
        return out if mutates else self._own(out, args)

    def _by_rule(self, bare: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Return what a shape rule says, NotImplemented where none applies."""
        if not self.abstract:
            return NotImplemented
        op = function_op(bare)
        if is_mutating(bare):
            return in_place(args, kwargs) if op in IN_PLACE else NotImplemented
        if kwargs.get("inplace") is True or kwargs.get("out") is not None or (op in _IN_PLACE and True in args[1:]):
            return NotImplemented
        rule = FUNCTION_RULES.get(op) or REDUCTION_RULES.get(op)
        return rule(args, kwargs) if rule is not None and bare not in _NO_RULE else NotImplemented

    def compute_layer(self, module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any], original: Any) -> Any:
        """Compute by a shape rule where there is one."""
        self.failing = (module, args, kwargs)
        rule = layer_rule(module) if self.abstract else None
        out = rule(module, args, kwargs) if rule is not None else NotImplemented
        if out is NotImplemented:
            out = original(module, *args, **kwargs)
        return out if getattr(module, "inplace", False) else self._own(out, args)

    def _own(self, out: Any, args: Sequence[Any]) -> Any:
        """Return an alias for an input that came out unchanged, so that its readers can be told apart."""
        if isinstance(out, torch.Tensor) and not out.requires_grad and not isinstance(out, nn.Parameter):
            for given in args:
                if given is out:
                    return out.detach()
        return out

    def _answer(self, func: Any, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        with self.paused():
            try:
                return func(*args, **kwargs)
            except Exception:
                if not args or not isinstance(args[0], torch.Tensor):
                    raise
                self.guessed.append(name)
                return _invent(name, args[0], self._maker(args[0]))

    def _maker(self, tensor: torch.Tensor) -> str:
        made = self.node_of(tensor)
        return str(self.nodes[made]["op"]) if made is not None else ""


def _invent(name: str, tensor: torch.Tensor, made_by: str) -> Any:
    """Return a value that leads on: checks pass, masks are whole, numbers are one."""
    one: Any = 1.0 if tensor.is_floating_point() else 1
    if name == "__bool__" or tensor.dtype is torch.bool:
        return made_by in ("all", "isfinite", "eq", "allclose", "equal", "is_all_true")
    if name == "tolist":
        return _nested(list(tensor.shape), one)
    if name in ("numpy", "__array__"):
        raise RuntimeError("values are needed as a NumPy array")
    return float(one) if name == "__float__" else one


def _nested(shape: list[int], value: Any) -> Any:
    return value if not shape else [_nested(shape[1:], value) for _ in range(shape[0])]


def _with_numbers(bare: str, args: Sequence[Any]) -> list[Any]:
    """Return the arguments with the number one in place of tensors that hold a single number."""
    first = [] if bare in CONSTANTS else list(args[:1])
    return first + [_number(value) for value in args[len(first) :]]


def _number(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and not value.dim():
        return 1.0 if value.is_floating_point() else 1
    return type(value)(_number(item) for item in value) if type(value) in (list, tuple) else value


def _some_indices(x: torch.Tensor) -> torch.Tensor:
    return x.new_zeros((max(1, x.numel() // 2), x.dim()), dtype=torch.long)


def _masked(args: Sequence[Any]) -> Any:
    """Index with masks: each stands for as many index tensors as it has axes, half as long as it is large."""
    x, index = args[0], args[1]
    items: list[Any] = []
    for item in index if isinstance(index, tuple) else (index,):
        if isinstance(item, torch.Tensor) and item.dtype is torch.bool:
            items += list(_some_indices(item).unbind(1))
        else:
            items.append(item)
    return x[tuple(items)]


INVENTED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "nonzero": lambda args: _some_indices(args[0]),
    "argwhere": lambda args: _some_indices(args[0]),
    "where": lambda args: tuple(_some_indices(args[0])[:, 0] for _ in range(args[0].dim())),
    "__getitem__": _masked,
    "__setitem__": lambda args: None,
    "masked_select": lambda args: args[0].new_empty((max(1, args[0].numel() // 2),)),
    "unique": lambda args: args[0].reshape(-1),
    "unique_consecutive": lambda args: args[0].reshape(-1),
}
"""Results whose size depends on values: half of what there could be."""

_factory_set: set[Any] = set()


def _factories() -> set[Any]:
    if not _factory_set:
        _factory_set.update(_device_constructors())
    return _factory_set

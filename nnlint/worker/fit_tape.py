"""What a training step computes outside its models: from their inputs to the loss, so that it can be run again.

A tape is only the way between modules (`model(x).squeeze(1)`, `loss_fn(out, y)`, `-(out * y).mean()`, a penalty on the
weights); a module is one entry of it and is called anew. What does not depend on a parameter is data: a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten


class CannotTrain(Exception):
    """The user's program cannot be trained in a loop of ours, with the reason in plain words."""


class Value:
    """Stands in a recorded argument list for the result of an earlier entry."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.index == self.index

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.index))


class Leaf(Value):
    """Stands in a recorded argument list for a tensor that comes from outside."""

    __slots__ = ()


class Rows(Value):
    """Stands for the number of rows in the batch."""

    __slots__ = ()


class Entry:
    """One call: `slots` are its flattened arguments, `gives` the numbers of the tensors that it returns."""

    def __init__(self, function: Any, slots: list[Any], spec: Any, gives: list[int | None], grad: bool) -> None:
        self.function, self.slots, self.spec, self.gives, self.grad = function, slots, spec, gives, grad

    @property
    def is_model(self) -> bool:
        """Whether a module with parameters is called."""
        return isinstance(self.function, nn.Module) and next(self.function.parameters(), None) is not None

    @property
    def name(self) -> str:
        """Name of the function, or of the module's class."""
        if isinstance(self.function, nn.Module):
            return type(self.function).__name__
        return getattr(self.function, "__name__", "")

    def run(self, values: dict[int, Any], leaves: Sequence[torch.Tensor], rows: int) -> None:
        """Call again with these values and leaves, and put the results into `values`."""
        flat = [
            (leaves[s.index] if isinstance(s, Leaf) else rows if isinstance(s, Rows) else values[s.index])
            if isinstance(s, Value)
            else s
            for s in self.slots
        ]
        args, kwargs = tree_unflatten(flat, self.spec)
        result = self.function(*args, **kwargs)
        if len(self.gives) == 1:
            results = [result] if isinstance(result, torch.Tensor) else tree_flatten(result)[0]
        else:
            results = tree_flatten(result)[0]
        values.update({number: given for number, given in zip(self.gives, results) if number is not None})


class Program:
    """The entries that lead to one loss, the leaves they read, and where the loss is."""

    def __init__(self, entries: list[Entry], leaves: list[torch.Tensor], root: int) -> None:
        self.entries, self.leaves, self.root = entries, leaves, root

    def run(self, leaves: Sequence[torch.Tensor], rows: int, upto: int | None = None) -> torch.Tensor:
        """Return the loss for these leaves, or the value numbered `upto` on the way to it."""
        values: dict[int, Any] = {}
        target = self.root if upto is None else upto
        for entry in self.entries:
            if entry.grad or not torch.is_grad_enabled():
                entry.run(values, leaves, rows)
            else:
                with torch.no_grad():
                    entry.run(values, leaves, rows)
            if target in values:
                break
        found: torch.Tensor = values[target]
        return found

    @property
    def rows(self) -> int:
        """The number of rows in the batch: the length of the first tensor of data that is read, 0 where none is."""
        return next((len(t) for t in self.leaves if t.dim() and not t.requires_grad), 0)

    def assume_rows(self, rows: int) -> None:
        """Take the batch size in a shape (`view(32, -1)`) for what it is, where every batch has the same."""
        for entry in self.entries:
            if entry.name in ("view", "reshape", "expand", "unflatten", "repeat"):
                entry.slots = [Rows(0) if type(s) is int and s == rows else s for s in entry.slots]

    def models(self) -> list[nn.Module]:
        """Return the modules with parameters that are called, each once."""
        return list(dict.fromkeys(e.function for e in self.entries if e.is_model))

    def generalize(self, other: Program, rows: int, others: int) -> None:
        """Make this the program of both steps; `rows` and `others` are their batch sizes.

        Raises CannotTrain where they differ in more than the number of rows.
        """
        if len(self.entries) != len(other.entries) or len(self.leaves) != len(other.leaves):
            raise CannotTrain("its steps are not alike: the way to the loss changes from one to the next")
        for mine, theirs in zip(self.entries, other.entries):
            same = mine.function is theirs.function or mine.function == theirs.function
            if not same or mine.spec != theirs.spec or len(mine.slots) != len(theirs.slots):
                raise CannotTrain("its steps are not alike: the way to the loss changes from one to the next")
            for i, (a, b) in enumerate(zip(mine.slots, theirs.slots)):
                if isinstance(a, Rows) or (type(a) is int and a == rows and b == others and rows != others):
                    mine.slots[i] = Rows(0)
                elif not _alike(a, b):
                    raise CannotTrain(f"`{mine.name}` in its loss reads a number that changes from step to step")


def _alike(a: Any, b: Any) -> bool:
    try:
        return bool(a is b or (type(a) is type(b) and a == b))
    except (RuntimeError, TypeError, ValueError):
        return False


class Tape(TorchFunctionMode):
    """While `on`, writes down what depends on a parameter. `call` takes the place of `nn.Module.__call__`."""

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self._depth = 0
        self._entries: list[Entry] = []
        self._values: dict[int, int] = {}
        self._tensors: list[torch.Tensor] = []
        self._before: list[torch.Tensor] = []
        self._made: dict[int, torch.Tensor] = {}
        self._origin: dict[int, tuple[torch.Tensor, int]] = {}
        self.on_model: Callable[[nn.Module], None] = lambda module: None

    def clear(self) -> None:
        """Begin a new step. Values of the one before are still known, to notice what is carried over."""
        self._before = self._tensors
        self._entries, self._values, self._tensors, self._made = [], {}, [], {}
        if len(self._origin) > 256:
            self._origin.clear()

    def source_rows(self, tensor: torch.Tensor) -> int | None:
        """Return the number of rows of the tensor out of which `tensor` was picked, None where it was not."""
        found = self._origin.get(id(tensor))
        return found[1] if found is not None else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func` and note it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.on and not self._depth and func is not torch.Tensor.backward:
            self._note(func, args, kwargs, result)
        return result

    def call(self, original: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        """Call a module; one that nobody called from inside another becomes an entry."""
        if not self.on or self._depth:
            return original(module, *args, **kwargs)
        if next(module.parameters(), None) is not None and torch.is_grad_enabled():
            self.on_model(module)
        self._depth += 1
        try:
            result = original(module, *args, **kwargs)
        finally:
            self._depth -= 1
        self._note(module, args, kwargs, result)
        return result

    def _note(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        slots, spec = tree_flatten((args, kwargs))
        tensors = [s for s in slots if isinstance(s, torch.Tensor)]
        given = tree_flatten(result)[0]
        depends = any(id(t) in self._values or t.requires_grad for t in tensors)
        if isinstance(function, nn.Module):
            depends = depends or next(function.parameters(), None) is not None
        if not depends:
            self._trace_origin(function, tensors, given)
            return
        if not any(isinstance(g, torch.Tensor) for g in given):
            return
        flat = [self._slot(s) if isinstance(s, torch.Tensor) else s for s in slots]
        gives = [self._number(g) if isinstance(g, torch.Tensor) else None for g in given]
        self._entries.append(Entry(function, flat, spec, gives, torch.is_grad_enabled()))

    def _slot(self, tensor: torch.Tensor) -> Any:
        number = self._values.get(id(tensor))
        return tensor if number is None else Value(number)

    def _number(self, tensor: torch.Tensor) -> int:
        self._tensors.append(tensor)
        self._values[id(tensor)] = len(self._tensors) - 1
        return len(self._tensors) - 1

    def _trace_origin(self, function: Any, tensors: list[torch.Tensor], given: list[Any]) -> None:
        """Remember out of how many rows a batch was picked (`x[rows]`, also behind `.to()` or `.view()`)."""
        if not tensors or len(given) != 1 or not isinstance(given[0], torch.Tensor) or not given[0].dim():
            return
        first, result = tensors[0], given[0]
        if getattr(function, "__name__", "") in ("__getitem__", "index_select", "narrow") and first.dim():
            self._origin[id(result)] = (result, len(first))
        elif id(first) in self._origin and first.dim() and len(first) == len(result):
            self._origin[id(result)] = (result, self._origin[id(first)][1])

    def program(self, root: torch.Tensor) -> Program:
        """Return what led to `root`. Raises CannotTrain where it was not seen."""
        number = self._values.get(id(root))
        if number is None:
            raise CannotTrain("its loss is computed in a way that was not seen")
        made = {n: entry for entry in self._entries for n in entry.gives if n is not None}
        needed, todo = set(), [number]
        while todo:
            entry = made[todo.pop()]
            if id(entry) not in needed:
                needed.add(id(entry))
                todo.extend(s.index for s in entry.slots if type(s) is Value)
        entries = [e for e in self._entries if id(e) in needed]
        order = {n: i for i, n in enumerate(n for e in entries for n in e.gives if n is not None)}
        self._made = {i: self._tensors[n] for n, i in order.items()}
        carried = {id(t) for t in self._before}
        leaves: list[torch.Tensor] = []
        numbers: dict[int, int] = {}
        for entry in entries:
            for i, slot in enumerate(entry.slots):
                if isinstance(slot, torch.Tensor):
                    if id(slot) in carried:
                        raise CannotTrain("a state is carried over from one step to the next")
                    if slot.requires_grad and not slot.is_leaf:
                        raise CannotTrain("its loss reads a value whose origin was not seen")
                    if id(slot) not in numbers:
                        numbers[id(slot)] = len(leaves)
                        leaves.append(slot)
                    entry.slots[i] = Leaf(numbers[id(slot)])
                elif type(slot) is Value:
                    entry.slots[i] = Value(order[slot.index])
            entry.gives = [None if n is None else order[n] for n in entry.gives]
            if "dropout" in entry.name and not isinstance(entry.function, nn.Module):
                raise CannotTrain("dropout is called outside of a module")
        return Program(entries, leaves, order[number])

    def exact(self, program: Program) -> bool:
        """Whether the recorded step, run again on what its models gave, comes to the same loss."""
        values: dict[int, Any] = {}
        with torch.no_grad():
            for entry in program.entries:
                if isinstance(entry.function, nn.Module) and (entry.is_model or "Dropout" in entry.name):
                    for number in entry.gives:
                        if number is not None:
                            values[number] = self._made[number].detach()
                else:
                    entry.run(values, program.leaves, 0)
        again, before = values[program.root], self._made[program.root].detach()
        return bool(torch.allclose(again.double(), before.double(), rtol=1e-6, atol=0, equal_nan=True))

"""How an input is written (`2x1x28x28`, `8x16:int64[0,100)`, `ids=4x12:int64`) and drawn."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, replace
from typing import Any

import torch

_SPEC = re.compile(
    r"^\s*(?:(?P<name>[A-Za-z_]\w*)\s*=)?\s*(?P<shape>\d+(?:\s*[x×]\s*\d+)*)"
    r"\s*(?::\s*(?P<dtype>[a-z]+\d*)\s*(?:\[\s*(?P<low>-?\d+)\s*,\s*(?P<high>-?\d+)\s*\))?)?\s*$"
)
_DTYPES = {
    name: getattr(torch, name)
    for name in ("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool",
                 "complex64", "complex128")
}  # fmt: skip
_ALIASES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int64"}


@dataclass(frozen=True)
class Spec:
    """One input: its shape, dtype and (for whole numbers) the range of values, high exclusive.

    Real numbers are standard normal; evenly spread from `low` to `high` where `low` is over zero.
    `name` makes it a keyword argument; `times` a list of that many such tensors. `values` are whole numbers that stand
    in it one after the other, over and over until it is full.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    low: int = 0
    high: int = 2
    name: str | None = None
    times: int = 0
    values: tuple[int, ...] = ()

    @property
    def floating(self) -> bool:
        """Whether the values are real numbers."""
        return self.dtype.is_floating_point

    @property
    def fixed(self) -> bool:
        """Whether the values are known beforehand: whole numbers of which only one is in the range."""
        one = bool(self.values) or self.high == self.low + 1
        return one and not self.dtype.is_floating_point and self.dtype is not torch.bool

    def sized(self, *shape: int) -> Spec:
        """Return the spec with another shape, no axis under one."""
        return replace(self, shape=tuple(max(1, n) for n in shape))

    def blank(self) -> Any:
        """Return a tensor of this shape without values."""
        made = torch.empty(self.shape, dtype=self.dtype, device="meta")
        return [made.clone() for _ in range(self.times)] if self.times else made

    def draw(self, seed: int = 0) -> Any:
        """Return a drawn tensor: standard normal, or whole numbers in the range. Global random state is not used."""
        if self.times:
            return [replace(self, times=0).draw(seed + i) for i in range(self.times)]
        if self.values:
            count = math.prod(self.shape)
            row = list(itertools.islice(itertools.cycle(self.values), count))
            return torch.tensor(row, dtype=self.dtype, device="cpu").reshape(self.shape)
        generator = torch.Generator().manual_seed(seed)
        if self.dtype is torch.bool:
            return torch.ones(self.shape, dtype=torch.bool)
        if self.dtype.is_floating_point or self.dtype.is_complex:
            kind = self.dtype if self.dtype.is_complex else torch.float32
            if self.low > 0:
                even = torch.rand(self.shape, generator=generator, device="cpu")
                return (self.low + (self.high - self.low) * even).to(self.dtype)
            return torch.randn(self.shape, dtype=kind, generator=generator, device="cpu").to(self.dtype)
        high = max(self.low + 1, self.high)
        return torch.randint(self.low, high, self.shape, generator=generator, device="cpu").to(self.dtype)

    def __str__(self) -> str:
        shown = "x".join(map(str, self.shape)) + ":" + str(self.dtype).removeprefix("torch.")
        return f"{self.name}={shown}" if self.name else shown


def parse_spec(text: str) -> Spec:
    """Read `2x1x28x28[:float32]` or `8x16:int64[0,100)`. Raises ValueError that says what is wrong with it."""
    found = _SPEC.match(text)
    if found is None:
        raise ValueError(f"input {text!r} is not of the form 2x1x28x28, 8x16:int64 or 8x16:int64[0,100)")
    dtype = _ALIASES.get(found["dtype"] or "float32", found["dtype"] or "float32")
    if dtype not in _DTYPES:
        raise ValueError(f"input {text!r}: {dtype!r} is no dtype that nnlint knows ({', '.join(_DTYPES)})")
    shape = tuple(int(n) for n in re.split(r"\s*[x×]\s*", found["shape"]))
    if found["low"] is None:
        return Spec(shape, _DTYPES[dtype], name=found["name"])
    low, high = int(found["low"]), int(found["high"])
    if high <= low:
        raise ValueError(f"input {text!r}: the range [{low},{high}) is empty")
    if _DTYPES[dtype].is_floating_point:
        raise ValueError(f"input {text!r}: a range needs a whole-number dtype such as int64")
    return Spec(shape, _DTYPES[dtype], low, high, found["name"])


def shown(value: torch.Tensor, name: str | None = None) -> str:
    """Return how a tensor would be written as a spec."""
    return str(Spec(tuple(int(n) for n in value.shape), value.dtype, name=name))

"""What is known of a model: its modules, its parameters at initialization, its graph."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from .graph import Graph
from .span import Span
from .unknown import Fact, Known, Plain, missing


class Module(Plain):
    """One `nn.Module` in the tree: `path` is "" for the root, `kind` its class name as `nn.Linear` or `Net`."""

    path: str
    kind: str
    built: Span | None = None
    training: bool = True
    used: bool | None = None
    """Whether the traced forward passed through it; None where no forward was traced."""


class Parameter(Fact):
    """One parameter as it stands at initialization.

    `role` is `weight`, `bias` or `other`; `fan_in` and `fan_out` count connections as `torch.nn.init` does.
    `schemes` are the named initializations that these values cannot be told apart from (`pytorch_default`,
    `he_normal`, `he_uniform`, `lecun_normal`, `lecun_uniform`, `glorot_normal`, `glorot_uniform`, `orthogonal`,
    `truncated_normal`, `normal`, `uniform`, `zeros`, `ones`, `constant`), most likely first, empty where not sure.
    """

    named: ClassVar[str] = "model.parameter"
    name: str
    shape: tuple[int, ...]
    dtype: str
    layer: str
    role: str
    trainable: bool = True
    fan_in: int | None = None
    fan_out: int | None = None
    mean: Known[float] = missing()
    std: Known[float] = missing()
    low: Known[float] = missing()
    high: Known[float] = missing()
    zeros: Known[float] = missing()
    """Share of entries that are exactly zero."""
    constant: Known[bool] = missing()
    equal_units: Known[bool] = missing()
    """Whether all rows (output units) are equal, so that they can never part."""
    schemes: Known[tuple[str, ...]] = missing()


class Model(Fact):
    """A model: `name` is its class, `span` the class line (else where it is built)."""

    named: ClassVar[str] = "model"
    name: str
    span: Span | None = None
    modules: tuple[Module, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    graph: Known[Graph] = missing("the forward pass was not traced")
    fresh: Known[bool] = missing()
    """Whether the parameters are as initialized (False where a checkpoint was loaded)."""

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {p.name: p for p in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """Return the parameter of that full name (`fc1.weight`). Raises KeyError where there is none."""
        return self._parameters[name]

"""What is known of a model: its modules, its parameters at initialization, its graph."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Literal

from .anatomy import (
    Domain,
    OutputRole,
    Residual,
    depth_of,
    domain_of,
    recurrence_of,
    residuals_of,
    roles_of,
)
from .cost import multiply_adds
from .failure import Failure
from .graph import Graph, Node
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
    read: bool | None = None
    """Whether a method of the class that holds it (its constructor left out) names it; None where not known."""


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
    read: bool | None = None
    """False where no method of the class that holds it, its constructor left out, names it; None where not known."""
    schemes: Known[tuple[str, ...]] = missing()


class Unregistered(Plain):
    """A plain list, tuple or dict in an attribute whose parameters `nn.Module` does not know of.

    `holder` is the path of the module that has it, `owner` that module's class; `parameters` counts trainable values.
    `flat` says that one container of torch can take the place of it. `optimized` says that an optimizer has them.
    """

    holder: str
    owner: str
    attribute: str
    kind: Literal["list", "tuple", "dict"]
    items: Literal["modules", "parameters"] = "modules"
    modules: int
    parameters: int
    flat: bool = True
    optimized: bool | None = None
    span: Span | None = None
    value: Span | None = None
    """What is assigned to the attribute."""


class Override(Plain):
    """A method of `nn.Module` that something else stands in for.

    `why`: it is no method but a `value`, it does not take the `arguments` that torch calls it with, or it does not
    change the `mode`. `called` says that torch itself and training scripts call it.
    """

    holder: str
    owner: str
    name: str
    why: Literal["value", "arguments", "mode"]
    called: bool = True
    certain: bool = True
    span: Span | None = None


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
    unregistered: Known[tuple[Unregistered, ...]] = missing()
    overrides: Known[tuple[Override, ...]] = missing()
    random_in_eval: Known[tuple[Node, ...]] = missing("no forward was traced in evaluation mode")
    """Calls that drop values in evaluation mode as well, as that forward recorded them (ids are its own)."""
    tied: Known[tuple[tuple[str, ...], ...]] = missing()
    """Names of parameters that are one and the same tensor, group by group; the first name is the one in use."""
    ignored: Known[tuple[str, ...]] = missing()
    """Names of the tensors that `forward` demands and that neither an output nor a loss depends on."""
    failure: Failure | None = None
    """What raised, where the observed training ended with an error; None where it did not."""

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {p.name: p for p in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """Return the parameter of that full name (`fc1.weight`). Raises KeyError where there is none."""
        return self._parameters[name]

    @cached_property
    def domain(self) -> Domain:
        """What the model reads: `vector`, `image`, `volume`, `sequence`, `text` or `graph`. Raises Unknown."""
        return domain_of(self.graph)

    @cached_property
    def roles(self) -> tuple[OutputRole, ...]:
        """What each output is."""
        return roles_of(self.graph)

    @cached_property
    def depth(self) -> int:
        """The largest number of non-linear calls on a way from an input to an output."""
        return depth_of(self.graph)

    @cached_property
    def recurrence(self) -> tuple[str, ...]:
        """Paths of the modules whose results come back to them; empty where nothing does."""
        return recurrence_of(self.graph)

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """The shortcuts around layers, in order."""
        return residuals_of(self.graph)

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the parameters that training leaves as they are."""
        return tuple(p.name for p in self.parameters if not p.trainable)

    @cached_property
    def unused(self) -> tuple[str, ...]:
        """Names of the parameters that no call of the forward pass reads."""
        read = {name for node in self.graph for name in node.parameters}
        return tuple(p.name for p in self.parameters if p.name not in read)

    @cached_property
    def multiply_adds(self) -> tuple[int, bool]:
        """The multiply-adds of one forward pass on the traced batch, and whether every call could be counted."""
        shapes = {p.name: p.shape for p in self.parameters}
        counts = [multiply_adds(node, shapes) for node in self.graph if node.module is not None]
        return sum(count or 0 for count in counts), None not in counts

"""The versioned JSON of `nnlint facts`, with what is derived from the facts; its schema is made from these types."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from ..facts import Fact, Facts, Graph, Known, Missing, Model, Plain, Unknown, missing
from ..facts.anatomy import Domain, OutputRole, Residual
from ..facts.cost import BYTES, activation_bytes, size_of
from ..report import Report, Trouble

VERSION = 1
"""Of the JSON: raised when a field changes its meaning or goes."""


class Derived(Fact):
    """What follows from a model's parameters and calls. Bytes and multiply-adds are those of the traced batch.

    `samples` is the length of the first input's first axis; `counted` is False where some call's multiply-adds could
    not be told. `forward_backward_bytes` is an estimate: every activation once, and as much again for its gradient.
    """

    named: ClassVar[str] = "model"
    parameters: int
    trainable: int
    parameter_bytes: int
    frozen: tuple[str, ...] = ()
    unused: Known[tuple[str, ...]] = missing()
    domain: Known[Domain] = missing()
    outputs: Known[tuple[OutputRole, ...]] = missing()
    depth: Known[int] = missing()
    recurrence: Known[tuple[str, ...]] = missing()
    residuals: Known[tuple[Residual, ...]] = missing()
    normalizations: Known[tuple[int, ...]] = missing()
    multiply_adds: Known[int] = missing()
    counted: bool = True
    samples: Known[int] = missing()
    input_bytes: Known[int] = missing()
    forward_backward_bytes: Known[int] = missing()


class Described(Facts):
    """The facts of one model with what is derived from them; None where there is no model."""

    derived: Derived | None = None


class Document(Plain):
    """All that one call of `nnlint facts` has to say."""

    version: int = VERSION
    models: tuple[Described, ...] = ()
    errors: tuple[Trouble, ...] = ()


def as_json(found: Iterable[Facts], report: Report) -> str:
    """Return the facts of each model, and what could not be inspected."""
    models = tuple(
        Described.model_construct(
            **{name: getattr(facts, name) for name in type(facts).model_fields},
            derived=derived(facts.model) if facts.model is not None else None,
        )
        for facts in found
    )
    return Document.model_construct(models=models, errors=report.errors).model_dump_json(indent=2) + "\n"


def derived(model: Model) -> Derived:
    """Return what follows from the model's parameters and calls; without a trace the most stays unknown."""
    sizes = {p.name: math.prod(p.shape) for p in model.parameters}
    found: dict[str, Any] = {
        "parameters": sum(sizes.values()),
        "trainable": sum(sizes[p.name] for p in model.parameters if p.trainable),
        "parameter_bytes": sum(sizes[p.name] * BYTES.get(p.dtype, 1) for p in model.parameters),
        "frozen": model.frozen,
    }
    for name in ("unused", "domain", "depth", "recurrence", "residuals"):
        found[name] = _or_missing(model, name)
    found["outputs"] = _or_missing(model, "roles")
    try:
        found |= _costs(model, model.graph)
    except Unknown as unknown:
        gone = ("normalizations", "multiply_adds", "samples", "input_bytes", "forward_backward_bytes")
        found |= dict.fromkeys(gone, Missing(unknown.why))
    return Derived(**found)


def _or_missing(model: Model, name: str) -> Any:
    try:
        return getattr(model, name)
    except Unknown as unknown:
        return Missing(unknown.why)


def _costs(model: Model, graph: Graph) -> dict[str, Any]:
    adds, counted = model.multiply_adds
    given = [tensor for node in graph if node.kind == "input" for tensor in node.gives]
    found = {
        "normalizations": tuple(node.id for node in graph.normalizations()),
        "multiply_adds": adds,
        "counted": counted,
        "input_bytes": sum(map(size_of, given)),
        "forward_backward_bytes": 2 * activation_bytes(graph),
    }
    if given and given[0].shape:
        found["samples"] = given[0].shape[0]
    return found


class _Schema(GenerateJsonSchema):
    """Figures that JSON has no number for are written as words."""

    def float_schema(self, schema: Any) -> JsonSchemaValue:
        return {"anyOf": [super().float_schema(schema), {"enum": ["Infinity", "-Infinity", "NaN"]}]}

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def schema() -> dict[str, Any]:
    """Return the JSON Schema of what `nnlint facts --output-format json` writes."""
    made = TypeAdapter(Document).json_schema(schema_generator=_Schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "facts.schema.json",
        **made,
        "title": "nnlint facts",
        "description": "What `nnlint facts --output-format json` writes. Lines and columns count from 1; a fact that "
        'nobody knows is {"unknown": "why"}.',
    }

"""What nnlint does not know, and how a rule is stopped from guessing it.

A fact that could not be found is stored as `Missing` and raises `Unknown` when it is read. The engine ends that one
call of the rule and reports "not checked: needs `recipe.optimizer.lr`", so no rule has to guard for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, model_serializer
from pydantic.functional_validators import WrapValidator

T = TypeVar("T")


class Unknown(Exception):
    """A rule read a fact that nobody could find. `needs` names it as a user would: `recipe.optimizer.lr`."""

    def __init__(self, needs: str, why: str = "") -> None:
        super().__init__(f"{needs} is not known" + (f": {why}" if why else ""))
        self.needs = needs
        self.why = why


class Missing:
    """The stored form of a fact that could not be found, with the reason."""

    __slots__ = ("why",)

    def __init__(self, why: str = "not found") -> None:
        self.why = why

    def __repr__(self) -> str:
        return f"Missing({self.why!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Missing) and other.why == self.why

    def __hash__(self) -> int:
        return hash(self.why)


def missing(why: str = "not found") -> Any:
    """Return the default of a field that may stay unknown."""
    return Missing(why)


def _or_missing(value: Any, validate: Callable[[Any], Any]) -> Any:
    if isinstance(value, Missing):
        return value
    if isinstance(value, dict) and value.keys() == {"unknown"}:
        return Missing(str(value["unknown"]))
    return validate(value)


class _OrUnknown:
    """Says in the JSON Schema that a fact may be `{"unknown": "why"}`."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        unknown = {
            "type": "object",
            "properties": {"unknown": {"type": "string"}},
            "required": ["unknown"],
            "additionalProperties": False,
        }
        return {"anyOf": [handler(schema), unknown]}


Known = Annotated[T, WrapValidator(_or_missing), _OrUnknown()]
"""The type of a field that holds a `T`, or raises `Unknown` when it is read."""


class Plain(BaseModel):
    """A frozen record whose every field is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="strings")


class Fact(Plain):
    """A frozen record with fields that may be unknown: they live outside `__dict__`, so that reading one raises."""

    named: ClassVar[str] = ""
    """The path under which a user knows this record, such as `recipe.optimizer`."""

    def model_post_init(self, context: Any, /) -> None:
        """Move what is missing out of reach of plain attribute access."""
        gone = {name: value for name, value in self.__dict__.items() if isinstance(value, Missing)}
        for name in gone:
            del self.__dict__[name]
        if gone:
            object.__setattr__(self, "__nnlint_missing__", gone)

    def __getattr__(self, name: str) -> Any:
        if name in type(self).model_fields:
            gone: dict[str, Missing] = self.__dict__.get("__nnlint_missing__", {})
            raise Unknown(f"{self.named or type(self).__name__.lower()}.{name}", gone[name].why if name in gone else "")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @model_serializer(mode="plain")
    def _to_data(self) -> dict[str, Any]:
        gone: dict[str, Missing] = self.__dict__.get("__nnlint_missing__", {})
        return {
            name: {"unknown": gone[name].why} if name in gone else self.__dict__[name]
            for name in type(self).model_fields
        }

    def hiding(self, *names: str) -> Any:
        """Return a copy in which these fields are unknown (used by tests and by merging)."""
        values = {n: self.__dict__.get(n, Missing()) for n in type(self).model_fields}
        return type(self)(**{**values, **{n: Missing("hidden") for n in names}})


def known(read: Callable[[], T], default: T) -> T:
    """Return `read()`, or `default` where the fact is unknown: for words in a message only, never for a condition."""
    try:
        return read()
    except Unknown:
        return default

"""The lines of a script, each with the key of the configuration that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .reading import Key


class Lines:
    """Lines of a program that remember where they come from."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Key]] = []

    def add(self, text: str = "", key: Key = (), indent: int = 0) -> None:
        """Add one or several lines."""
        for row in text.split("\n"):
            self.rows.append((" " * 4 * indent + row if row else "", key))

    def call(self, head: str, arguments: Iterable[str], key: Key = (), indent: int = 0) -> None:
        """Add a call: on one line where it is short."""
        given = [argument for argument in arguments if argument]
        short = f"{head}({', '.join(given)})"
        if len(short) + 4 * indent <= 100:
            self.add(short, key, indent)
            return
        self.add(f"{head}(", key, indent)
        for argument in given:
            self.add(f"{argument},", key, indent + 1)
        self.add(")", key, indent)

    @property
    def text(self) -> str:
        """The program."""
        return "\n".join(row for row, _ in self.rows) + "\n"

    @property
    def keys(self) -> list[Key]:
        """The key of every line."""
        return [key for _, key in self.rows]


def arguments(values: Mapping[str, object]) -> list[str]:
    """Return `name=value` for every value that is given."""
    return [f"{name}={value!r}" for name, value in values.items() if value is not None]

"""What a reader of one file has at hand, and what a framework's adapter hands back."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from ..facts import Missing
from .arguments import Arguments
from .batches import BatchReader
from .flow import Lost, Place
from .gradients import LoopReader
from .loaders import Loaders, is_loader
from .losses import Losses
from .objects import Objects
from .optimizers import Optimizers
from .program import last_name
from .terms import Term
from .training import Site, Training


@dataclass(frozen=True)
class Handed:
    """What a training framework decides: `fields` of `Recipe`, and the losses where the framework makes the loop.

    `terms` is None where the file's own `backward()` says what is minimized: then `fields` count over what the loops
    of the file say, and `loop` over single facts of the loop.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    terms: list[Term] | Missing | None = None
    loop: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """The readers of one file, for the adapters in `frameworks/`."""

    objects: Objects
    optimizers: Optimizers
    training: Training
    losses: Losses
    batches: BatchReader
    loops: LoopReader
    sites: list[Site]

    def calls_of(self, *dotted: str) -> list[ast.Call]:
        """Return the calls of names that end so (`transformers.Trainer`), those that the program reaches first."""
        program = self.objects.program
        names = {d.rpartition(".")[2] for d in dotted}
        found = [c for n in names for c in program.calls_by_name.get(n, ()) if self._is_one(c.func, dotted)]
        return [c for c in found if self.training.is_alive(c)] or found

    def _is_one(self, func: ast.expr, dotted: tuple[str, ...]) -> bool:
        name = self.objects.program.qualified(func) or ""
        return any(name.startswith(d.partition(".")[0]) and name.endswith("." + d.rpartition(".")[2]) for d in dotted)

    def derived(self, *dotted: str) -> list[ast.ClassDef]:
        """Return the classes of the file that derive from one of these."""
        flow = self.objects.flow
        return [
            c for c in self.objects.program.classes
            if any(self._is_one(b, dotted) for one in flow.lineage(c) for b in one.bases)
        ]  # fmt: skip

    def value(self, given: Arguments, name: str, default: Any) -> Any:
        """Return an argument's plain value, its documented default where unwritten, Missing where not known."""
        if name not in given.written:
            return Missing(given.open) if given.open else default
        place = given.written[name]
        try:
            value = self.objects.values.of(place.node, place.frame)
        except Lost as lost:
            return Missing(lost.why)
        plain = value is None or isinstance(value, (bool, int, float, str))
        return value if plain else Missing(f"`{name}` is no plain value")

    def number(self, given: Arguments, name: str, default: float) -> Any:
        """Return an argument as a float, Missing where it is none."""
        value = self.value(given, name, default)
        if isinstance(value, Missing):
            return value
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if good else Missing(f"`{name}` is no number")

    def count(self, given: Arguments, name: str, default: int | None) -> Any:
        """Return an argument as a whole number above zero, Missing where it is none."""
        value = self.value(given, name, default)
        if isinstance(value, Missing):
            return value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return value if good else Missing(f"`{name}` is no whole number above zero")

    def built(self, place: Place | None) -> list[Place]:
        """Return what may have built what an argument holds; [] where that cannot be told."""
        if place is None:
            return []
        try:
            return self.objects.made(place.node, place.frame, place.path)
        except Lost:
            return []

    def loader(self, node: ast.AST | None) -> tuple[Any, Any, Any]:
        """Return batch size, shuffling and number of batches of the loader that an expression stands for."""
        why = Missing("no training loader is to be seen")
        if node is None:
            return why, why, why
        try:
            made = [p for p in self.objects.made(node) if is_loader(p.node)]
        except Lost:
            return why, why, why
        if len(made) != 1 or not isinstance(made[0].node, ast.Call):
            return why, why, why
        loaders: Loaders = self.batches.loaders
        call = made[0].node
        try:
            count: Any = self.objects.values.sizes.data_sets.batches(call, made[0].frame)
        except Lost as lost:
            count = Missing(lost.why)
        return (*loaders.read(call, made[0].frame), count)

    def callbacks(self, given: Arguments) -> dict[str, ast.Call]:
        """Return the callbacks that are handed over, by class."""
        place = given.written.get("callbacks")
        nodes: list[ast.AST] = [p.node for p in self.built_list(place)] if place is not None else []
        return {last_name(n.func) or "": n for n in nodes if isinstance(n, ast.Call)}

    def built_list(self, place: Place) -> list[Place]:
        """Return what built the elements of a list, (name, object) pairs taken apart."""
        node: ast.AST = place.node
        if isinstance(node, ast.Name):
            try:
                places = self.objects.flow.definitions(node, place.frame)
            except Lost:
                return []
            node = places[0].node if len(places) == 1 else node
        elts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
        found: list[Place] = []
        for one in elts:
            inner = one.elts[-1] if isinstance(one, ast.Tuple) and one.elts else one
            found += self.built(Place(inner, place.frame)) if isinstance(inner, ast.expr) else []
        return found

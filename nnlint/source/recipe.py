"""Read how a model is trained from the source: nothing is run, and what cannot be told stays unknown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ..facts import Missing, Optimizer, Recipe
from . import frameworks
from .averaging import read_averaging
from .batches import Batches, BatchReader
from .effects import Effects
from .evaluating import Evaluating
from .flow import Lost, Place
from .gradients import LoopReader
from .keeping import Keeping
from .loader_facts import LoaderFacts
from .loop_facts import LoopFacts
from .loss_facts import LossReader
from .losses import Losses
from .modules import Modules
from .objects import Objects
from .optimizers import Optimizers
from .preparing import Preparing
from .program import last_name
from .reading import Handed, Reading
from .schedules import Schedules
from .terms import Term
from .thresholds import read_thresholds
from .trace import Trace
from .training import Site, Training
from .turn import Turns


def read_recipe(modules: Modules, effects: Effects) -> tuple[Recipe, bool]:
    """Return the recipe as far as the source shows it, and whether the only loss reads the model's output directly."""
    return _Reader(modules, effects).read()


class _Reader:
    def __init__(self, modules: Modules, effects: Effects) -> None:
        self.objects = Objects(modules)
        self.program, self.values = modules.program, modules.values
        self.optimizers = Optimizers(self.objects)
        self.training = Training(self.objects, self.optimizers, effects)
        self.losses = Losses(self.objects)
        self.loss_reader = LossReader(self.objects)
        self.batches = BatchReader(self.objects, self.training)
        self.loops = LoopReader(self.objects, self.optimizers, self.training)
        self.sites = self.training.sites()
        self.trace = Trace(self.values, effects)
        for site in self.sites:
            self._reach(site.backward)
        self.schedules = Schedules(self.objects, self.training, self.loops, self.batches, self.trace)

    def read(self) -> tuple[Recipe, bool]:
        handed = frameworks.read(self.reading) or Handed()
        terms = self._terms() if handed.terms is None else handed.terms
        if isinstance(terms, list):
            terms = _distinct(terms) or Missing("what computes the loss cannot be followed")
        fields: dict[str, Any] = {"optimizers": self._optimizers(), "scheduler": self._scheduler(), **self._around()}
        if handed.terms is None:
            fields |= self._looped([] if isinstance(terms, Missing) else terms, handed.loop)
        if handed.terms is not None or self.sites:
            fields["losses"] = terms if isinstance(terms, Missing) else tuple(self.loss_reader.read(t) for t in terms)
        elif isinstance(fields["optimizers"], Missing):
            fields["optimizers"] = Missing("the file has no training loop")
        direct = not isinstance(terms, Missing) and len(terms) == 1 and self.loss_reader.reads_model(terms[0])
        return Recipe(**{**fields, **handed.fields}), direct

    @cached_property
    def reading(self) -> Reading:
        """The readers, as the adapters of training frameworks take them."""
        return Reading(self.objects, self.optimizers, self.training, self.losses, self.batches, self.loops, self.sites)

    def _around(self) -> dict[str, Any]:
        """Return what can be told whoever makes the loop."""
        return {
            "schedulers": self.schedules.read(self.sites),
            "loaders": LoaderFacts(self.batches, self.sites).read(),
            "seeded": self.kept.seeded(),
            "saved": self.kept.saved(),
            "loaded": self.kept.loaded(),
            "preparations": Preparing(self.objects, self.trace).read(),
            "averaging": read_averaging(self.objects),
            "thresholds": read_thresholds(self.objects),
        }

    def _looped(self, terms: list[Term], loop: dict[str, Any]) -> dict[str, Any]:
        """Return what the loops of the file say."""
        if not self.sites:
            return {}
        batches = self._batches()
        return {
            "batch_size": batches.size,
            "shuffles": batches.shuffles,
            "epochs": batches.epochs,
            "updates": batches.updates,
            "loop": self._loop(terms, loop),
            "evaluations": self._evaluations(terms),
            "best_weights": self.kept.best(),
            "early_stopping": self.kept.early(),
        }

    @cached_property
    def kept(self) -> Keeping:
        """What is kept, saved and loaded."""
        return Keeping(
            self.objects, self.optimizers, self.loops, self.schedules, self.training.effects, self.trace, self.sites
        )

    def _terms(self) -> list[Term] | Missing:
        """Return the losses of all training sites."""
        try:
            return [t for s in self.sites for t in self.losses.terms(s.loss)]
        except Lost as lost:
            return Missing(lost.why)

    def _reach(self, node: ast.AST) -> None:
        """Let the trace go through a place that nothing calls, from the outermost function whose callers are known."""
        if any(e.node is node for e in self.trace.events):
            return
        function = self.program.function_of(node)
        for _ in range(6):
            callers = self.training.callers(function) if function is not None else []
            outer = self.program.function_of(callers[0]) if callers else None
            if outer is None:
                break
            function = outer
        if function is not None:
            self.trace.reach(function)

    def _optimizers(self) -> tuple[Optimizer, ...] | Missing:
        """Return the optimizers that step; where no step says which, those that the file builds."""
        built: dict[int, Place] = {}
        for site in self.sites:
            for step in site.steps:
                if len(step.built) > 1 and self._is_choice(step.built):
                    return Missing(f"it is one of {_words(self.optimizers.kind(p.node, p.frame) for p in step.built)}")
                built.update((id(p.node), p) for p in step.built)
        if not all(s.built for site in self.sites for s in site.steps) or not built:
            every = self.optimizers.built()
            calls = [c for c in every if self.training.is_alive(c)] or [c for c in every if self.program.is_main(c)]
            if len(calls) > 1 and self._is_choice([Place(c) for c in calls]):
                return Missing(f"it is one of {_words(self.optimizers.kind(c) for c in calls)}")
            if not calls:
                return Missing("no optimizer of torch's is built in this file")
            built = {id(c): Place(c) for c in calls}
        ordered = sorted(built.values(), key=lambda p: (p.node.lineno, p.node.col_offset))
        return tuple(self.optimizers.read(p) for p in ordered)

    def _is_choice(self, places: Sequence[Place]) -> bool:
        """Return whether the places stand in branches that exclude each other."""
        if len({id(self.program.function_of(p.node)) for p in places}) > 1:
            return False
        statements = [next(a for a in self.program.ancestors(p.node) if isinstance(a, ast.stmt)) for p in places]
        if len({id(s) for s in statements}) < len(statements):
            return True
        return any(isinstance(a, (ast.If, ast.Try, ast.Match)) for s in statements for a in self.program.ancestors(s)
                   if any(self.program.within(o, a) for o in statements if o is not s)) or all(
            isinstance(s, ast.Return) for s in statements)  # fmt: skip

    def _scheduler(self) -> Any:
        """Return the class of the scheduler that is stepped, None where there is none."""
        outer = sorted({self.schedules.kind(call) or "" for call in self.schedules.built})
        if len(outer) == 1:
            return outer[0]
        if outer:
            return Missing(f"it is one of {', '.join(outer)}")
        by_hand = any(self._is_rate(w) for w in self.program.item_writes.get("lr", ()))
        if by_hand:
            return Missing("the learning rate is set by hand")
        bound = (name for scope in self.program.inside.values() for name in scope.bindings)
        names = (*self.program.calls_by_name, *self.program.loads, *self.program.attribute_writes, *bound)
        unknown = any("sched" in name.lower() for name in names)
        if unknown or not self.optimizers.built():
            return Missing("a scheduler may be built elsewhere")
        return None

    def _is_rate(self, written: ast.Subscript) -> bool:
        return last_name(written.value) != "defaults"

    def _batches(self) -> Batches:
        """Return the batches of all sites where they agree; epochs and updates of phases one after another add up."""
        sites = self._main_sites()
        found = [self.batches.read(s) for s in sites]
        size, shuffles = (_agreed([getattr(b, name) for b in found]) for name in ("size", "shuffles"))
        totals = [[getattr(b, name) for b in found] for name in ("epochs", "updates")]
        outer = {id(s.loops[-1]) for s in sites if s.loops}
        built = [{id(p.node) for step in s.steps for p in step.built} for s in sites]
        if len(outer) == len(sites) > 1 and built[0] and all(b == built[0] for b in built):
            epochs, updates = (_total(t) for t in totals)
        else:
            epochs, updates = (_agreed(t) for t in totals)
        return Batches(size, shuffles, epochs, updates)

    def _main_sites(self) -> list[Site]:
        """Return one site for each loop (the nets of a GAN share theirs)."""
        return list({id(s.loops[0]) if s.loops else id(s): s for s in self.sites}.values())

    def _loop(self, terms: list[Term], given: dict[str, Any]) -> Any:
        """Return the loop that is worth pointing to: one that never clears gradients, else the first."""
        facts = LoopFacts(self.objects, self.training, self.loops, self._turns(terms), self.losses)
        found = [(s, facts.read(s, given)) for s in self.sites]
        for clears in (False, None):
            for _, loop in found:
                if "clears_gradients" in loop.__dict__ and loop.__dict__["clears_gradients"] is clears:
                    return loop
        unsure = [loop for _, loop in found if "clears_gradients" not in loop.__dict__]
        return (unsure or [loop for _, loop in found])[0]

    def _turns(self, terms: list[Term]) -> Turns:
        return Turns(self.objects, self.training, self.loops, self.trace, terms)

    def _evaluations(self, terms: list[Term]) -> Any:
        return Evaluating(self.objects, self.training, self._turns(terms), self.trace, self.sites).read()


def _distinct(terms: list[Term]) -> list[Term]:
    """Return the terms, each loss once, wherever it is called."""
    found: dict[tuple[int, Any], Term] = {}
    for term in terms:
        spot = term.built.node if term.built is not None else term.node
        found.setdefault((id(spot), term.kind), term)
    return list(found.values())


def _total(values: list[Any]) -> Any:
    missing = [v for v in values if isinstance(v, Missing)]
    return missing[0] if missing else sum(values)


def _agreed(values: list[Any]) -> Any:
    first = values[0]
    if all(type(v) is type(first) and v == first for v in values):
        return first
    missing = [v for v in values if isinstance(v, Missing)]
    return missing[0] if missing else Missing("it differs between the training loops")


def _words(names: Any) -> str:
    return ", ".join(sorted({str(n) for n in names}))

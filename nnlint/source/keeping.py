"""Weights that are kept because a figure was the best, training that ends early, checkpoints, seeds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from ..facts import BestWeights, EarlyStop, Loaded, Missing, Saved
from .effects import Effects
from .flow import Lost
from .gradients import LoopReader
from .objects import Objects
from .optimizers import Optimizers
from .program import last_name
from .schedules import Schedules
from .trace import Event, Trace
from .training import Site

_SEEDS = frozenset({"manual_seed", "seed_everything", "set_seed", "set_random_seed", "seed_all", "fix_seed"})
_ORDER = (ast.Lt, ast.Gt, ast.LtE, ast.GtE)
_RANK = ("deepcopy", "disk", "reference", "nothing")


class Keeping:
    """Reads what is kept, saved and loaded."""

    def __init__(
        self, objects: Objects, optimizers: Optimizers, loops: LoopReader, schedules: Schedules, effects: Effects,
        trace: Trace, sites: Sequence[Site],
    ) -> None:  # fmt: skip
        self.objects, self.optimizers, self.loops, self.schedules = objects, optimizers, loops, schedules
        self.effects, self.trace, self.sites = effects, trace, sites
        self.program, self.values = objects.program, objects.values

    # -- the best weights

    def best(self) -> Any:
        """Return how the weights of the best figure so far are kept; None where no figure is compared with it."""
        found = [b for event in self._branches() if (b := self._compared(event)) is not None]
        if found:
            return min(found, key=lambda b: _RANK.index(b.how))
        if not self.sites or not self.trace.complete:
            return Missing("the program is not followed to its end")
        for event in self.trace.events:
            node = event.node
            if isinstance(node, ast.Call) and last_name(node.func) in ("min", "max") and self._is_running(node):
                return BestWeights(how="nothing", span=self.program.span(node), restored=False)
        names = {*self.program.calls_by_name, *self.program.loads, *self.program.attribute_writes}
        if any("best" in n.lower() or "checkpoint" in n.lower() for n in names):
            return Missing("something is called best, or a checkpoint, in a way that cannot be followed")
        return None

    def _branches(self) -> Iterator[ast.If]:
        """Yield the branches that run in a loop of the training, or in what it calls."""
        seen: set[int] = set()
        outer = {id(site.loops[-1]) for site in self.sites if site.loops}
        for event in self.trace.events:
            if not any(id(step.node) in outer for step in event.path):
                continue
            for step in event.path:
                if isinstance(step.node, ast.If) and id(step.node) not in seen:
                    seen.add(id(step.node))
                    yield step.node

    def _compared(self, branch: ast.If) -> BestWeights | None:
        """Return the fact for `if figure > best: best = figure ...`; None for any other branch."""
        for side in (branch.body, branch.orelse):
            values = {pair for statement in side for pair in _assigned(statement)}
            for test in ast.walk(branch.test):
                if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], _ORDER):
                    continue
                one, other = self._bare(test.left), self._bare(test.comparators[0])
                if not {(one, other), (other, one)} & values:
                    continue
                how, span = self._kept(side)
                return BestWeights(how=how, span=self.program.span(span or test), restored=self._restores())
        return None

    def _bare(self, node: ast.expr) -> str:
        """Return the words of a side of a comparison, a margin (`best - delta`) taken off."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            node = node.left
        return ast.unparse(node)

    def _kept(self, statements: Sequence[ast.stmt]) -> tuple[str, ast.AST | None]:
        """Return how statements keep weights, and the expression that does."""
        how, span = "nothing", None
        for node, _ in self.effects.runs(statements):
            if not isinstance(node, ast.Call):
                continue
            name = last_name(node.func) or ""
            told = None
            if name == "deepcopy":
                told = "deepcopy"
            elif name in (
                "save",
                "save_pretrained",
                "save_checkpoint",
                "save_state",
                "save_file",
                "save_model",
                "dump",
            ):
                told = "disk"
            elif name == "state_dict":
                told = self._copied(node)
            if told is not None and _RANK.index(told) < _RANK.index(how):
                how, span = told, node
        return how, span

    def _copied(self, call: ast.Call) -> str | None:
        """Return how the `state_dict()` of a call is kept; None where it is only handed on."""
        for outer in self.program.ancestors(call):
            if isinstance(outer, ast.Call):
                name = last_name(outer.func) or ""
                if name == "deepcopy" or name in ("clone", "save"):
                    return "disk" if name == "save" else "deepcopy"
                if name not in ("copy", "dict", "OrderedDict", "items"):
                    return None
            if isinstance(outer, ast.DictComp):
                return "deepcopy" if "clone" in ast.unparse(outer) or "deepcopy" in ast.unparse(outer) else "reference"
            if isinstance(outer, ast.stmt):
                return "reference" if isinstance(outer, (ast.Assign, ast.AnnAssign)) else None
        return None

    def _restores(self) -> bool:
        """Return whether any weights are loaded anywhere."""
        return bool(self.program.calls_by_name.get("load_state_dict"))

    def _is_running(self, call: ast.Call) -> bool:
        """Return whether a call is `best = min(best, figure)`."""
        parent = self.program.parent.get(call)
        if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
            return False
        return ast.unparse(parent.targets[0]) in {ast.unparse(a) for a in call.args}

    # -- an early end

    def early(self) -> Any:
        """Return what ends the training early; None where nothing does."""
        if not self.sites or not self.trace.complete:
            return Missing("the program is not followed to its end")
        if not any(site.loops for site in self.sites):
            return Missing("no loop around the training is to be seen")
        outer = {id(loop) for site in self.sites for loop in site.loops}
        for event in self.trace.events:
            node = event.node
            ends = isinstance(node, (ast.Break, ast.Return)) and any(isinstance(s.node, ast.If) for s in event.path)
            if not ends or not event.loops or id(event.loops[-1]) not in outer:
                continue
            here = self.program.function_of(node) is self.program.function_of(event.loops[-1])
            if isinstance(node, ast.Return) and not here:
                continue
            inner = [s.node for s in event.inside(event.loops[-1]) if isinstance(s.node, ast.If)]
            if inner:
                return EarlyStop(span=self.program.span(node), patience=self._patience(inner[-1]))
        names = {*self.program.calls_by_name, *self.program.loads}
        if any("early" in n.lower() or "patience" in n.lower() for n in names):
            return Missing("something stops early in a way that cannot be followed")
        return None

    def _patience(self, branch: ast.If) -> Any:
        for node in ast.walk(branch.test):
            if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _ORDER):
                value = self.values.maybe(node.comparators[0], None)
                if isinstance(value, int) and not isinstance(value, bool):
                    return value
        return Missing("its patience is not to be seen")

    # -- seeds and checkpoints

    def seeded(self) -> Any:
        """Return whether torch's random state is set before the training; Missing where a function may do it."""
        for event in self.trace.events:
            node = event.node
            if not isinstance(node, ast.Call) or last_name(node.func) not in _SEEDS:
                continue
            # a torch.Generator's own manual_seed leaves the global state alone
            dotted = self.program.qualified(node.func)
            if dotted is not None and "cuda" not in dotted:
                return True
        if not self.trace.complete or any("seed" in n.lower() for n in self.program.calls_by_name if n != "seed"):
            return Missing("something that is called a seed cannot be followed")
        return False

    def saved(self) -> Any:
        """Return the checkpoints that the program writes."""
        found: dict[int, Saved] = {}
        for event in self.trace.events:
            node = event.node
            if isinstance(node, ast.Call) and self.program.qualified(node.func) == "torch.save" and node.args:
                found[id(node)] = Saved(span=self.program.span(node), holds=self._holds(node.args[0], event))
        return tuple(found.values()) if self.trace.complete else Missing("the program is not followed to its end")

    def _holds(self, node: ast.expr, event: Event, depth: int = 3) -> Any:
        if isinstance(node, ast.Name) and depth:
            try:
                places = self.objects.flow.definitions(node, event.frame)
            except Lost:
                places = []
            if len(places) == 1 and isinstance(places[0].node, (ast.Dict, ast.Call)) and not places[0].path:
                one = places[0].node
                if isinstance(one, ast.Dict) or last_name(one.func) in ("state_dict", "dict"):
                    return self._holds(one, event, depth - 1)
        if isinstance(node, ast.Dict):
            values = [v for k, v in zip(node.keys, node.values) if k is not None]
            if len(values) < len(node.keys):
                return Missing("what is saved is unpacked from elsewhere")
            return tuple(dict.fromkeys(self.what(v, event) for v in values))
        if isinstance(node, ast.Call) and last_name(node.func) == "dict" and all(k.arg for k in node.keywords):
            return tuple(dict.fromkeys(self.what(k.value, event) for k in node.keywords))
        return (self.what(node, event),)

    def what(self, node: ast.expr, event: Event) -> str:
        """Return what an expression holds: `model`, `optimizer`, `scheduler`, `epoch`, else `other`."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "state_dict":
            node = node.func.value
        if isinstance(node, ast.Attribute) and node.attr == "module":
            node = node.value
        text = ast.unparse(node).lower()
        if isinstance(node, (ast.Name, ast.Attribute)):
            try:
                made = [p.node for p in self.objects.made(node, event.frame)]
            except Lost:
                made = []
            if any(self.optimizers.kind(m) for m in made):
                return "optimizer"
            if any(self.schedules.kind(m) for m in made):
                return "scheduler"
            if self.objects.is_model(node, event.frame):
                return "model"
        if "sched" in text:
            return "scheduler"
        if "opt" in text:
            return "optimizer"
        return "model" if "model" in text or text in ("net", "self") else "epoch" if "epoch" in text else "other"

    def loaded(self) -> Any:
        """Return the checkpoints that the program loads."""
        if not self.trace.complete:
            return Missing("the program is not followed to its end")
        found: dict[int, Loaded] = {}
        for at, event in enumerate(self.trace.events):
            node = event.node
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "load_state_dict"
            ):
                strict = {k.arg: k.value for k in node.keywords}.get("strict") or (
                    node.args[1] if len(node.args) > 1 else None
                )
                value = True if strict is None else self.values.maybe(strict, None, event.frame)
                found[id(node)] = Loaded(
                    span=self.program.span(node),
                    into=self.what(node.func.value, event) if self.what(node.func.value, event) != "epoch" else "other",
                    strict=value if isinstance(value, bool) else Missing("`strict` is set when the program runs"),
                    initialised_after=self._initialised(at, node.func.value, event),
                )
        return tuple(found.values())

    def _initialised(self, at: int, owner: ast.expr, event: Event) -> Any:
        """Return what initializes the same model after weights were loaded into it; None for nothing."""
        key = self._key(owner, event)
        for later in self.trace.events[at + 1 :]:
            node = later.node
            if not isinstance(node, ast.Call):
                continue
            applied = isinstance(node.func, ast.Attribute) and node.func.attr == "apply" and bool(node.args)
            said = ast.unparse(node.args[0]) if applied else last_name(node.func) or ""
            about = node.func.value if applied else node.args[0] if node.args else None  # type: ignore[attr-defined]
            named = isinstance(about, (ast.Name, ast.Attribute)) and "init" in said.lower()
            if named and isinstance(about, ast.expr) and self._key(about, later) == key:
                return self.program.span(node)
        return None

    def _key(self, node: ast.expr, event: Event) -> Any:
        built = self.objects.only(node, event.frame)
        return id(built.node) if built is not None else ast.unparse(node)


def _assigned(statement: ast.stmt) -> list[tuple[str, str]]:
    """Return what an assignment sets to what, as words, tuples taken apart."""
    if not isinstance(statement, ast.Assign):
        return []
    found = []
    for target in statement.targets:
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            found += [(ast.unparse(t), ast.unparse(v)) for t, v in zip(target.elts, statement.value.elts)]
        else:
            found.append((ast.unparse(target), ast.unparse(statement.value)))
    return found

"""Learning-rate schedulers: what builds them, what steps them, and when."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import Any

from ..facts import Missing, Scheduler
from .arguments import Arguments
from .batches import BatchReader
from .flow import Lost, Place
from .gradients import LoopReader
from .objects import Objects
from .program import last_name
from .trace import Event, Trace
from .training import Site, Training

_END = ("last_epoch", "verbose")
ORDERS: dict[str, tuple[str, ...]] = {
    "StepLR": ("optimizer", "step_size", "gamma", *_END),
    "MultiStepLR": ("optimizer", "milestones", "gamma", *_END),
    "ConstantLR": ("optimizer", "factor", "total_iters", *_END),
    "LinearLR": ("optimizer", "start_factor", "end_factor", "total_iters", *_END),
    "ExponentialLR": ("optimizer", "gamma", *_END),
    "PolynomialLR": ("optimizer", "total_iters", "power", *_END),
    "CosineAnnealingLR": ("optimizer", "T_max", "eta_min", *_END),
    "CosineAnnealingWarmRestarts": ("optimizer", "T_0", "T_mult", "eta_min", *_END),
    "ReduceLROnPlateau": ("optimizer", "mode", "factor", "patience", "threshold", "threshold_mode", "cooldown",
                          "min_lr", "eps"),
    "CyclicLR": ("optimizer", "base_lr", "max_lr", "step_size_up", "step_size_down", "mode", "gamma", "scale_fn",
                 "scale_mode", "cycle_momentum", "base_momentum", "max_momentum", *_END),
    "OneCycleLR": ("optimizer", "max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy",
                   "cycle_momentum", "base_momentum", "max_momentum", "div_factor", "final_div_factor", "three_phase",
                   *_END),
    "LambdaLR": ("optimizer", "lr_lambda", *_END),
    "MultiplicativeLR": ("optimizer", "lr_lambda", *_END),
    "SequentialLR": ("optimizer", "schedulers", "milestones", *_END),
    "ChainedScheduler": ("schedulers", "optimizer"),
    "SWALR": ("optimizer", "swa_lr", "anneal_epochs", "anneal_strategy", "last_epoch"),
    "get_scheduler": ("name", "optimizer", "num_warmup_steps", "num_training_steps"),
    "get_constant_schedule": ("optimizer", "last_epoch"),
    "get_constant_schedule_with_warmup": ("optimizer", "num_warmup_steps", "last_epoch"),
    "get_linear_schedule_with_warmup": ("optimizer", "num_warmup_steps", "num_training_steps", "last_epoch"),
    "get_cosine_schedule_with_warmup": ("optimizer", "num_warmup_steps", "num_training_steps", "num_cycles"),
    "get_polynomial_decay_schedule_with_warmup": ("optimizer", "num_warmup_steps", "num_training_steps", "lr_end"),
}  # fmt: skip
"""The names of each scheduler's arguments, in order."""
_ASKED = frozenset(
    {"state_dict", "load_state_dict", "get_last_lr", "get_lr", "last_epoch", "base_lrs", "print_lr", "optimizer",
     "_last_lr"}
)  # fmt: skip


class Schedules:
    """Reads the schedulers of one file."""

    def __init__(
        self, objects: Objects, training: Training, loops: LoopReader, batches: BatchReader, trace: Trace
    ) -> None:
        self.objects, self.training, self.loops, self.batches, self.trace = objects, training, loops, batches, trace
        self.program, self.values = objects.program, objects.values

    @cached_property
    def built(self) -> list[ast.Call]:
        """Every call that builds a scheduler, those inside another one left out."""
        found = [c for c in self.program.calls if self.kind(c) and self.training.is_alive(c)]
        inner = {id(p) for c in found for p in _parts(self.objects, c)}
        return [c for c in found if id(c) not in inner]

    def kind(self, node: ast.AST) -> str | None:
        """Return the class (or function) by which a call builds a scheduler; None for anything else."""
        return kind(self.objects, node)

    def read(self, sites: list[Site]) -> tuple[Scheduler, ...] | Missing:
        """Return the schedulers of the file; Missing where one may be built elsewhere."""
        if not self.built and any("sched" in name.lower() for name in self._names()):
            return Missing("a scheduler may be built elsewhere")
        return tuple(self._one(call, sites) for call in self.built)

    def _names(self) -> set[str]:
        bound = (name for scope in self.program.inside.values() for name in scope.bindings)
        return {*self.program.calls_by_name, *self.program.loads, *self.program.attribute_writes, *bound}

    def _one(self, call: ast.Call, sites: list[Site]) -> Scheduler:
        steps = self._steps(call)
        first = steps[0].node if steps else None
        site = self._site(steps[0], sites) if steps else None
        metrics = {bool(s.node.args or s.node.keywords) for s in steps if isinstance(s.node, ast.Call)}
        return Scheduler(
            **(written(self.objects, call) or {}),
            stepped=self._stepped(steps, sites, site) if steps else self._never(call, sites),
            step=self.program.span(first) if first is not None else None,
            metric=metrics.pop() if len(metrics) == 1 else Missing("its `step` is not to be seen"),
            before_optimizer=self._is_before(steps[0], site) if steps and site else Missing("no common loop is seen"),
        )

    @cached_property
    def _calls(self) -> list[tuple[Event, Place | None]]:
        """Every `.step(...)` that runs and steps no optimizer, with what built what it is called on."""
        found = []
        for event in self.trace.events:
            node = event.node
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "step":
                continue
            if self.training.step(node) is None:
                found.append((event, self.objects.only(node.func.value, event.frame)))
        return found

    def _steps(self, call: ast.Call) -> list[Event]:
        """Return the calls of `step` on one scheduler, each place once."""
        found = {id(e.node): e for e, built in reversed(self._calls) if built is not None and built.node is call}
        return list(found.values())[::-1]

    def _never(self, call: ast.Call, sites: list[Site]) -> Any:
        """Return `never` where nothing can step a scheduler; Missing where something might."""
        why = Missing("what steps it is not to be seen")
        if not sites or not self.trace.complete or any(built is None for _, built in self._calls):
            return why
        if any(c.func.attr == "fit" and self.objects.flow.callee(c) is None
               for c in self.program.calls if isinstance(c.func, ast.Attribute)):  # fmt: skip
            return why  # a framework's trainer steps schedulers by itself
        parent = self.program.parent.get(call)
        if isinstance(parent, ast.Expr):
            return "never"
        if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
            return why
        target = parent.targets[0]
        if isinstance(target, ast.Name):
            uses: list[ast.AST] = list(self.program.loads.get(target.id, ()))
        elif isinstance(target, ast.Attribute):
            same = (n for n in self.program.scope if isinstance(n, ast.Attribute) and n.attr == target.attr)
            uses = [n for n in same if n is not target]
        else:
            return why
        return "never" if all(self._is_harmless(use) for use in uses) else why

    def _is_harmless(self, use: ast.AST, depth: int = 3) -> bool:
        """Return whether a use of a scheduler cannot step it, nor a function of the file that is handed it."""
        parent = self.program.parent.get(use)
        if isinstance(parent, ast.Attribute):
            return parent.attr in _ASKED
        call = self.program.parent.get(parent) if isinstance(parent, ast.keyword) else parent
        if not isinstance(call, ast.Call) or call.func is use or depth == 0:
            return False
        function = self.objects.flow.callee(call)
        if function is None:
            return False
        given = function.args
        try:
            names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)
                     if self.objects.flow.argument(function, call, a.arg).node is use]  # fmt: skip
        except Lost:
            return False
        inner = [n for name in names for n in self.program.loads.get(name, ()) if self.program.within(n, function)]
        return bool(names) and all(self._is_harmless(n, depth - 1) for n in inner)

    def _site(self, step: Event, sites: list[Site]) -> Site | None:
        """Return the training that a scheduler's step shares a loop with, the innermost shared loop first."""
        for loop in reversed(step.loops):
            for site in sites:
                if loop in site.loops:
                    return site
        return None

    def _stepped(self, steps: list[Event], sites: list[Site], site: Site | None) -> Any:
        if site is None:
            return Missing("it is stepped outside of the training loop")
        found = {self._unit(s, site) for s in steps if self._site(s, sites) is site}
        if len(found) != 1:
            return Missing("it is stepped in several places")
        return found.pop() or Missing("how often it is stepped cannot be followed")

    def _unit(self, step: Event, site: Site) -> str | None:
        """Return `batch` or `epoch` for one step of a scheduler; None where that cannot be told."""
        inner = step.loops[-1]
        if inner not in site.loops:
            return None
        branches = [s.node for s in step.inside(inner) if isinstance(s.node, ast.If) and not self.loops.always(s.node)]
        turns = [e for e in self.trace.segment(inner, site.backward) if any(e.node is s.call for s in site.steps)]
        shared = [s.node for e in turns[:1] for s in e.inside(inner)]
        if any(b not in shared and not _is_guard(b) for b in branches):
            return None
        batch = self.batches.batch_loop(site)
        if batch is not None and inner is batch and site.loops[0] is batch:
            return "batch"
        if batch is not None and site.loops.index(inner) > site.loops.index(batch):
            return "epoch"
        if batch is None and inner is site.loops[0]:
            return "batch" if self.batches.drawn.read(site.cycle) is not None else "epoch"
        return None

    def _is_before(self, step: Event, site: Site) -> Any:
        """Return whether a scheduler steps ahead of the optimizer in a turn of their common loop."""
        inner = next((loop for loop in reversed(step.loops) if loop in site.loops), None)
        if inner is None or not site.steps:
            return Missing("no common loop is to be seen")
        part = self.trace.segment(inner, step.node)
        order = {id(e.node): at for at, e in reversed(list(enumerate(part)))}
        steps = [order[id(s.call)] for s in site.steps if id(s.call) in order]
        if not steps:
            return Missing("the optimizer steps elsewhere")
        return order[id(step.node)] < min(steps)


def kind(objects: Objects, node: ast.AST) -> str | None:
    """Return the class (or function) by which a call builds a scheduler; None for anything else."""
    if not isinstance(node, ast.Call):
        return None
    dotted = objects.program.qualified(node.func) or ""
    name = dotted.rpartition(".")[2]
    torch_own = dotted.startswith("torch.optim.lr_scheduler.") and name[:1].isupper()
    return name if torch_own or (name in ORDERS and name.startswith("get_")) or name == "SWALR" else None


def _parts(objects: Objects, call: ast.Call) -> list[ast.Call]:
    """Return the constructions of the schedulers that one is made of."""
    if kind(objects, call) not in ("SequentialLR", "ChainedScheduler"):
        return []
    given = Arguments(objects.values, call, ORDERS[kind(objects, call) or ""]).written.get("schedulers")
    node = given.node if given is not None else None
    if isinstance(node, ast.Name):
        try:
            places = objects.flow.definitions(node)
        except Lost:
            return []
        node = places[0].node if len(places) == 1 else None
    if not isinstance(node, (ast.List, ast.Tuple)):
        return []
    made = [objects.only(e) for e in node.elts]
    return [p.node for p in made if p is not None and isinstance(p.node, ast.Call)]


def written(objects: Objects, call: ast.Call) -> dict[str, Any] | None:
    """Return what a call that builds a scheduler says, as fields of `Scheduler`; None for any other call."""
    name = kind(objects, call)
    if name is None:
        return None
    given = Arguments(objects.values, call, ORDERS.get(name, ("optimizer",)))
    arguments: dict[str, Any] = {}
    for key, place in given.written.items():
        value = objects.values.maybe(place.node, Ellipsis, place.frame)
        if _is_plain(value) and key not in ("optimizer", "schedulers"):
            arguments[key] = list(value) if isinstance(value, tuple) else value
    optimizer = given.written.get("optimizer")
    return {
        "kind": name,
        "span": objects.program.span(call),
        "optimizer": ast.unparse(optimizer.node) if optimizer else Missing(given.open or "it is handed none"),
        "arguments": arguments,
        "given": Missing(given.open) if given.open else tuple(given.written),
        "parts": tuple(Scheduler(**(written(objects, p) or {})) for p in _parts(objects, call)),
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _is_guard(branch: ast.If) -> bool:
    """Return whether a test only asks whether there is a scheduler (`if scheduler is not None`)."""
    names = {last_name(n) or "" for n in ast.walk(branch.test) if isinstance(n, (ast.Name, ast.Attribute))}
    return bool(names) and all("sched" in n.lower() or n in ("self", "args", "config") for n in names)

"""Batch size, shuffling, epochs: from the loops around the backward and what they iterate."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Any

from ..facts import Missing
from .flow import Frame, Lost, Place
from .objects import Objects
from .program import last_name
from .scopes import FUNCTIONS
from .training import LOOPS, Looping, Site, Training

_WRAPPERS = frozenset(
    {"enumerate", "tqdm", "track", "iter", "list", "progress_bar", "notebook_tqdm", "log_progress", "Bar", "prefetch"}
)
_SHUFFLERS = frozenset({"randperm", "permutation", "shuffle"})
_DRAWING = frozenset({"randint", "choice", "sample", "integers", "multinomial"})
_RANDOM_SAMPLERS = frozenset({"RandomSampler", "WeightedRandomSampler", "SubsetRandomSampler"})
_LOADER = ("dataset", "batch_size", "shuffle", "sampler", "batch_sampler")

_UNCOUNTED = Missing("the size of the data is not known")


@dataclass(frozen=True)
class Batches:
    """How the data are cut and how often they are seen. Each is a value or Missing."""

    size: Any
    shuffles: Any
    epochs: Any
    updates: Any


@dataclass(frozen=True)
class _Pass:
    """One pass over the data: which loop makes it, and what it says."""

    loop: Looping | None
    size: Any
    shuffles: Any
    count: Any = _UNCOUNTED
    """Batches in one pass."""
    drawn: bool = False
    """Whether each turn draws a random batch, so that there are no passes to count."""


class BatchReader:
    """Reads batches and epochs around one training site."""

    def __init__(self, objects: Objects, training: Training) -> None:
        self.objects, self.training = objects, training
        self.program, self.flow, self.values = objects.program, objects.flow, objects.values

    def read(self, site: Site) -> Batches:
        """Return what the loops around a site say."""
        if not site.loops:
            why = Missing("no loop around the backward is to be seen")
            return Batches(why, why, why, why)
        at, one = self._pass(site)
        outer = site.loops[at:] if one.loop is None else site.loops[at + 1 :]
        epochs = Missing("batches are drawn at random, there are no epochs") if one.drawn else self._epochs(outer, site)
        if one.drawn:
            updates: Any = self._turns(site.loops[0])
        elif one.loop is None:
            updates = epochs
        else:
            known = isinstance(one.count, int) and isinstance(epochs, int)
            updates = one.count * epochs if known else one.count if isinstance(one.count, Missing) else epochs
        several = len({id(s.optimizer) for s in site.steps}) != 1
        return Batches(one.size, one.shuffles, epochs, Missing("several optimizers step") if several else updates)

    def _pass(self, site: Site) -> tuple[int, _Pass]:
        """Return the loop that walks over the batches, and where it stands among the site's loops."""
        for at, loop in enumerate(site.loops):
            if isinstance(loop, ast.While):
                drawn = self._drawn(site)
                why = Missing("a while loop has no count")
                return at, drawn or _Pass(loop, why, why, why)
            found = self._loop(loop, site)
            if found is not None:
                return at, found
        drawn = self._drawn(site)
        if drawn is not None:
            return 0, drawn
        return 0, self._full_batch(site)

    def _loop(self, loop: ast.For | ast.AsyncFor, site: Site) -> _Pass | None:
        """Return what a loop says of its batches; None where it only counts."""
        for place in self._iterated(loop.iter, None):
            node = place.node
            if isinstance(node, ast.Call):
                name = last_name(node.func)
                if name in ("range", "trange"):
                    found = self._range(node, place.frame, loop)
                    if found is not None:
                        return found
                    continue
                if (name or "").endswith("DataLoader"):
                    return self._loader(node, place.frame, loop)
                if name in ("split", "chunk", "array_split", "split_array"):
                    return self._split(node, place.frame, loop)
                function = self.flow.callee(node)
                if function is not None:
                    return self._generator(function, node, place.frame, loop)
            why = Missing("what the loop iterates cannot be followed")
            return None if isinstance(node, (ast.List, ast.Tuple)) else _Pass(loop, why, why, why)
        return None

    def _iterated(self, node: ast.expr, frame: Frame | None, depth: int = 8) -> list[Place]:
        """Return what is walked over, counters and progress bars taken off; range calls last."""
        if not depth:
            return [Place(node, frame)]
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            if name in _WRAPPERS and node.args:
                return self._iterated(node.args[0], frame, depth - 1)
            if name == "islice" and node.args:
                return self._iterated(node.args[0], frame, depth - 1)
            if name in ("zip", "zip_longest") and node.args:
                found = [p for a in node.args for p in self._iterated(a, frame, depth - 1)]
                return sorted(found, key=lambda p: last_name(getattr(p.node, "func", p.node)) in ("range", "count"))
            if name in ("range", "trange") or self.program.qualified(node.func):
                return [Place(node, frame)]
        if isinstance(node, (ast.Name, ast.Attribute)) and self.program.qualified(node) is None:
            try:
                places = self._one_step(node, frame)
            except Lost:
                return [Place(node, frame)]
            if len(places) == 1 and not places[0].path and places[0].node is not node:
                return self._iterated(places[0].node, places[0].frame, depth - 1)
        try:
            made = self.objects.made(node, frame)
        except Lost:
            return [Place(node, frame)]
        calls = [p for p in made if isinstance(p.node, ast.Call)]
        same = {ast.dump(c) for p in calls for c in [p.node]}
        return calls[:1] if len(same) == 1 else [Place(node, frame)]

    def _one_step(self, node: ast.Name | ast.Attribute, frame: Frame | None) -> list[Place]:
        if isinstance(node, ast.Name):
            places = self.flow.definitions(node, frame)
            same = {ast.dump(p.node) for p in places}
            return places[:1] if len(same) == 1 else places
        owner = self.flow.own_class(node.value)
        return self.flow.attributes(owner, node.attr, frame) if owner else []

    def _loader(self, call: ast.Call, frame: Frame | None, loop: Looping | None) -> _Pass:
        size, shuffles = self.loader(call, frame)
        return _Pass(loop, size, shuffles)

    def loader(self, call: ast.Call, frame: Frame | None) -> tuple[Any, Any]:
        """Return batch size and shuffling of a DataLoader's construction."""
        given = dict(zip(_LOADER, call.args)) | {k.arg: k.value for k in call.keywords if k.arg}
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            why = Missing("the loader's arguments are unpacked")
            given_size = given.get("batch_size")
            return self._count(given_size, frame) if given_size is not None else why, why
        if "batch_sampler" in given:
            why = Missing("a batch sampler cuts the batches")
            return why, why
        size = self._count(given["batch_size"], frame) if "batch_size" in given else 1
        if "sampler" in given and self.values.maybe(given["sampler"], 0, frame) is not None:
            return size, self._sampler(given["sampler"], frame)
        if "shuffle" not in given:
            return size, False
        value = self.values.maybe(given["shuffle"], None, frame)
        return size, bool(value) if isinstance(value, (bool, int)) else Missing(
            "`shuffle` is set when the program runs"
        )

    def _sampler(self, node: ast.expr, frame: Frame | None) -> Any:
        try:
            names = {last_name(p.node.func) for p in self.objects.made(node, frame) if isinstance(p.node, ast.Call)}
        except Lost:
            names = set()
        known = bool(names) and names <= _RANDOM_SAMPLERS
        return True if known else Missing("a sampler orders the data")

    def _count(self, node: ast.AST, frame: Frame | None) -> Any:
        try:
            value = self.values.of(node, frame)
        except Lost as lost:
            return Missing(lost.why)
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return value if good else Missing("the batch size is no whole number")

    def _range(self, call: ast.Call, frame: Frame | None, loop: Looping | None) -> _Pass | None:
        """Return the batches of `range(0, n, size)`, or of `range(n // size)` with slices cut in the body."""
        if len(call.args) == 3 and last_name(call.func) == "range":
            size = self._count(call.args[2], frame)
            rows = self._rows(call.args[1], frame)
            if isinstance(size, int) and isinstance(rows, int):
                return _Pass(loop, min(size, rows), self._by_hand(loop), math.ceil(rows / size))
            return _Pass(loop, size, self._by_hand(loop))
        cut = self._sliced(loop) if loop is not None else None
        if cut is not None:
            return _Pass(loop, self._count(cut, frame), self._by_hand(loop), self._turns(loop))  # type: ignore[arg-type]
        return None

    def _rows(self, node: ast.expr, frame: Frame | None) -> int | None:
        value = self.values.maybe(node, None, frame)
        if isinstance(value, int):
            return value
        try:
            places = self.flow.definitions(node, frame) if isinstance(node, ast.Name) else []
        except Lost:
            places = []
        return self._rows(places[0].node, places[0].frame) if len(places) == 1 and not places[0].path else None

    def _sliced(self, loop: Looping) -> ast.expr | None:
        """Return `size` where a loop over `i` cuts `x[i * size : (i + 1) * size]`."""
        names = (
            {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
            if not isinstance(loop, ast.While)
            else set()
        )
        for statement in loop.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Slice) and node.lower is not None:
                    found = self._factor(node.lower, names)
                    if found is not None:
                        return found
        return None

    def _factor(self, lower: ast.expr, names: set[str]) -> ast.expr | None:
        if isinstance(lower, ast.Name) and lower.id not in names:
            try:
                places = self.flow.definitions(lower)
            except Lost:
                return None
            return self._factor(places[0].node, names) if len(places) == 1 and not places[0].path else None
        if isinstance(lower, ast.BinOp) and isinstance(lower.op, ast.Mult):
            for one, other in ((lower.left, lower.right), (lower.right, lower.left)):
                if isinstance(one, ast.Name) and one.id in names:
                    return other
        return None

    def _split(self, call: ast.Call, frame: Frame | None, loop: Looping) -> _Pass:
        """Return the batches of `torch.randperm(n).split(size)` and `torch.split(x, size)`."""
        dotted = self.program.qualified(call.func)
        at = 1 if dotted else 0
        name = last_name(call.func)
        size = (
            self._count(call.args[at], frame) if name == "split" and len(call.args) > at else Missing("cut in chunks")
        )
        return _Pass(loop, size, self._by_hand(loop))

    def _generator(self, function: Any, call: ast.Call, frame: Frame | None, loop: Looping) -> _Pass:
        """Return the batches that a generator of the file yields."""
        inner = Frame(function, call, frame)
        for node in self.program.below(function):
            if isinstance(node, ast.For):
                for place in self._iterated(node.iter, inner):
                    if isinstance(place.node, ast.Call) and last_name(place.node.func) == "range":
                        found = self._range(place.node, place.frame or inner, node)
                        if found is not None:
                            return _Pass(loop, found.size, found.shuffles, found.count)
                    if isinstance(place.node, ast.Call) and (last_name(place.node.func) or "").endswith("DataLoader"):
                        return self._loader(place.node, place.frame or inner, loop)
        why = Missing(f"`{function.name}` cuts the batches in a way that cannot be followed")
        return _Pass(loop, why, why, why)

    def _by_hand(self, loop: Looping | None) -> Any:
        """Return whether batches cut by hand are shuffled anew in each pass."""
        names = [n for n in _SHUFFLERS if self.program.calls_by_name.get(n)]
        calls = [c for n in (*names, *_DRAWING) for c in self.program.calls_by_name.get(n, ())]
        if loop is not None:
            function = self.program.function_of(loop)
            around = [o for o in self.program.ancestors(loop) if isinstance(o, LOOPS)]
            for call in calls:
                own = function is not None and self.program.function_of(call) is function
                if self.program.within(call, loop) or any(self.program.within(call, o) for o in around):
                    return True
                if own and isinstance(function, FUNCTIONS) and not around:
                    return True
        shuffled = any(self.program.calls_by_name.get(n) for n in (*_SHUFFLERS, "train_test_split", "random_split"))
        return Missing("the data are shuffled before, or in a way that cannot be followed") if shuffled else False

    def _drawn(self, site: Site) -> _Pass | None:
        """Return the batches of a loop that draws each one: `torch.randint(0, n, (size,))`, `next(iter(loader))`."""
        for node, _ in self.training.runs(site.cycle):
            if not isinstance(node, ast.Call):
                continue
            name = last_name(node.func)
            if name == "next" and node.args:
                for place in self._iterated(node.args[0], None):
                    if isinstance(place.node, ast.Call) and (last_name(place.node.func) or "").endswith("DataLoader"):
                        size, shuffles = self.loader(place.node, place.frame)
                        return _Pass(site.loops[0], size, shuffles, drawn=True)
            dotted = self.program.qualified(node.func) or ""
            if dotted in ("torch.randint", "numpy.random.choice", "numpy.random.randint", "random.sample"):
                return _Pass(site.loops[0], self._draw_size(node, dotted), True, drawn=True)
        return None

    def _draw_size(self, call: ast.Call, dotted: str) -> Any:
        given = {k.arg: k.value for k in call.keywords}
        if "size" in given:
            node = given["size"]
        elif dotted == "torch.randint":
            node = call.args[2] if len(call.args) > 2 else call.args[1] if len(call.args) > 1 else call
        else:
            at = 2 if dotted.endswith("randint") else 1
            node = call.args[at] if len(call.args) > at else call
        value = self.values.maybe(node, None)
        if isinstance(value, (tuple, list)) and len(value) == 1:
            value = value[0]
        good = isinstance(value, int) and not isinstance(value, bool)
        return value if good else Missing("the size of the drawn batch is not known")

    def _full_batch(self, site: Site) -> _Pass:
        """Return the batch of a loop that hands the whole data to the model in every turn."""
        why: Any = Missing("the whole data set is one batch, of a size that is not known")
        for node, _ in self.training.runs(site.cycle):
            if isinstance(node, ast.Call) and node.args and self.objects.is_model(node.func):
                argument = node.args[0]
                varies = isinstance(argument, ast.Name) and self._is_set_within(argument, site)
                if not varies:
                    try:
                        return _Pass(None, self.objects.values.sizes.rows(argument), Missing("there are no batches"))
                    except Lost:
                        break
        return _Pass(None, why, Missing("there are no batches"))

    def _is_set_within(self, name: ast.Name, site: Site) -> bool:
        found = self.program.scope[name].lookup(name.id) if name in self.program.scope else None
        return found is None or any(self.program.within(b.node, site.loops[0]) for b in found[1])

    def _epochs(self, loops: tuple[Looping, ...], site: Site) -> Any:
        for loop in loops:
            if isinstance(loop, ast.While):
                return Missing("a while loop has no count")
            places = self._iterated(loop.iter, None)
            call = places[0].node if len(places) == 1 else None
            if isinstance(call, ast.Call) and last_name(call.func) in ("range", "trange"):
                return self._turns(loop)
            if not isinstance(call, (ast.List, ast.Tuple)):
                return Missing("what the outer loop iterates cannot be followed")
        return 1 if site.whole else Missing("the loop over the epochs is not to be seen")

    def _turns(self, loop: Looping) -> Any:
        """Return how often a loop over a range turns."""
        if isinstance(loop, ast.While):
            return Missing("a while loop has no count")
        place = self._iterated(loop.iter, None)[0]
        call = place.node
        if not isinstance(call, ast.Call) or last_name(call.func) not in ("range", "trange"):
            return Missing("the loop does not count")
        try:
            values = [self.values.of(a, place.frame) for a in call.args]
            return len(range(*values))
        except Lost as lost:
            return Missing(lost.why)
        except (TypeError, ValueError, OverflowError):
            return Missing("the loop does not count")

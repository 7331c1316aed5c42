"""Batch size, shuffling, epochs: from the loops around the backward and what they iterate."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from ..facts import Missing
from .drawn import Drawn
from .flow import Frame, Lost
from .loaders import Loaders, is_loader
from .objects import Objects
from .program import last_name
from .scopes import FUNCTIONS, Function
from .training import Site, Training
from .walks import LOOPS, Looping, Walks, batches_of, is_range

_SHUFFLERS = ("randperm", "permutation", "shuffle")
_DRAWING = ("randint", "choice", "sample", "integers", "multinomial")
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
    """One pass over the data: the loop that makes it (None where one turn sees all data), and what it says."""

    loop: Looping | None
    size: Any
    shuffles: Any
    count: Any = _UNCOUNTED
    """Batches in one pass."""


class BatchReader:
    """Reads batches and epochs around one training site."""

    def __init__(self, objects: Objects, training: Training) -> None:
        self.objects, self.training = objects, training
        self.program, self.flow, self.values = objects.program, objects.flow, objects.values
        self.walks = Walks(objects)
        self.loaders = Loaders(objects)
        self.drawn = Drawn(self.walks, self.loaders, training.effects)

    def read(self, site: Site) -> Batches:
        """Return what the loops around a site say."""
        if not site.loops:
            why = Missing("no loop around the backward is to be seen")
            return Batches(why, why, why, why)
        found = self._pass(site)
        if found is not None:
            epochs = self._epochs(site.loops[site.loops.index(found.loop) + 1 :], site) if found.loop else found.count
            return Batches(found.size, found.shuffles, epochs, self._updates(site, found, epochs))
        updates = self.walks.turns(site.loops[0])
        one = self.drawn.read(site.cycle)
        if one is not None:
            none = Missing("batches are drawn one by one, there are no epochs")
            return Batches(*one, none, self._checked(site, updates))
        rows = self._full_batch(site)
        if rows is None:
            why = Missing("what data one turn of the loop sees cannot be followed")
            return Batches(why, why, why, self._checked(site, updates))
        return Batches(rows, Missing("there are no batches"), updates, self._checked(site, updates))

    def _count(self, loop: ast.For | ast.AsyncFor, loader: ast.Call, frame: Frame | None) -> Any:
        """Return how many batches a loop takes from a loader, Missing where that is not known."""
        names = {last_name(n.func) for n in ast.walk(loop.iter) if isinstance(n, ast.Call)}
        if names & {"zip", "islice", "cycle", "zip_longest", "chain"}:
            return Missing("the loop does not walk over the loader alone")
        if any(
            isinstance(n, (ast.Break, ast.Continue)) and self._loop_of(n) is loop
            for s in loop.body
            for n in ast.walk(s)
        ):
            return Missing("the loop over the batches may end early")
        try:
            return self.values.sizes.data_sets.batches(loader, frame)
        except Lost as lost:
            return Missing(lost.why)
        except (TypeError, ValueError, ArithmeticError, LookupError):
            return _UNCOUNTED

    def _loop_of(self, node: ast.AST) -> ast.AST | None:
        return next((o for o in self.program.ancestors(node) if isinstance(o, LOOPS)), None)

    def batch_loop(self, site: Site) -> Looping | None:
        """Return the loop each of whose turns sees one batch; None where the loops only count."""
        found = self._pass(site) if site.loops else None
        return found.loop if found is not None else None

    def _updates(self, site: Site, found: _Pass, epochs: Any) -> Any:
        if isinstance(found.count, Missing) or isinstance(epochs, Missing):
            return found.count if isinstance(found.count, Missing) else epochs
        return self._checked(site, found.count * epochs if site.loops[0] is found.loop else Missing("loops are nested"))

    def _checked(self, site: Site, updates: Any) -> Any:
        """Return the number of updates where each turn of the innermost loop makes one."""
        if len({ast.dump(s.optimizer) for s in site.steps}) != 1 or len(site.steps) != 1:
            return Missing("not one optimizer steps once in each turn")
        for outer in self.program.ancestors(site.steps[0].call):
            if outer is site.loops[0]:
                break
            if isinstance(outer, (ast.If, ast.Try, *LOOPS)):
                return Missing("the optimizer does not step in every turn")
        return updates

    def _pass(self, site: Site) -> _Pass | None:
        """Return the loop that walks over the batches; None where the loops only count."""
        counted = False
        for loop in site.loops:
            if isinstance(loop, ast.While):
                return None
            found = self._loop(loop)
            if found is not None and (not counted or found[1]):
                return found[0]
            counted = counted or found is None
        return None

    def _loop(self, loop: ast.For | ast.AsyncFor) -> tuple[_Pass, bool] | None:
        """Return what a loop says of its batches and whether a loader stands behind it; None where it only counts."""
        for place in self.walks.over(loop.iter):
            node = place.node
            if isinstance(node, (ast.List, ast.Tuple)):
                return None
            if not isinstance(node, ast.Call):
                continue
            if is_range(node):
                found = self._range(node, place.frame, loop)
                return (found, False) if found is not None else None
            if is_loader(node):
                return _Pass(loop, *self.loaders.read(node, place.frame), self._count(loop, node, place.frame)), True
            if last_name(node.func) in ("split", "chunk", "array_split"):
                return self._split(node, place.frame, loop), False
            if self.program.qualified(node.func) in ("itertools.count", "count"):
                return None
            function = self.flow.callee(node)
            if function is not None:
                return self._generator(function, Frame(function, node, place.frame), loop), False
        why = Missing("what the loop iterates cannot be followed")
        return _Pass(loop, why, why, why), False

    def _range(self, call: ast.Call, frame: Frame | None, loop: Looping) -> _Pass | None:
        """Return the batches of `range(0, n, size)`, or of `range(n // size)` with slices cut in the body."""
        if len(call.args) == 3 and self._windows():
            why = Missing("windows along time are cut, the batch lies along another axis")
            return _Pass(loop, why, self._by_hand(loop), why)
        if len(call.args) == 3:
            size, count = batches_of(self.walks.rows(call.args[1], frame), self.loaders.count(call.args[2], frame))
            return _Pass(loop, size, self._by_hand(loop), count)
        cut = self._sliced(loop)
        if cut is None:
            return None
        return _Pass(loop, self.loaders.count(cut, frame), self._by_hand(loop), self.walks.turns(loop))

    def _windows(self) -> bool:
        """Return whether the file cuts `x[i + 1 : ...]`: the same sequence one step later."""
        return any(
            isinstance(lower := node.lower, ast.BinOp)
            and isinstance(lower.op, ast.Add)
            and isinstance(lower.right, ast.Constant)
            and lower.right.value == 1
            for node in ast.walk(self.program.tree)
            if isinstance(node, ast.Slice)
        )

    def _sliced(self, loop: Looping) -> ast.expr | None:
        """Return `size` where a loop over `i` cuts `x[i * size : (i + 1) * size]`."""
        target = loop.target if not isinstance(loop, ast.While) else None
        names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)} if target is not None else set()
        for statement in loop.body:
            for node in ast.walk(statement):
                found = self._factor(node.lower, names) if isinstance(node, ast.Slice) and node.lower else None
                if found is not None:
                    return found
        return None

    def _factor(self, lower: ast.expr, names: set[str]) -> ast.expr | None:
        if isinstance(lower, ast.Name) and lower.id not in names:
            try:
                places = self.flow.definitions(lower)
            except Lost:
                return None
            plain = len(places) == 1 and not places[0].path and not isinstance(places[0].node, ast.Name)
            return self._factor(places[0].node, names) if plain else None
        if isinstance(lower, ast.BinOp) and isinstance(lower.op, ast.Mult):
            for one, other in ((lower.left, lower.right), (lower.right, lower.left)):
                if isinstance(one, ast.Name) and one.id in names:
                    return other
        return None

    def _split(self, call: ast.Call, frame: Frame | None, loop: Looping) -> _Pass:
        """Return the batches of `torch.randperm(n).split(size)` and `torch.split(x, size)`."""
        at = 1 if self.program.qualified(call.func) else 0
        whole = last_name(call.func) == "split" and len(call.args) > at
        size = self.loaders.count(call.args[at], frame) if whole else Missing("the data are cut in chunks")
        return _Pass(loop, size, self._by_hand(loop))

    def _generator(self, function: Function, frame: Frame, loop: Looping) -> _Pass:
        """Return the batches that a generator of the file yields."""
        for node in self.program.below(function):
            if not isinstance(node, ast.For):
                continue
            for place in self.walks.over(node.iter, frame):
                call = place.node
                if isinstance(call, ast.Call) and is_range(call):
                    found = self._range(call, place.frame or frame, node)
                    if found is not None:
                        return _Pass(loop, found.size, found.shuffles, found.count)
                elif isinstance(call, ast.Call) and is_loader(call):
                    return _Pass(loop, *self.loaders.read(call, place.frame or frame))
        why = Missing(f"`{function.name}` cuts the batches in a way that cannot be followed")
        return _Pass(loop, why, why, why)

    def _by_hand(self, loop: Looping) -> Any:
        """Return whether batches cut by hand are shuffled anew in each pass."""
        around = [o for o in self.program.ancestors(loop) if isinstance(o, LOOPS)]
        function = self.program.function_of(loop)
        for name in (*_SHUFFLERS, *_DRAWING):
            for call in self.program.calls_by_name.get(name, ()):
                if any(self.program.within(call, o) for o in (loop, *around)):
                    return True
                alone = isinstance(function, FUNCTIONS) and not around
                if alone and self.program.function_of(call) is function:
                    return True
        before = (*_SHUFFLERS, "train_test_split", "random_split")
        if any(self.program.calls_by_name.get(name) for name in before):
            return Missing("the data are shuffled before, or in a way that cannot be followed")
        return False

    def _full_batch(self, site: Site) -> Any:
        """Return the rows of data that no turn of the loop changes, handed to a model; None where it varies."""
        found: Any = None
        for node, _ in self.training.effects.runs(site.cycle):
            if isinstance(node, ast.Call) and node.args and self.objects.is_model(node.func):
                if not self._is_fixed(node.args[0], site):
                    return None
                try:
                    return self.values.sizes.rows(node.args[0])
                except Lost:
                    found = Missing("the whole data set is one batch, of a size that is not known")
        return found

    def _is_fixed(self, node: ast.expr, site: Site) -> bool:
        """Return whether an expression is a name that is set outside the loop."""
        if not isinstance(node, ast.Name) or node not in self.program.scope:
            return False
        found = self.program.scope[node].lookup(node.id)
        return found is not None and not any(self.program.within(b.node, site.loops[0]) for b in found[1])

    def _epochs(self, loops: tuple[Looping, ...], site: Site) -> Any:
        for loop in loops:
            if isinstance(loop, ast.While):
                return Missing("a while loop has no count")
            places = self.walks.over(loop.iter)
            if is_range(places[0].node):
                return self.walks.turns(loop)
            if not isinstance(places[0].node, (ast.List, ast.Tuple)):
                return Missing("what the outer loop iterates cannot be followed")
        return 1 if site.whole else Missing("the loop over the epochs is not to be seen")

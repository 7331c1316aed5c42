"""Every DataLoader of a file, and what its data are for."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from ..facts import Loader, Missing
from .batches import BatchReader
from .flow import Lost
from .given import Given
from .loaders import is_loader
from .program import last_name
from .training import Site

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_ENDINGS = ("", "ing", "loader", "set", "data", "dl", "ds", "iter", "x", "y")
_ROLES = {
    "train": ("train", "trn", "tr", "xtrain", "ytrain"),
    "validation": ("val", "valid", "validation", "dev", "xval", "yval"),
    "test": ("test", "tst", "te", "holdout", "xtest", "ytest"),
}
_MEANING = {f"{word}{ending}": role for role, words in _ROLES.items() for word in words for ending in _ENDINGS}


def role_of_name(text: str) -> Any:
    """Return what data of such a name are for; None where the name does not say, or says two things."""
    found = {role for word in _WORD.findall(text) if (role := _MEANING.get(word.lower()))}
    return found.pop() if len(found) == 1 else None


class LoaderFacts:
    """Reads the loaders of one file."""

    def __init__(self, batches: BatchReader, sites: Sequence[Site]) -> None:
        self.batches, self.sites = batches, sites
        self.objects, self.program, self.values = batches.objects, batches.program, batches.values

    def read(self) -> tuple[Loader, ...]:
        """Return every loader that is built, in source order."""
        training = self._training()
        return tuple(
            self._one(c, training) for c in self.program.calls if is_loader(c) and self.batches.training.is_alive(c)
        )

    def _training(self) -> set[int]:
        """Return the constructions that a training loop walks over."""
        found: set[int] = set()
        for site in self.sites:
            for loop in site.loops:
                if not isinstance(loop, ast.While):
                    found |= {id(p.node) for p in self.batches.walks.over(loop.iter)}
        return found

    def _one(self, call: ast.Call, training: set[int]) -> Loader:
        size, shuffle = self.batches.loaders.read(call, None)
        given = Given(call)
        last = given.argument("drop_last", 8)
        dropped = self.values.maybe(last, None) if last is not None else False
        if given.open and last is None:
            dropped = None
        return Loader(
            span=self.program.span(call),
            role=self._role(call, training),
            batch_size=size,
            shuffle=shuffle,
            drop_last=dropped if isinstance(dropped, bool) else Missing("`drop_last` is not to be seen"),
            sampler=self._sampler(given),
            samples=self._samples(given),
        )

    def _role(self, call: ast.Call, training: set[int]) -> Any:
        if id(call) in training:
            return "train"
        texts = [ast.unparse(a) for a in (*call.args[:1], *(k.value for k in call.keywords if k.arg == "dataset"))]
        parent = self.program.parent.get(call)
        if isinstance(parent, ast.Assign):
            texts.insert(0, ast.unparse(parent.targets[0]))
        function = self.program.function_of(call)
        if isinstance(parent, ast.Return) and function is not None:
            texts.insert(0, function.name)
        for text in texts:
            role = role_of_name(text)
            if role is not None:
                return role
        return Missing("what its data are for is not to be seen")

    def _sampler(self, given: Given) -> Any:
        if given.open:
            return Missing("arguments are unpacked")
        node = given.argument("sampler", 3)
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return None
        built = self.objects.only(node)
        name = last_name(built.node.func) if built is not None and isinstance(built.node, ast.Call) else None
        return name or Missing("what built its sampler cannot be told")

    def _samples(self, given: Given) -> Any:
        data = given.argument("dataset", 0)
        if data is None or given.open:
            return Missing("its data set is not to be seen")
        try:
            return self.values.sizes.rows(data)
        except Lost as lost:
            return Missing(lost.why)
        except (TypeError, ValueError, ArithmeticError, LookupError):
            return Missing("the number of samples is not to be seen in the source")

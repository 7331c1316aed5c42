"""Read how a model is trained from the source."""

from __future__ import annotations

from ..facts import Recipe
from .effects import Effects
from .modules import Modules


def read_recipe(modules: Modules, effects: Effects) -> tuple[Recipe, bool]:
    """Return the recipe as far as the source shows it, and whether the only loss reads the model's output directly."""
    return Recipe(), False

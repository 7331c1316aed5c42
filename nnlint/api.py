"""`advise(model, ...)`: the same inspection and the same rules on a live model, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .catalogue import chosen_rules
from .checking import check_facts
from .facts import Facts, Recipe
from .pipeline import without_repeats
from .report import Report
from .reporting import Sources
from .settings import Settings


class ModelReport(Report):
    """What nnlint says about a model. Printing it reads like the command line; a notebook shows it as HTML."""

"""All defects, by the name of the rule that must find them."""

from . import (
    defects_of_data,
    defects_of_layers,
    defects_of_loops,
    defects_of_modules,
    defects_of_optimizers,
    defects_of_outputs,
    defects_of_sequences,
    defects_of_weights,
)
from .registry import DEFECTS, NOT_INJECTED

__all__ = [
    "DEFECTS", "NOT_INJECTED", "defects_of_data", "defects_of_layers", "defects_of_loops", "defects_of_modules",
    "defects_of_optimizers",
    "defects_of_outputs", "defects_of_sequences", "defects_of_weights",
]  # fmt: skip

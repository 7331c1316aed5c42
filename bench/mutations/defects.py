"""All defects, by the name of the rule that must find them."""

from . import defects_of_models, defects_of_training
from .registry import DEFECTS

__all__ = ["DEFECTS", "defects_of_models", "defects_of_training"]

"""A training written as configuration: read strictly, and turned into a plain PyTorch script."""

from __future__ import annotations

from .reading import Mistakes, Written, read
from .schema import Blueprint
from .script import Script, script_of

__all__ = ["Blueprint", "Mistakes", "Script", "Written", "read", "script_of"]

"""Reading source files: what they hold, without running anything. The only place that knows syntax trees."""

from .discover import outline
from .files import find_files
from .outline import Candidate, Hint, Outline
from .suppress import Ignore, Suppressions, suppressions
from .text import SourceError, decode, read_text

__all__ = [
    "Candidate", "Hint", "Ignore", "Outline", "SourceError", "Suppressions", "decode", "find_files", "outline",
    "read_text", "suppressions",
]  # fmt: skip

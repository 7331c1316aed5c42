"""nnlint: a linter and architecture advisor for PyTorch.

    from nnlint import advise
    report = advise(model, inputs=batch, loss=loss_fn, optimizer=optimizer)

Nothing else is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import ModelReport, advise

__all__ = ["ModelReport", "__version__", "advise"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("advise", "ModelReport"):
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""How each verb of a fix is written as text: one small file a verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...fix import InsertStatement, Remove, Replace, ReplaceLoss, SetArgument, Verb
from .insert_statement import write_insert_statement
from .remove import write_remove
from .replace import write_replace
from .replace_loss import write_replace_loss
from .set_argument import write_set_argument
from .workspace import Workspace

WRITERS: dict[type[Verb], Callable[[Workspace, Any], None]] = {
    InsertStatement: write_insert_statement,
    Remove: write_remove,
    Replace: write_replace,
    ReplaceLoss: write_replace_loss,
    SetArgument: write_set_argument,
}

"""How each verb of a fix is written as text: one small file a verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...fix import (
    ChangeArgument,
    Initialize,
    InsertAfter,
    InsertBefore,
    InsertStatement,
    MoveStatement,
    Remove,
    Replace,
    ReplaceExpression,
    ReplaceLoss,
    ReplaceOptimizer,
    SetArgument,
    Verb,
    WrapStatement,
)
from .change_argument import write_change_argument
from .initialize import write_initialize
from .insert import write_insert
from .insert_statement import write_insert_statement
from .move_statement import write_move_statement
from .remove import write_remove
from .replace import write_replace
from .replace_expression import write_replace_expression
from .replace_loss import write_replace_loss
from .replace_optimizer import write_replace_optimizer
from .set_argument import write_set_argument
from .workspace import Workspace
from .wrap_statement import write_wrap_statement

WRITERS: dict[type[Verb], Callable[[Workspace, Any], None]] = {
    ChangeArgument: write_change_argument,
    Initialize: write_initialize,
    InsertAfter: write_insert,
    InsertBefore: write_insert,
    InsertStatement: write_insert_statement,
    MoveStatement: write_move_statement,
    Remove: write_remove,
    Replace: write_replace,
    ReplaceExpression: write_replace_expression,
    ReplaceLoss: write_replace_loss,
    ReplaceOptimizer: write_replace_optimizer,
    SetArgument: write_set_argument,
    WrapStatement: write_wrap_statement,
}

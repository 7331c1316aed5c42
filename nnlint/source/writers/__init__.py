"""How each verb of a fix is written as text: one small file a verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...fix import (
    ChangeArgument,
    DropCasts,
    Initialize,
    InsertAfter,
    InsertBefore,
    InsertStatement,
    InvertMask,
    MoveStatement,
    Remove,
    RenameMethod,
    Replace,
    ReplaceExpression,
    ReplaceLoss,
    ReplaceOptimizer,
    SaveState,
    SetArgument,
    SplitLayer,
    Verb,
    WrapStatement,
)
from .change_argument import write_change_argument
from .drop_casts import write_drop_casts
from .initialize import write_initialize
from .insert import write_insert
from .insert_statement import write_insert_statement
from .invert_mask import write_invert_mask
from .move_statement import write_move_statement
from .remove import write_remove
from .rename_method import write_rename_method
from .replace import write_replace
from .replace_expression import write_replace_expression
from .replace_loss import write_replace_loss
from .replace_optimizer import write_replace_optimizer
from .save_state import write_save_state
from .set_argument import write_set_argument
from .split_layer import write_split_layer
from .workspace import Workspace
from .wrap_statement import write_wrap_statement

WRITERS: dict[type[Verb], Callable[[Workspace, Any], None]] = {
    ChangeArgument: write_change_argument,
    DropCasts: write_drop_casts,
    Initialize: write_initialize,
    InsertAfter: write_insert,
    InsertBefore: write_insert,
    InsertStatement: write_insert_statement,
    InvertMask: write_invert_mask,
    MoveStatement: write_move_statement,
    Remove: write_remove,
    RenameMethod: write_rename_method,
    Replace: write_replace,
    ReplaceExpression: write_replace_expression,
    ReplaceLoss: write_replace_loss,
    ReplaceOptimizer: write_replace_optimizer,
    SaveState: write_save_state,
    SetArgument: write_set_argument,
    SplitLayer: write_split_layer,
    WrapStatement: write_wrap_statement,
}

"""What the user hands in to be trained by: rows as tensors, an optimizer as its class and options."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

MOST_ROWS = 20_000


class CannotTrainObjects(ValueError):
    """The objects cannot be trained, with the reason in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model cannot be trained: {reason}")


def rows_of(data: Any) -> tuple[Any, Any]:
    """Return inputs and targets as two tensors, rows first. Raises CannotTrainObjects where they are no such thing."""
    if isinstance(data, (tuple, list)) and len(data) == 2:
        inputs, targets = (_tensor(part) for part in data)
    elif isinstance(data, (DataLoader, Dataset)):
        loader = data if isinstance(data, DataLoader) else DataLoader(data, batch_size=256)
        batches, seen, state = [], 0, torch.get_rng_state()
        for batch in loader:
            if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
                raise CannotTrainObjects("its batches are no pairs of inputs and targets")
            batches.append(batch)
            seen += len(batch[1])
            if seen >= MOST_ROWS:
                break
        torch.set_rng_state(state)
        if not batches:
            raise CannotTrainObjects("its data has no rows")
        try:
            inputs, targets = (torch.cat([_tensor(batch[side]) for batch in batches]) for side in (0, 1))
        except RuntimeError as error:
            raise CannotTrainObjects("its batches have different shapes") from error
    else:
        raise CannotTrainObjects(f"data is a loader, a dataset or (inputs, targets), not {type(data).__name__}")
    if len(inputs) != len(targets):
        raise CannotTrainObjects(f"there are {len(inputs)} inputs and {len(targets)} targets")
    return inputs[:MOST_ROWS], targets[:MOST_ROWS]


def _tensor(part: Any) -> Any:
    if isinstance(part, torch.Tensor):
        return part.detach().cpu()
    values = getattr(part, "to_numpy", lambda: part)()
    try:
        found = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CannotTrainObjects(f"inputs and targets are tensors or arrays: {error}") from error
    return found.float() if found.dtype == torch.float64 else found


def described(optimizer: Any) -> tuple[Any, dict[str, Any]]:
    """Return class and options of an optimizer with one group of parameters; Adam at 1e-3 where there is none."""
    if optimizer is None:
        return torch.optim.Adam, {"lr": 1e-3}
    if len(optimizer.param_groups) > 1:
        raise CannotTrainObjects("its optimizer has several groups of parameters")
    group = optimizer.param_groups[0]
    return type(optimizer), {k: v for k, v in group.items() if k in optimizer.defaults and k != "initial_lr"}

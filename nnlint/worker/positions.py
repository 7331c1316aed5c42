"""What does a position of a sequence see? Asked of a copy of the model, in evaluation mode and without dropout.

Later ids are exchanged, and outputs at earlier positions must not move; what stands at padding is changed, and what
attention gives at real positions must not move, while it has to follow the other real positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from .budget import Budget, OutOfTime
from .columns import padding
from .recorder import NodeDict, Recorder
from .values import each_tensor, map_tensors

SEEING = ("later", "padding")
"""The keys of a `Probe` dict that come from here."""

ROWS = 32
"""Rows of a batch that are run."""

_ATTENTION = frozenset({"multihead_attention", "scaled_dot_product_attention"})

Found = dict[str, Any]


def positions(
    copied: Callable[[], nn.Module],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    nodes: Sequence[NodeDict],
    budget: Budget,
) -> Found:
    """Return the keys `SEEING` of a `Probe` dict.

    `copied` gives a copy of the model that may be changed; `nodes` are the calls of its forward, as it was traced.
    """
    found = without_ids(args, kwargs)
    if found:
        return found
    ids = _ids(args, kwargs)
    rows = int(ids[0].shape[0])
    taken = _taken(ids, rows, max(2, min(ROWS, int(budget.left / 8 / max(budget.pace, 1e-9)))))

    def few(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[taken] if len(taken) < rows and tensor.dim() and tensor.shape[0] == rows else tensor

    args, kwargs = map_tensors(list(args), few), map_tensors(dict(kwargs), few)
    twin = copied().eval()
    questions: dict[str, Callable[[], Any]] = {
        "later": lambda: _later(twin, args, kwargs),
        "padding": lambda: _padding(twin, args, kwargs, nodes),
    }
    for key, ask in questions.items():
        try:
            budget.expect(min(rows, len(taken)))
            with torch.no_grad():
                found[key] = ask()
        except (_Unanswered, OutOfTime) as reason:
            found[key] = {"unknown": str(reason)}
        except Exception as error:  # the model's own forward, on ids that it has seen in another place
            found[key] = {"unknown": f"the forward pass raises {type(error).__name__}"}
    return found


def without_ids(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Found:
    """Return the keys `SEEING` where no input holds ids: nothing is ahead then and nothing is padded. Else nothing."""
    return {} if _ids(args, kwargs) else {"later": [], "padding": None}


class _Unanswered(Exception):
    """It cannot be told, for a reason that is said."""


class _Reached(Exception):
    """The forward pass came as far as it is of interest."""


def _taken(ids: Sequence[torch.Tensor], rows: int, most: int) -> list[int]:
    """Return the rows to run, those first that are filled up with padding."""
    empty = torch.zeros(rows, dtype=torch.bool)
    for one in ids:
        found = padding(one) if one.shape[0] == rows else None
        if found is not None:
            empty |= (one == found["value"]).any(1).to("cpu")
    return sorted(sorted(range(rows), key=lambda row: not empty[row])[:most])


def _ids(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
    """Return the inputs that are ids of shape (N, T)."""
    tensors = list(each_tensor((list(args), dict(kwargs))))
    whole = [t for t in tensors if t.dim() == 2 and not t.is_floating_point() and t.dtype is not torch.bool]
    return [t for t in whole if t.shape[1] > 2 and t.shape[0] > 0 and int(t.max()) > 1]


def ahead(target: torch.Tensor, given: Sequence[torch.Tensor]) -> int | None:
    """Return which of the inputs that are ids the target is, one step ahead; None for none."""
    if target.is_floating_point() or target.dtype is torch.bool:
        return None
    for place, ids in enumerate(_ids(given, {})):
        rows, steps = ids.shape
        for length in (steps, steps - 1):
            if target.numel() == rows * length and (target.dim() == 1 or target.shape[0] == rows):
                shown = target.reshape(rows, length)[:, : steps - 1]
                asked = shown >= 0
                if bool(asked.any()) and bool((shown == ids[:, 1:])[asked].all()) and bool((ids != ids[:, :1]).any()):
                    return place
    return None


# -- later positions


def _later(twin: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Found]:
    """Return, for each input of ids, how an output moves with ids at later positions."""
    ids = _ids(args, kwargs)
    before = _run(twin, args, kwargs, {})
    leaks = []
    for place, one in enumerate(ids):
        steps = int(one.shape[1])
        cut = max(1, steps // 2)
        other = one.clone()
        other[:, cut:] = one[:, cut:].roll(1, 0) if one.shape[0] > 1 else one[:, cut:].flip(1)
        if torch.equal(other, one):
            continue
        for old, new in zip(before, _run(twin, args, kwargs, {id(one): other})):
            if old.shape[:2] != one.shape or old.shape != new.shape:
                continue
            moved = (old - new).abs().nan_to_num()[:, :cut].flatten(2 if old.dim() > 2 else 1)
            moved = moved.amax(-1) if moved.dim() > 2 else moved
            size = float(old.abs().max())
            if float(moved.max()) > 1e-4 * size:
                at = int(moved.amax(0).argmax())
                if not _same(_run(twin, args, kwargs, {}), before):
                    raise _Unanswered("two runs on the same batch differ")
                leaks.append({"input": place, "changed": cut, "moved": at, "by": float(moved.max()), "steps": steps})
                break
    return leaks


# -- padding


def _padding(
    twin: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], nodes: Sequence[NodeDict]
) -> Found | None:
    """Return how the first attention over padded ids moves with the padding and with real positions."""
    filled = [(one, found) for one in _ids(args, kwargs) if (found := padding(one)) is not None]
    looks = next((node for node in nodes if node["op"] in _ATTENTION), None)
    if not filled or looks is None:
        return None  # no attention over ids that are filled up
    ids, found = filled[0]
    empty = ids == found["value"]
    rows = [r for r in range(ids.shape[0]) if empty[r].any() and int((~empty[r]).sum()) > 2]
    if not rows:
        return None  # no row has padding and three ids
    table = next((m for m in twin.modules() if isinstance(m, nn.Embedding)), None)
    if table is None:
        return None  # no layer embeds the ids
    real = (~empty).float().argmax(1)
    first = torch.zeros_like(empty)
    first[torch.arange(ids.shape[0]), real] = True
    runs = [_attended(twin, args, kwargs, table, ids, where, looks) for where in (None, empty, first)]
    base = _by_position(runs[0], ids)
    follows = ~empty & ~first
    keep = torch.zeros_like(empty)
    keep[rows] = True
    follows &= keep
    moved = []
    for other in runs[1:]:
        change = (_by_position(other, ids) - base).abs().nan_to_num().amax(-1)
        moved.append(float(change[follows].max()))
    return {"value": found["value"], "by_padding": moved[0], "by_real": moved[1], "node": looks["id"]}


def _attended(
    twin: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    table: nn.Module,
    ids: torch.Tensor,
    where: torch.Tensor | None,
    looks: NodeDict,
) -> torch.Tensor:
    """Return what the first attention gives while the embeddings at the places `where` are changed."""
    given: list[torch.Tensor] = []

    def change(_: nn.Module, inputs: tuple[Any, ...], out: torch.Tensor) -> torch.Tensor | None:
        if where is None or inputs[0].shape != ids.shape:
            return None
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(out.shape, generator=generator).to(out.dtype) * (out.std() + 1e-3)
        return out + noise * where[..., None]

    def look(node: NodeDict, _: list[torch.Tensor], gives: list[torch.Tensor]) -> None:
        if not given and node["op"] == looks["op"] and gives:
            given.append(gives[0].detach())
            raise _Reached

    hook = table.register_forward_hook(change)
    recorder = Recorder(on_node=look)
    recorder.adopt(twin)
    try:
        torch.manual_seed(0)
        with recorder, torch.enable_grad():
            twin(*map_tensors(list(args), _own), **map_tensors(dict(kwargs), _own))
    except _Reached:
        pass
    finally:
        hook.remove()
        recorder.release()
    if not given:
        raise _Unanswered("the attention was not reached again")
    return given[0]


def _by_position(values: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return what attention gives as (N, T, ...), whichever axes the batch and the steps are."""
    rows, steps = ids.shape
    axes = list(values.shape)
    if values.dim() == 3 and axes[:2] == [rows, steps]:
        return values
    if values.dim() == 3 and axes[:2] == [steps, rows]:
        return values.transpose(0, 1)
    if values.dim() == 4 and axes[0] == rows and axes[2] == steps:
        return values.transpose(1, 2).flatten(2)
    raise _Unanswered("the attention gives no value for each position")


# -- running


def _own(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu").clone()


def _run(
    twin: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], instead: Mapping[int, torch.Tensor]
) -> list[torch.Tensor]:
    """Return the floating point outputs, with some inputs replaced (by the identity of the tensor)."""

    def chosen(tensor: torch.Tensor) -> torch.Tensor:
        return _own(instead.get(id(tensor), tensor))

    torch.manual_seed(0)
    out = twin(*map_tensors(list(args), chosen), **map_tensors(dict(kwargs), chosen))
    return [t.detach() for t in _each_output(out)]


def _each_output(out: Any) -> Iterator[torch.Tensor]:
    yield from (t for t in each_tensor(out) if t.is_floating_point())


def _same(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(one, other))

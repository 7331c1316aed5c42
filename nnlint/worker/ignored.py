"""Inputs of a model that nothing depends on."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from .values import each_tensor


def ignored(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    nodes: Mapping[int, dict[str, Any]],
    inputs: Sequence[int],
    ends: Sequence[int],
) -> list[str] | dict[str, str]:
    """Return the names of the tensors that `forward` demands and none of the nodes `ends` depends on.

    `inputs` are the ids of the nodes of all tensors in `args` and `kwargs`, in order. An argument that has a default
    value is an offer, not a demand.
    """
    if len(list(each_tensor((args, kwargs)))) != len(inputs) or not all(isinstance(a, torch.Tensor) for a in args):
        return {"unknown": "the inputs are not plain tensors"}
    try:
        parameters = list(inspect.signature(type(model).forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return {"unknown": "forward has no signature"}
    reached: set[int] = set()
    todo = list(ends)
    while todo:
        i = todo.pop()
        if i not in reached:
            reached.add(i)
            todo.extend(nodes[i].get("inputs", ()) if i in nodes else ())
    demanded = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = zip(demanded, inputs[: len(args)])
    return [p.name for p, node in named if p.default is p.empty and node not in reached and not p.name.startswith("_")]

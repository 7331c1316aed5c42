"""First guesses at a model's input: its own metadata, its signature, its first layer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .layer_inputs import layer_inputs
from .operations import is_leaf
from .specs import Spec

BATCH, STEPS = 2, 16
LONG = torch.int64

TOKENS = frozenset({"input_ids", "ids", "tokens", "src", "tgt", "text", "token", "idx", "seq", "words", "sentence"})
PICTURES = frozenset({"img", "image", "images", "imgs", "pixel_values"})
TIMES = frozenset({"t", "timestep", "timesteps", "time", "noise_level", "sigma"})
PASSIVE = (nn.Identity, nn.Dropout, nn.ReLU, nn.Flatten, nn.GELU, nn.Sigmoid, nn.Tanh, nn.Softmax)

SPATIAL = {1: (128,), 2: (224, 224), 3: (16, 64, 64)}


def guesses(model: nn.Module) -> Iterator[dict[int | str, Any]]:
    """Yield specs by position or name, likeliest first."""
    metadata = getattr(model, "pretrained_cfg", None) or getattr(model, "default_cfg", None)
    if isinstance(metadata, dict) and metadata.get("input_size"):
        yield {0: Spec((BATCH, *metadata["input_size"]))}
    if hasattr(model, "config") and hasattr(model, "main_input_name"):
        from .transformers_inputs import guesses as from_config

        yield from from_config(model)
    alone = layer_inputs(model) if is_leaf(model) else None
    if alone is not None:
        yield alone
    example = getattr(model, "example_input_array", None)
    if isinstance(example, torch.Tensor):
        yield {0: Spec(tuple(example.shape), example.dtype)}
    required = required_parameters(model)
    yield {i: from_signature(p.name, p, model) for i, p in enumerate(required)}


def required_parameters(model: nn.Module) -> list[inspect.Parameter]:
    """Return the arguments that forward must get; the first one where it names none.

    Those of the first part where a model hands on whatever it gets.
    """
    if isinstance(model, torch.jit.ScriptModule):
        names = [argument.name for argument in model.forward.schema.arguments[1:]]  # type: ignore[attr-defined]
        return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    try:
        parameters = list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind in positional]
    if required:
        return required
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        inner = next(model.children(), None)
        if inner is not None and not is_leaf(inner) and not isinstance(inner, (nn.ModuleList, nn.ModuleDict)):
            return required_parameters(inner)
        return [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]
    return parameters[:1]


def layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers that tell something about their input, in the order in which they were built."""
    for name, module in model.named_modules():
        if (is_leaf(module) and not isinstance(module, PASSIVE)) or _own_width(module):
            yield name, module


def _own_width(layer: nn.Module) -> int:
    """Return the width that a linear layer of another library takes, 0 for any other module."""
    weight = layer._parameters.get("weight")
    width = getattr(layer, "in_features", None) or getattr(layer, "in_channels", None)
    if weight is None or is_lazy(weight) or layer._modules or not isinstance(width, int):
        return 0
    return width if tuple(weight.shape[1:]) == (width,) else 0


def wanted_by(layer: nn.Module) -> Spec | None:
    """Return an input that a layer takes, None where it says nothing about it."""
    if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)):
        return Spec((BATCH, STEPS), LONG, 0, layer.num_embeddings)
    if isinstance(layer, nn.modules.conv._ConvTransposeNd):
        return Spec((BATCH, layer.in_channels, *(1 for _ in layer.kernel_size)))
    if isinstance(layer, nn.modules.conv._ConvNd):
        return Spec((BATCH, layer.in_channels or 3, *SPATIAL[len(layer.kernel_size)]))
    if isinstance(layer, nn.RNNBase):
        lengths = (BATCH, STEPS) if layer.batch_first else (STEPS, BATCH)
        return Spec((*lengths, layer.input_size))
    if isinstance(layer, nn.RNNCellBase):
        return Spec((BATCH, layer.input_size))
    if isinstance(layer, nn.MultiheadAttention):
        return Spec((BATCH, STEPS, layer.embed_dim))
    if isinstance(layer, nn.Linear):
        return Spec((BATCH, layer.in_features or 64))
    if isinstance(layer, nn.Bilinear):
        return Spec((BATCH, layer.in1_features))
    if isinstance(layer, nn.LayerNorm):
        return Spec((BATCH, STEPS, *layer.normalized_shape))
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        rest = {"BatchNorm1d": (), "BatchNorm2d": (64, 64), "BatchNorm3d": (8, 32, 32)}.get(type(layer).__name__, ())
        return Spec((BATCH, layer.num_features, *rest))
    width = _own_width(layer)
    return Spec((BATCH, width)) if width else None


def first_wanted(model: nn.Module) -> Spec | None:
    """Return what the first telling layer takes."""
    return next((spec for _, layer in layers(model) if (spec := wanted_by(layer)) is not None), None)


def from_signature(name: str, parameter: inspect.Parameter | None, model: nn.Module) -> Any:
    """Guess one argument by its name, its annotation and the layers."""
    lower = name.lower()
    annotation = "" if parameter is None or parameter.annotation is parameter.empty else str(parameter.annotation)
    plain = {"<class 'int'>": 1, "int": 1, "<class 'float'>": 1.0, "float": 1.0, "<class 'bool'>": False, "bool": False}
    if annotation in plain:
        return plain[annotation]
    if "list[torch.Tensor]" in annotation.replace("List", "list") or "list[Tensor]" in annotation:
        return Spec((3, 224, 224), times=1)
    named = _by_name(lower, model)
    if named is not None:
        return named
    if "LongTensor" in annotation:
        return Spec((BATCH, STEPS), LONG, 0, 100)
    if lower in ("x", "h", "features", "feat"):
        width = next((w for w in map(_graph_width, model.modules()) if w), None)
        if width:
            return Spec((10, width))
    return _by_layers(lower, model)


def _by_name(lower: str, model: nn.Module) -> Spec | None:
    if lower.endswith("edge_index"):
        return Spec((2, 20), LONG, 0, 10)
    if lower == "edge_weight":
        return Spec((20,))
    if lower == "edge_attr":
        width = next((w for m in model.modules() if isinstance(w := getattr(m, "edge_dim", None), int)), 1)
        return Spec((20, width))
    if lower == "batch":
        return Spec((10,), LONG, 0, 1)
    if "length" in lower:
        return Spec((BATCH,), LONG, STEPS, STEPS + 1)
    if lower in TIMES:
        return Spec((BATCH,))
    if "mask" in lower:
        return Spec((BATCH, STEPS), torch.bool)
    return None


def _graph_width(module: nn.Module) -> int:
    try:
        takes_edges = "edge_index" in inspect.signature(type(module).forward).parameters
    except (TypeError, ValueError):
        return 0
    width = getattr(module, "in_channels", 0)
    return width if takes_edges and isinstance(width, int) and width > 0 else 0


def _by_layers(lower: str, model: nn.Module) -> Spec:
    found = list(layers(model))
    same_name = [layer for name, layer in found if len(lower) > 2 and lower in name.lower().partition(".")[0]]
    kind: type[nn.Module] | None = nn.Embedding if lower in TOKENS or "ids" in lower or "token" in lower else None
    kind = nn.Conv2d if lower in PICTURES else kind
    preferred = [layer for _, layer in found if kind is not None and isinstance(layer, kind)]
    for layer in [*preferred, *same_name, *(layer for _, layer in found)]:
        spec = wanted_by(layer)
        if spec is not None:
            return spec
    return Spec((BATCH, 64))

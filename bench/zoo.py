"""The models of `make bench-coverage`: their names, set by set, and how one is built. Nothing is ever downloaded.

Initial values are not drawn (a model of a gigabyte is then built in a moment): the caller fills the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
import zoo_layers
from torch import nn
from torch.overrides import TorchFunctionMode

Build = Callable[[], nn.Module]

SETS = ("torch.nn", "torchvision", "torch_geometric", "segmentation-models-pytorch", "timm", "transformers")

DRAWS = frozenset({"normal_", "uniform_", "trunc_normal_", "erfinv_", "kaiming_normal_", "kaiming_uniform_",
                   "xavier_normal_", "xavier_uniform_", "orthogonal_", "log_normal_", "exponential_",
                   "cauchy_"})  # fmt: skip


class Undrawn(TorchFunctionMode):
    """Leaves parameters as they are where a constructor would fill them with random numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in DRAWS and args and isinstance(args[0], nn.Parameter):
            return args[0]
        return func(*args, **(kwargs or {}))


@contextmanager
def undrawn() -> Iterator[None]:
    """Build without drawing initial values."""
    kept = {name: getattr(nn.init, name) for name in DRAWS if hasattr(nn.init, name)}
    for name in kept:
        setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        with Undrawn():
            yield
    finally:
        for name, function in kept.items():
            setattr(nn.init, name, function)


def names(which: str) -> list[str]:
    """Return the names of every model of a set, in order."""
    if which == "torch.nn":
        return zoo_layers.names()
    if which == "timm":
        import timm

        return list(timm.list_models())
    if which == "torchvision":
        import torchvision

        return list(torchvision.models.list_models())
    if which == "torch_geometric":
        return list(_graphs())
    if which == "segmentation-models-pytorch":
        return [f"{architecture}/{encoder}" for architecture in _segmentation() for encoder in ENCODERS]
    return sorted(_transformers())


def variants(which: str, name: str) -> list[tuple[str, Build]]:
    """Return the ways to build a model, each with its name: several where a configuration may be shrunken."""
    if which == "torch.nn":
        return [("own", lambda: zoo_layers.build(name))]
    if which == "timm":
        import timm

        return [("own", lambda: timm.create_model(name))]
    if which == "torchvision":
        import torchvision

        builder = torchvision.models.get_model_builder(name)
        own = {"weights": None, "weights_backbone": None}
        return [("own", lambda: _with_what_it_takes(builder, own))]
    if which == "torch_geometric":
        return [("own", _graphs()[name])]
    if which == "segmentation-models-pytorch":
        architecture, encoder = name.split("/")
        return [("own", lambda: _segmentation()[architecture](encoder_name=encoder, encoder_weights=None))]
    return _configured(name)


def _with_what_it_takes(builder: Any, settings: dict[str, Any]) -> nn.Module:
    import inspect

    known = inspect.signature(builder).parameters
    made: nn.Module = builder(**{k: v for k, v in settings.items() if k in known})
    return made


ENCODERS = ("resnet18", "efficientnet-b0", "mobilenet_v2", "mit_b0", "timm-regnetx_002", "tu-convnext_atto")


def _segmentation() -> dict[str, Any]:
    import segmentation_models_pytorch as smp

    return {name: getattr(smp, kind.__name__) for name, kind in smp.MODEL_ARCHITECTURES_MAPPING.items()}


def _graphs() -> dict[str, Build]:
    import torch_geometric.nn.models as pyg

    found: dict[str, Build] = {}
    settled = {"PNA": {"aggregators": ["mean", "max"], "scalers": ["identity"], "deg": torch.tensor([1, 4, 4, 1])}}
    for name in ("GCN", "GraphSAGE", "GIN", "GAT", "PNA", "EdgeCNN"):
        for jump in (None, "cat", "max", "lstm"):
            for norm in (None, "BatchNorm", "LayerNorm"):
                own = {**settled.get(name, {}), "jk": jump, "norm": norm}
                label = ", ".join([name, *(f"{k}={own[k]}" for k in ("jk", "norm") if own[k])])
                found[label] = lambda name=name, own=own: getattr(pyg, name)(16, 32, 3, 7, **own)  # type: ignore[misc]
    found["GAT, v2"] = lambda: pyg.GAT(16, 32, 2, 7, v2=True, heads=4)
    found["MLP"] = lambda: pyg.MLP([16, 32, 32, 7])
    found["GraphUNet"] = lambda: pyg.GraphUNet(16, 32, 7, 3)
    found["AttentiveFP"] = lambda: pyg.AttentiveFP(16, 32, 7, 8, 2, 2)
    found["RECT_L"] = lambda: pyg.RECT_L(16, 32)
    found["LINKX"] = lambda: pyg.LINKX(10, 16, 32, 7, 2)
    found["LightGCN"] = lambda: pyg.LightGCN(10, 16, 2)
    found["PMLP"] = lambda: pyg.PMLP(16, 32, 7, 3)
    found["NeuralFingerprint"] = lambda: pyg.NeuralFingerprint(16, 32, 7, 2)
    found["SGFormer"] = lambda: pyg.SGFormer(16, 32, 7)
    found["Polynormer"] = lambda: pyg.Polynormer(16, 32, 7)
    found["SignedGCN"] = lambda: pyg.SignedGCN(16, 32, 2)
    found["GAE"] = lambda: pyg.GAE(pyg.GCN(16, 32, 2))
    found["ARLinkPredictor"] = lambda: pyg.ARLinkPredictor(16, 32)
    return found


def _transformers() -> dict[str, Any]:
    """Return the configuration of each class in the mapping of models."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    found = {}
    for kind, classes in MODEL_MAPPING_NAMES.items():
        for name in (classes,) if isinstance(classes, str) else classes:
            found.setdefault(name, (CONFIG_MAPPING, kind))
    return found


def _configured(name: str) -> list[tuple[str, Build]]:
    import transformers

    mapping, kind = _transformers()[name]

    def build(change: Callable[[Any], None]) -> nn.Module:
        configuration = mapping[kind]()
        change(configuration)
        made: nn.Module = getattr(transformers, name)(configuration)
        return made

    return [
        ("shallow", lambda: build(shallow)),
        ("shallow and narrow", lambda: build(small)),
        ("shallow, each kind", lambda: build(lambda configuration: shallow(configuration, each_kind=True))),
        ("default", lambda: build(lambda configuration: None)),
    ]


DEPTH = re.compile(r"^(num_(hidden_|encoder_|decoder_|transformer_|attention_)?layers|n_layers?|"
                   r"(encoder|decoder)_layers|"
                   r"depth|\w+_depth|num_\w*blocks|\w+_num_hidden_layers|num_\w*hidden_layers|"
                   r"(encoder|decoder)_num_layers)$")  # fmt: skip
KEPT_DEPTHS = 2
KINDS = ("types", "type", "pattern", "layers")
"""How the lists are called that say what each layer is."""

WIDTHS = {
    "hidden_size": 64, "n_embd": 64, "d_model": 64, "dim": 64, "embed_dim": 64, "num_attention_heads": 4, "n_head": 4,
    "num_heads": 4, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "num_key_value_heads": 4,
    "intermediate_size": 128, "ffn_dim": 128, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128,
    "moe_intermediate_size": 64, "head_dim": 16, "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4,
    "num_experts_per_tok": 2,
}  # fmt: skip


def _parts(configuration: Any, depth: int = 0) -> Iterator[Any]:
    yield configuration
    for value in list(vars(configuration).values()):
        if hasattr(value, "to_dict") and depth < 3:
            yield from _parts(value, depth + 1)


def _set(part: Any, name: str, value: Any) -> None:
    with suppress(Exception):  # a setting that the configuration does not let be changed stays as it is
        setattr(part, name, value)


def shallow(configuration: Any, each_kind: bool = False) -> None:
    """Leave two layers of each stack, more where each kind of layer is to occur; lists of kinds are cut alike."""
    for part in _parts(configuration):
        kinds = {n: v for n, v in vars(part).items() if isinstance(v, list) and n.endswith(KINDS)}
        lengths: dict[int, int] = {}
        for value in kinds.values():
            if each_kind and all(isinstance(kind, str) for kind in value):
                lengths[len(value)] = max(KEPT_DEPTHS, *(value.index(kind) + 1 for kind in set(value)), 0)
        for name in dir(part):
            value = getattr(part, name, None) if DEPTH.match(name) else None
            if isinstance(value, int) and not isinstance(value, bool) and value > KEPT_DEPTHS:
                _set(part, name, lengths.setdefault(value, KEPT_DEPTHS))
        for name, value in kinds.items():
            if len(value) in lengths:
                _set(part, name, value[: lengths[len(value)]])
        if isinstance(getattr(part, "depths", None), (list, tuple)):
            _set(part, "depths", type(part.depths)(min(KEPT_DEPTHS, n) for n in part.depths))


def small(configuration: Any) -> None:
    """Leave few layers and make every width small."""
    shallow(configuration)
    for part in _parts(configuration):
        for name, width in WIDTHS.items():
            value = getattr(part, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and value > width:
                _set(part, name, width)

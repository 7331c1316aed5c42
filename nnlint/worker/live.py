"""Fixes applied to a model itself: a changed deep copy, where a verb has a meaning without its source."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

Data = Mapping[str, Any]


class CannotApplyLive(Exception):
    """A verb has no meaning for a model whose source is not rewritten. `reason` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


NAMES = (
    "ReLU ReLU6 ELU SELU CELU GELU Mish Softplus Softsign Hardtanh Hardswish Hardsigmoid Tanhshrink Softshrink "
    "Hardshrink Sigmoid Tanh Softmax Softmin Dropout Dropout1d Dropout2d Dropout3d Linear Conv1d Conv2d Conv3d "
    "Embedding Flatten Identity Bilinear GLU"
)
CLASSES: dict[str, str] = {name.lower(): name for name in NAMES.split()} | {
    "leaky_relu": "LeakyReLU", "silu": "SiLU", "log_softmax": "LogSoftmax", "logsigmoid": "LogSigmoid",
    "prelu": "PReLU", "rrelu": "RReLU", "alpha_dropout": "AlphaDropout", "feature_alpha_dropout": "FeatureAlphaDropout",
    "batch_norm1d": "BatchNorm1d", "batch_norm2d": "BatchNorm2d", "batch_norm3d": "BatchNorm3d",
    "instance_norm1d": "InstanceNorm1d", "instance_norm2d": "InstanceNorm2d", "instance_norm3d": "InstanceNorm3d",
    "layer_norm": "LayerNorm", "group_norm": "GroupNorm", "rms_norm": "RMSNorm",
    "conv_transpose1d": "ConvTranspose1d", "conv_transpose2d": "ConvTranspose2d", "conv_transpose3d": "ConvTranspose3d",
}  # fmt: skip
"""The class in `torch.nn` of each operation that can be built here."""

KEPT = ("inplace", "p", "dim", "num_features", "eps")
"""Settings that mean the same in whatever layer has them."""
SIZES = ("in_features", "out_features", "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation",
         "groups", "num_embeddings", "embedding_dim", "padding_idx")  # fmt: skip
TUPLES = (nn.RNNBase, nn.MultiheadAttention)

SCHEMES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "he_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "he_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
    "lecun_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="linear"),
    "lecun_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="linear"),
    "glorot_normal": nn.init.xavier_normal_,
    "glorot_uniform": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
    "zeros": nn.init.zeros_,
    "ones": nn.init.ones_,
}


def apply_live(model: nn.Module, verbs: Sequence[Data]) -> nn.Module:
    """Return a deep copy of `model` with verbs applied to it; `model` and the random state stay as they are.

    `verbs` are dicts as `Verb.as_data` gives them. `Remove`, `Replace`, `InsertAfter`, `InsertBefore` and `Initialize`
    of layers are known; a layer is changed for each of its calls. Raises CannotApplyLive for anything else.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            changed = copy.deepcopy(model)
        except Exception as error:  # whatever a user's __deepcopy__ or a tensor with history raises
            raise CannotApplyLive(f"the model cannot be copied: {error}") from error
        # Paths are those of the model as it was; inserting moves items, so modules are looked up first.
        work = [(verb, [_target(changed, node) for node in _nodes(verb)]) for verb in verbs]
        for verb, modules in work:
            if verb["verb"] not in WRITERS:
                raise CannotApplyLive(f"`{verb['verb']}` needs the source")
            changed = WRITERS[verb["verb"]](changed, verb, modules)
    return changed


def _nodes(verb: Data) -> list[Data]:
    if "nodes" in verb:
        return list(verb["nodes"])
    return [verb["node"]] if "node" in verb else []


def _target(model: nn.Module, node: Data) -> nn.Module:
    path = node.get("module")
    if node.get("kind") != "layer" or path is None:
        raise CannotApplyLive(f"`{node.get('name') or node.get('op')}` is no layer that the model holds")
    try:
        return model.get_submodule(path)
    except AttributeError as error:
        raise CannotApplyLive(f"the model has no layer `{path}`") from error


def _places(model: nn.Module, target: nn.Module) -> list[tuple[nn.Module, str]]:
    """Return every holder of a module, with the name it has there."""
    return [(holder, name) for holder in model.modules() for name, child in holder._modules.items() if child is target]


def _put(model: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """Put a module in the place of another, wherever the model holds it; return the model (it may be the layer)."""
    new.train(old.training)
    if old is model:
        return new
    places = _places(model, old)
    if not places:
        raise CannotApplyLive("the layer was changed twice")
    for holder, name in places:
        holder._modules[name] = new
    return model


def _remove(model: nn.Module, verb: Data, modules: Sequence[nn.Module]) -> nn.Module:
    if isinstance(modules[0], TUPLES):
        raise CannotApplyLive(f"`{type(modules[0]).__name__}` returns a tuple, its input is no substitute")
    return _put(model, modules[0], nn.Identity())


def _replace(model: nn.Module, verb: Data, modules: Sequence[nn.Module]) -> nn.Module:
    old = modules[0]
    kind = _class(verb["op"], verb["node"])
    given = dict(verb.get("arguments") or {})
    carried = (*KEPT, *SIZES) if type(old) is kind else KEPT
    takes = _parameters(kind)
    for name in carried:
        if name in takes and name not in given and hasattr(old, name):
            given[name] = getattr(old, name)
    if "bias" in takes and "bias" not in given and type(old) is kind:
        given["bias"] = getattr(old, "bias", None) is not None
    return _put(model, old, _build(kind, given, old))


def _insert(model: nn.Module, verb: Data, modules: Sequence[nn.Module]) -> nn.Module:
    target = modules[0]
    places = _places(model, target)
    if len(places) != 1 or not isinstance(places[0][0], nn.Sequential):
        raise CannotApplyLive("only an item of one `Sequential` can get a neighbour without its source")
    holder, name = places[0]
    new = _build(_class(verb["op"], verb["node"]), dict(verb.get("arguments") or {}), target)
    new.train(target.training)
    items = [(key, child) for key, child in holder._modules.items()]
    at = [key for key, _ in items].index(name) + (verb["verb"] == "InsertAfter")
    items.insert(at, (verb["op"], new))
    numbered = all(key.isdigit() for key in holder._modules)
    taken = set(holder._modules)
    holder._modules.clear()
    for i, (key, child) in enumerate(items):
        if child is new and not numbered:
            while key in taken:
                key += "_"
        holder._modules[str(i) if numbered else key] = child
    return model


def _initialize(model: nn.Module, verb: Data, modules: Sequence[nn.Module]) -> nn.Module:
    scheme = SCHEMES.get(verb["scheme"])
    if scheme is None:
        raise CannotApplyLive(f"the scheme `{verb['scheme']}` is not known")
    for module in modules:
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if not isinstance(weight, nn.Parameter) or weight.dim() < 2 or isinstance(weight, nn.UninitializedParameter):
            raise CannotApplyLive(f"`{type(module).__name__}` has no weight to initialize")
        with torch.no_grad():
            scheme(weight)
            if isinstance(bias, nn.Parameter):
                bias.zero_()
    return model


WRITERS: dict[str, Callable[[nn.Module, Data, Sequence[nn.Module]], nn.Module]] = {
    "Remove": _remove,
    "Replace": _replace,
    "InsertAfter": _insert,
    "InsertBefore": _insert,
    "Initialize": _initialize,
}


def _class(op: str, node: Data) -> type[nn.Module]:
    """Return the class in `torch.nn` for an operation; a norm's dimensions follow from what the node reads."""
    if op in ("batch_norm", "instance_norm"):
        tensors = node.get("reads") or node.get("gives") or ()
        rank = len(tensors[0]["shape"]) if tensors else 2
        op += f"{min(max(rank - 2, 1), 3)}d"
    if op not in CLASSES:
        raise CannotApplyLive(f"`{op}` cannot be built without its source")
    found: type[nn.Module] = getattr(nn, CLASSES[op])
    return found


def _parameters(kind: type[nn.Module]) -> tuple[str, ...]:
    code = getattr(kind.__init__, "__code__", None)
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount] if code is not None else ()


def _build(kind: type[nn.Module], arguments: dict[str, Any], beside: nn.Module) -> nn.Module:
    """Build a layer on the device and with the dtype of the one beside it."""
    try:
        new = kind(**arguments)
    except (TypeError, ValueError) as error:
        raise CannotApplyLive(f"`{kind.__name__}` cannot be built so: {error}") from error
    like = next((p for p in beside.parameters() if p.is_floating_point()), None)
    return new if like is None else new.to(device=like.device, dtype=like.dtype)

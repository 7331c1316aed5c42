"""Inputs of models that carry a Hugging Face configuration: named by the signature, sized by the configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from .documented import documented, required_by_docs
from .specs import Spec

BATCH, STEPS = 2, 16
LONG = torch.int64
Inputs = dict[int | str, Any]
"""Position or name to a Spec, or to a plain value."""


def guesses(model: Any) -> Iterator[dict[int | str, Any]]:
    """Yield keyword inputs for a model with `config` and `main_input_name`."""
    signature = inspect.signature(model.forward).parameters
    names, required = _names(model, signature)
    docs = {n: spec for n, (spec, _) in documented(model, lambda word: setting(model.config, word)).items()}
    in_rows = [names_of for names_of in ROWS if names_of[-1] in signature]
    for names_of in in_rows:
        names += [n for n in names_of if n in signature and n not in names]

    def known(name: str) -> Spec | None:
        if name == "hidden_states" and "grid_thw" not in signature:
            return None
        if name == "pixel_values" and "grid_thw" in signature:
            patches = named_input("hidden_states", model.config)
            return replace(patches, name=name) if patches is not None else None
        return (_row_of_patches(name, model.config, in_rows[0]) if in_rows else None) or named_input(name, model.config)

    def usual(name: str) -> Any:
        from .guesses import from_signature

        return from_signature(name, signature[name], model)

    def one(name: str, others: Inputs) -> Any:
        twin = others.get(name.removeprefix("decoder_")) if name.startswith("decoder_") else None
        spec = known(name) or (replace(twin, name=name) if isinstance(twin, Spec) else None)
        return spec or mask_of(name, others) or docs.get(name) or usual(name)

    yield _each(names, one)
    yield {n: known(n) or usual(n) for n in names}
    yield from _longest(model, signature, names, known)
    dummy = {n: spec for n, spec in _dummy(model).items() if n in signature}
    if dummy:
        yield {**_each([n for n in required if n not in dummy], one), **dummy}
    wanted = required_by_docs(model, lambda word: setting(model.config, word))
    if set(wanted) - {"input_ids", *names}:
        yield {name: spec for name, spec in wanted.items() if name}
    if any(docs.get(n) for n in names):
        yield _each(names, lambda n, others: docs.get(n) if "grid" not in n and docs.get(n) else one(n, others))
    several = [n for n in KINDS if n in signature]
    if len(several) > 1:  # one that joins text, pictures and sound may want each of them at once
        yield _each([*[n for n in required if n not in several], *several], one)


def _names(model: Any, signature: Mapping[str, inspect.Parameter]) -> tuple[list[str], list[str]]:
    """Return the inputs to begin with, and those of them without which forward cannot be called."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [n for n, p in signature.items() if p.default is p.empty and p.kind not in kinds]
    main = getattr(model, "main_input_name", "input_ids")
    mains = [main] if isinstance(main, str) else main if isinstance(main, (list, tuple)) else []
    names = required + [n for n in mains if n in signature and n not in required]
    if not names:
        usual = ("input_ids", "pixel_values", "input_values", "input_features")
        names = [n for n in usual if n in signature][:1]
    if getattr(model.config, "is_encoder_decoder", False):
        twins = ["decoder_input_ids", *(f"decoder_{n}" for n in mains)]
        names += [n for n in twins if n in signature and n not in names][:1]
    if _two_towers(model):
        names += [n for n in ("input_ids", "pixel_values") if n in signature and n not in names]
    return names, required


def _each(names: Sequence[str], one: Callable[[str, Inputs], Any]) -> Inputs:
    """Return an input of each name; `one` is told what those before it are, masks come last."""
    found: Inputs = {}
    for name in sorted(names, key=lambda n: "mask" in n):
        found[name] = one(name, found)
    return {name: found[name] for name in names}


def _longest(
    model: Any, signature: Mapping[str, Any], names: Sequence[str], known: Callable[[str], Spec | None]
) -> Iterator[Inputs]:
    """Yield sounds as long as the positions are, which come after a convolution that halves them."""
    length, bins = setting(model.config, "max_source_positions"), setting(model.config, "num_mel_bins")
    if "input_features" not in names or not isinstance(length, int) or not isinstance(bins, int):
        return
    from .guesses import from_signature

    inputs: Inputs = {n: known(n) or from_signature(n, signature[n], model) for n in names}
    inputs["input_features"] = Spec((BATCH, bins, 2 * length), name="input_features")
    if "input_features_mask" in signature:
        inputs["input_features_mask"] = Spec((BATCH, 2 * length), LONG, 1, 2, "input_features_mask")
    yield inputs


KINDS = ("input_ids", "pixel_values", "pixel_values_videos", "input_values", "input_features")
"""What a model may get of each kind of data."""


def _two_towers(model: Any) -> bool:
    return hasattr(model.config, "text_config") and hasattr(model.config, "vision_config") and "logit_scale" in dict(
        model.named_parameters(recurse=False)
    )  # fmt: skip


def _dummy(model: Any) -> dict[int | str, Any]:
    try:
        given = model.dummy_inputs
    except Exception:
        return {}
    return {k: Spec(tuple(v.shape), v.dtype, 0, 10, k) for k, v in given.items() if isinstance(v, torch.Tensor)}


def named_input(name: str, config: Any) -> Spec | None:
    """Return the input of that name as the configuration sizes it, None for a name that is not known."""
    vocabulary = setting(config, "vocab_size", default=1000)
    high = min(vocabulary, 1000) if isinstance(vocabulary, int) else 1000
    if name in ("input_ids", "decoder_input_ids", "token_ids"):
        return Spec((BATCH, STEPS), LONG, 0, high, name)
    if name in ("attention_mask", "decoder_attention_mask", "padding_mask"):
        return Spec((BATCH, STEPS), LONG, 1, 2, name)
    if name == "bbox":
        return Spec((BATCH, STEPS, 4), LONG, 0, 100, name)
    if name == "encoder_hidden_states":
        return Spec(
            (BATCH, STEPS, setting(config, "encoder_hidden_size", "hidden_size", "d_model", default=768)), name=name
        )
    return _patches(name, config) or _picture(name, config) or _sound(name, config) or _series(name, config)


SIDE = 4
"""Patches along each side of a picture that is handed over patch by patch, and frames beside each other."""

ROWS = (
    ("pixel_values", "pixel_attention_mask", "spatial_shapes"),
    ("pixel_values", "pixel_position_ids"),
    ("pixel_values", "target_sizes"),
)
"""Inputs of models that take pictures as rows of patches; the last of each tells such a model."""


def _patches(name: str, config: Any) -> Spec | None:
    """Return an input of models that take pictures of any size as rows of patches, with the sizes beside them."""
    if name.endswith("grid_thw"):
        return Spec((1, 3), LONG, SIDE, SIDE + 1, name)
    if name == "merge_sizes":
        return Spec((1,), LONG, SIDE // 2, SIDE // 2 + 1, name)
    patch = setting(config, "patch_size")
    if name == "hidden_states" and isinstance(patch, int):
        frames = setting(config, "temporal_patch_size", default=1)
        channels = setting(config, "in_channels", "num_channels", "in_chans", default=3)
        return Spec((SIDE**3, channels * frames * patch * patch), name=name)
    return None


def single_frames(specs: Inputs) -> Iterator[Inputs]:
    """Yield the inputs with grids of a single frame, for as many rows of patches."""
    grids = [k for k, s in specs.items() if isinstance(s, Spec) and str(k).endswith("grid_thw") and not s.values]
    if grids:
        fewer = {k: s.sized(SIDE**2, *s.shape[1:]) if isinstance(s, Spec) and s.shape[0] == SIDE**3 else s
                 for k, s in specs.items()}  # fmt: skip
        yield {**fewer, **{k: replace(specs[k], values=(1, SIDE, SIDE)) for k in grids}}


def _row_of_patches(name: str, config: Any, names: Sequence[str]) -> Spec | None:
    """Return an input of models that take a row of patches for each picture, a mask and how they lie."""
    patch, channels = setting(config, "patch_size"), setting(config, "num_channels", default=3)
    if name == "target_sizes":  # pictures are packed into one, beside each other
        return Spec((1, 2), LONG, 2 * SIDE, 2 * SIDE + 1, name)
    if name == "pixel_values" and isinstance(patch, int):
        if "target_sizes" in names:
            return Spec((1, channels, 2 * SIDE * patch, 2 * SIDE * patch), name=name)
        return Spec((BATCH, SIDE**2, channels * patch * patch), name=name)
    if name == "pixel_attention_mask":
        return Spec((BATCH, SIDE**2), LONG, 1, 2, name)
    if name == "pixel_position_ids":
        places = tuple(n for y in range(SIDE) for x in range(SIDE) for n in (x, y))
        return Spec((BATCH, SIDE**2, 2), LONG, 0, SIDE, name, values=places)
    return Spec((BATCH, 2), LONG, SIDE, SIDE + 1, name) if name == "spatial_shapes" else None


def _picture(name: str, config: Any) -> Spec | None:
    height, width = _pair(setting(config, "image_size", "crop_size", default=224))
    channels = setting(config, "num_channels", "in_chans", "in_channels", default=3)
    channels = channels if isinstance(channels, int) else 3
    of_videos = getattr(config, "tubelet_size", None) and getattr(config, "num_frames", None)
    if name in ("pixel_values_videos", "videos") or (name == "pixel_values" and of_videos):
        frames = setting(config, "num_frames", "frames_per_clip", default=8)
        return Spec((BATCH, frames, channels, height, width), name=name)
    if name in ("pixel_values", "pixel_values_images", "images", "image"):
        return Spec((BATCH, channels, height, width), name=name)
    return None


def _sound(name: str, config: Any) -> Spec | None:
    if name == "input_values":
        length, bins = setting(config, "max_length"), setting(config, "num_mel_bins")
        return Spec((BATCH, length, bins) if length and bins else (BATCH, 16000), name=name)
    if name == "input_features":
        bins = setting(config, "num_mel_bins", "feature_size", "input_feat_per_channel", "n_mels", default=80)
        if "whisper" in getattr(config, "model_type", ""):
            return Spec((BATCH, bins, 2 * (setting(config, "max_source_positions") or 1500)), name=name)
        return Spec((BATCH, 128, bins), name=name)
    return None


def _series(name: str, config: Any) -> Spec | None:
    if name != "past_values":
        return None
    length = getattr(config, "context_length", 32) + max(getattr(config, "lags_sequence", None) or [0])
    channels = getattr(config, "num_input_channels", None) or (getattr(config, "input_size", 1) or 1)
    return Spec((BATCH, length, channels) if channels > 1 or hasattr(config, "num_input_channels") else (BATCH, length))


def setting(config: Any, *names: str, default: Any = None) -> Any:
    """Return the first of these settings that the configuration, or one inside it, has."""
    waiting, seen = [config], {id(config)}
    while waiting:
        current = waiting.pop(0)
        for name in names:
            value = getattr(current, name, None)
            if value is not None and not callable(value):
                return value
        for value in list(vars(current).values()):
            if hasattr(value, "to_dict") and id(value) not in seen:
                seen.add(id(value))
                waiting.append(value)
    return default


def _pair(size: Any) -> tuple[int, int]:
    if isinstance(size, dict):
        return int(size.get("height", 224)), int(size.get("width", 224))
    if isinstance(size, (list, tuple)):
        return int(size[-2 if len(size) > 1 else 0]), int(size[-1])
    return int(size), int(size)


def is_configured(model: nn.Module) -> bool:
    """Whether a model carries a Hugging Face configuration."""
    return hasattr(model, "config") and hasattr(model, "main_input_name")


def mask_of(name: str, specs: Mapping[int | str, Any]) -> Spec | None:
    """Return a mask of the input that its name begins with: one entry for each step of each sample."""
    if "mask" not in name:
        return None
    stem = name.removesuffix("attention_mask").removesuffix("mask").rstrip("_")
    given = {key: spec for key, spec in specs.items() if isinstance(spec, Spec) and len(spec.shape) > 1}
    of = [s for k, s in given.items() if isinstance(k, str) and (name.startswith(k) or (stem and k.startswith(stem)))]
    of = of or list(given.values())
    return Spec(of[0].shape[:2], LONG, 1, 2, name) if of else None

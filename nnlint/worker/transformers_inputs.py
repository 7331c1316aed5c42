"""Inputs of models that carry a Hugging Face configuration: named by the signature, sized by the configuration."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from .documented import required_by_docs
from .specs import Spec

BATCH, STEPS = 2, 16
LONG = torch.int64


def guesses(model: Any) -> Iterator[dict[int | str, Any]]:
    """Yield keyword inputs for a model with `config` and `main_input_name`."""
    signature = inspect.signature(model.forward).parameters
    main = getattr(model, "main_input_name", "input_ids")
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [n for n, p in signature.items() if p.default is p.empty and p.kind not in kinds]
    mains = [main] if isinstance(main, str) else main if isinstance(main, (list, tuple)) else []
    names += [n for n in mains if n in signature and n not in names]
    if not names:
        usual = ("input_ids", "pixel_values", "input_values", "input_features")
        names = [n for n in usual if n in signature][:1]
    if getattr(model.config, "is_encoder_decoder", False) and "decoder_input_ids" in signature:
        names += ["decoder_input_ids"] if "decoder_input_ids" not in names else []
    if _two_towers(model):
        names += [n for n in ("input_ids", "pixel_values") if n in signature and n not in names]
    from .guesses import from_signature

    in_rows = "spatial_shapes" in signature
    if in_rows:
        names += [n for n in ("pixel_values", "pixel_attention_mask", "spatial_shapes")
                  if n in signature and n not in names]  # fmt: skip

    def known(name: str) -> Spec | None:
        if name == "hidden_states" and "grid_thw" not in signature:
            return None
        if name == "pixel_values" and "grid_thw" in signature:
            patches = named_input("hidden_states", model.config)
            return replace(patches, name=name) if patches is not None else None
        return (_row_of_patches(name, model.config) if in_rows else None) or named_input(name, model.config)

    yield {n: known(n) or from_signature(n, signature[n], model) for n in names}
    length = setting(model.config, "max_source_positions")
    bins = setting(model.config, "num_mel_bins")
    if "input_features" in names and isinstance(length, int) and isinstance(bins, int):  # halved before the positions
        inputs: dict[int | str, Any] = {n: known(n) or from_signature(n, signature[n], model) for n in names}
        inputs["input_features"] = Spec((BATCH, bins, 2 * length), name="input_features")
        if "input_features_mask" in signature:
            inputs["input_features_mask"] = Spec((BATCH, 2 * length), LONG, 1, 2, "input_features_mask")
        yield inputs
    dummy = _dummy(model)
    if dummy:
        yield dummy
    documented = required_by_docs(model, lambda word: setting(model.config, word))
    if set(documented) - {"input_ids", *names}:
        yield {name: spec for name, spec in documented.items() if name}
    several = [n for n in KINDS if n in signature]
    if len(several) > 1:  # one that joins text, pictures and sound may want each of them at once
        joined: dict[int | str, Any] = {n: known(n) or from_signature(n, signature[n], model) for n in several}
        yield joined


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


def _row_of_patches(name: str, config: Any) -> Spec | None:
    """Return an input of models that take a row of patches for each picture, a mask and how they lie."""
    patch = setting(config, "patch_size")
    if name == "pixel_values" and isinstance(patch, int):
        return Spec((BATCH, SIDE**2, setting(config, "num_channels", default=3) * patch * patch), name=name)
    if name == "pixel_attention_mask":
        return Spec((BATCH, SIDE**2), LONG, 1, 2, name)
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

"""Inputs that an error asks for, or that the line which raised it names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from .documented import documented
from .guesses import from_signature
from .tiers import Trace
from .transformers_inputs import is_configured, mask_of, named_input, setting

Specs = dict[int | str, Any]

_MISSING = re.compile(r"None|specify|provide|Unbound|missing|required")
_UNKNOWN = re.compile(r"unknown|not set|specify", re.IGNORECASE)


def named_in(model: nn.Module, specs: Specs, attempt: Trace) -> Iterator[Specs]:
    """Yield the specs with one more input, which the error, or the line that raised it, names."""
    message = str(attempt.error)
    optional = {name: p for name, p in parameters(model).items() if name not in specs}
    caches = "use_cache" in optional or (is_configured(model) and setting(model.config, "use_cache") is not None)
    said = " ".join((message, *attempt.lines))
    if caches and "use_cache" not in specs and re.search(r"[Cc]ache\b|get_seq_length", said):
        yield {**specs, "use_cache": False}
    named = [n for n in sorted(optional, key=len, reverse=True) if re.search(rf"\b{re.escape(n)}\b", message)]
    if _MISSING.search(message):
        for line in attempt.lines:
            named += [n for n in re.findall(r"\b[a-z]\w+\b", line) if n in optional and n not in named]
    configured = is_configured(model)
    named += [n for n in _alike(message, attempt.lines, optional) if n not in named]
    if configured and _MISSING.search(message):
        named += [n for n in ("input_ids", "pixel_values", "input_features", "input_values", "bbox", "attention_mask",
                              "encoder_hidden_states") if n in optional and n not in named]  # fmt: skip
    if any(isinstance(key, int) for key in specs):  # by position so far: what comes in between is named too
        specs = {
            key if isinstance(key, str) else name: spec for (key, spec), name in zip(specs.items(), parameters(model))
        }
        named = [n for n in named if n not in specs]
    docs = documented(model, lambda word: setting(model.config, word) if configured else None)
    for name in named[:6]:
        spec = named_input(name, model.config) if configured else None
        spec = spec or docs.get(name, (None, False))[0]
        spec = spec if spec is not None else mask_of(name, specs)
        if spec is None and name not in NO_TENSORS and "Tensor" in str(optional[name].annotation):
            spec = from_signature(name, optional[name], model)
        if spec is not None:
            yield {**specs, name: spec}


def _alike(message: str, lines: list[str], optional: Mapping[str, Any]) -> list[str]:
    """Return the inputs that are called much like what is missing: `lang_ids` where a language is unknown."""
    found = []
    if _UNKNOWN.search(message):
        for name in optional:
            words = [word for word in name.split("_") if len(word) > 3 and word not in ("input", "inputs", "output")]
            found += [name] if any(re.search(rf"\b{word}", message, re.IGNORECASE) for word in words) else []
    if _MISSING.search(message) and "mask" in " ".join(lines[:1]):
        found += [name for name in optional if "mask" in name]
    return found[:3]


def parameters(model: nn.Module) -> dict[str, inspect.Parameter]:
    """Return the arguments of forward that may be given by name."""
    try:
        found = inspect.signature(model.forward).parameters
    except (TypeError, ValueError):
        return {}
    return {n: p for n, p in found.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


NO_TENSORS = frozenset({"use_cache", "output_attentions", "output_hidden_states", "return_dict", "return_loss"})

"""Ways down to a graph: a forward without values, one that claims to be the CPU, a real one, a guessed one.

The first that completes wins. Whichever it is, the model's own tensors take no part in it and nothing of it changes.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .abstract import AbstractRecorder
from .caches import forgotten
from .dynamo import without_compiler
from .swap import Make, Swap, as_parameter, to_clone, to_meta, undisturbed
from .values import each_tensor, map_tensors

Tier = Literal["meta", "fake", "real", "guess"]
TIERS: tuple[Tier, ...] = ("meta", "fake", "real", "guess")

FEW = 64
"""Entries up to which a forward without values knows those of an input of whole numbers (lengths, sizes)."""
SOME = 4096
"""Entries up to which it knows what is computed from those alone (the places of patches in their windows)."""

_NOT_THE_MODELS = (os.path.dirname(os.path.abspath(torch.__file__)), os.path.dirname(os.path.abspath(__file__)))

REAL_LIMIT = 1 << 30
"""Bytes of parameters up to which a real forward is tried."""


@dataclass(frozen=True)
class Failure:
    """What a forward was computing when it ended: the layer (if it was one) and the shape that reached it.

    `source` is the position of the input that the values came from, `distance` the number of calls in between.
    """

    module: nn.Module | None
    name: str
    shape: tuple[int, ...] | None
    source: int | None
    distance: int | None


@dataclass
class Trace:
    """One attempt. `error` is what ended a forward that did not complete; `failing` what it was computing then."""

    tier: Tier
    recorder: AbstractRecorder
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    complete: bool = False
    error: Exception | None = None
    failure: Failure | None = None
    lines: list[str] = field(default_factory=list)
    """Where it ended: the lines of the model's code, the innermost first."""
    evaluated: bool = False
    """Whether the model was put in evaluation mode for it, since it does not run in the mode it is in."""
    earlier: list[Trace] = field(default_factory=list)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """What was recorded, up to the failing call."""
        return self.recorder.nodes


def trace(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    tiers: Sequence[Tier] = TIERS,
) -> Trace:
    """Trace one forward on inputs of these shapes; the best attempt where none completes."""
    tried: list[Trace] = []
    for tier in tiers:
        if tier == "real" and not can_run(model):
            continue
        if tier in ("fake", "guess") and tried and can_run(model) and not asks_for_values(tried[0].error):
            continue  # a real forward fails as well, and says why in the words that the user knows
        attempt = run_tier(model, args, kwargs or {}, tier)
        if attempt.complete:
            attempt.earlier = tried
            return attempt
        tried.append(attempt)
    best = max(tried, key=lambda t: (len(t.nodes), t.tier == "real"))
    best.earlier = [t for t in tried if t is not best]
    return best


def asks_for_values(error: Exception | None) -> bool:
    """Whether a forward failed for the lack of values rather than for a wrong input."""
    text = f"{type(error).__name__} {error}"
    words = ("meta", "Meta", "DataDependent", "DynamicOutput", "Unsupported", "numpy", "NotImplementedError", "item()",
             "Couldn't swap")  # fmt: skip
    return any(word in text for word in words) or differentiates(error)


def can_run(model: nn.Module) -> bool:
    """Whether the model has weights, and few enough for a real forward on this machine."""
    size = 0
    for parameter in model.parameters():
        if is_lazy(parameter):
            continue
        if parameter.device.type == "meta":
            return False
        size += parameter.numel() * parameter.element_size()
    return size <= REAL_LIMIT


def run_tier(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    tier: Tier,
    *,
    evaluate: bool = False,
    graph: bool = False,
) -> Trace:
    """Run one forward in one of the ways. Errors of the model end up in the trace; nothing is raised.

    `evaluate` runs it in evaluation mode, `graph` with gradients (a forward that differentiates needs them).
    """
    recorder = AbstractRecorder(
        device="meta" if tier == "meta" else None, guess=tier == "guess", abstract=tier != "real"
    )
    attempt = Trace(tier, recorder, evaluated=evaluate)
    with (
        undisturbed(),
        forgotten(model),
        _uncollected(tier != "real"),
        _unasked(tier != "real"),
        without_compiler(),
        _way(tier) as (make, convert),
    ):
        try:
            with Swap(model, make, "meta" if tier == "meta" else "cpu"):
                given = map_tensors(list(args), convert)
                named = map_tensors(dict(kwargs), convert)
                recorder.adopt(model)
                if evaluate:
                    model.eval()
                attempt.inputs = [recorder.feed(t) for t in each_tensor((given, named))]
                with torch.set_grad_enabled(graph), recorder:
                    model(*given, **named)
            attempt.outputs = recorder.calls[-1]["outputs"] if recorder.calls else []
            attempt.complete = bool(recorder.calls)
        except Exception as error:
            attempt.lines = _lines(error)
            attempt.error = error.with_traceback(None)
            attempt.failure = _failure(attempt)
        recorder.failing = None
        recorder.release()
    if tier == "real" and not graph and differentiates(attempt.error):
        return run_tier(model, args, kwargs, tier, evaluate=evaluate, graph=True)
    return attempt


@contextlib.contextmanager
def _uncollected(wanted: bool) -> Iterator[None]:
    """Keep the garbage collector from looking again and again through a graph of which nothing is garbage."""
    enabled = wanted and gc.isenabled()
    if enabled:
        gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _unasked(wanted: bool) -> Iterator[None]:
    """Keep distributions from looking at the values of their parameters, of which there are none."""
    distributions = sys.modules.get("torch.distributions") if wanted else None
    kind = getattr(distributions, "Distribution", None)
    before = getattr(kind, "_validate_args", None)
    if kind is None or before is None:
        yield
        return
    kind.set_default_validate_args(False)
    try:
        yield
    finally:
        kind.set_default_validate_args(before)


def differentiates(error: Exception | None) -> bool:
    """Whether a forward failed because it takes a derivative itself, which only a real one can."""
    return "does not require grad" in str(error)


@contextlib.contextmanager
def _way(tier: Tier) -> Iterator[tuple[Make, Make]]:
    """Yield how to make stand-ins for the model's tensors, and for the inputs, in this tier."""
    if tier == "meta":
        yield to_meta, to_meta
    elif tier == "real":
        yield to_clone, _with_values
    else:
        from torch._subclasses import fake_tensor
        from torch._subclasses.fake_tensor import FakeTensorMode

        mode = FakeTensorMode(allow_non_fake_inputs=True)

        def fake(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.device.type == "meta":  # claims to be the CPU: code that looks at .device stays on its usual path
                with mode:
                    made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")
                return as_parameter(made, tensor)
            return mode.from_tensor(tensor)

        def feed(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.device.type == "meta" or tensor.is_floating_point() or tensor.numel() > FEW:
                return fake(tensor)
            with mode:  # a constant: whoever asks for its values gets them
                return torch.tensor(tensor.tolist(), dtype=tensor.dtype)

        before = getattr(fake_tensor, "CONSTANT_NUMEL_LIMIT", FEW)  # private to torch: of one entry as it comes
        fake_tensor.CONSTANT_NUMEL_LIMIT = max(before, SOME)
        try:
            with mode:
                yield fake, feed
        finally:
            fake_tensor.CONSTANT_NUMEL_LIMIT = before


def _with_values(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type != "meta":
        return tensor.detach().clone()
    if tensor.is_floating_point():
        return torch.randn(tensor.shape, dtype=tensor.dtype)
    return torch.ones(tensor.shape, dtype=tensor.dtype)


def _lines(error: Exception) -> list[str]:
    """Return the source lines that led to an error, without torch's and ours."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f.line or "" for f in reversed(frames) if not f.filename.startswith(_NOT_THE_MODELS)][:8]


def _failure(attempt: Trace) -> Failure | None:
    recorder = attempt.recorder
    if recorder.failing is None:
        return None
    what, args, kwargs = recorder.failing
    module = what if isinstance(what, nn.Module) else None
    name = type(what).__name__ if module is not None else getattr(what, "__name__", str(what))
    for tensor in each_tensor((list(args), kwargs)):
        made = recorder.node_of(tensor)
        if made is not None:
            source, distance = _nearest_input(attempt, made)
            return Failure(module, name, tuple(tensor.shape), source, distance)
    return Failure(module, name, None, None, None)


def _nearest_input(attempt: Trace, node: int) -> tuple[int | None, int | None]:
    """Return the position of the input that is the fewest calls behind a node, and how many those are."""
    level, seen, distance = [node], {node}, 0
    while level:
        for i in level:
            if i in attempt.inputs:
                return attempt.inputs.index(i), distance
        level = list(dict.fromkeys(j for i in level for j in attempt.nodes[i].get("inputs", ()) if j not in seen))
        seen.update(level)
        distance += 1
    return None, None

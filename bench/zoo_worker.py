"""Trace one model after another, as `bench/coverage.py` asks for them on the standard input: a row of JSON for each.

Runs in a process of its own that may crash or be ended at any time. What is measured is the tracer alone, on the model
object and nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", OMP_NUM_THREADS="1")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, sys.argv[1])  # holds the tracer as it was when the run began, as the package `worker`

import torch  # noqa: E402
import zoo_operators  # noqa: E402

STAND_IN = zoo_operators.provide()
import zoo  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.parameter import is_lazy  # noqa: E402
from worker import inputs, structure, tiers  # type: ignore[import-not-found]  # noqa: E402

LIMIT = float(os.environ.get("NNLINT_ZOO_SECONDS", "100"))
"""CPU seconds for one model; half of those that are left for each of its variants."""
MEMORY = float(os.environ.get("NNLINT_ZOO_GIB", "6"))
"""GiB of address space; half of it for the tensors of a model that is built with values."""
POOL = 1 << 20


class OutOfTime(BaseException):
    """The model has had its CPU seconds."""


def ring(*_: object) -> None:
    raise OutOfTime


class Weights:
    """Fills the tensors of a model with numbers that can be recognized afterwards, bit for bit."""

    def __init__(self) -> None:
        self.pool = torch.randn(POOL, generator=torch.Generator().manual_seed(1)) * 0.02

    def each(self, tensor: torch.Tensor) -> Any:
        flat = tensor.detach().view(-1) if tensor.is_contiguous() else None
        if flat is None or not tensor.is_floating_point():
            return
        pool = self.pool.to(tensor.dtype)
        for start in range(0, len(flat), POOL):
            part = flat[start : start + POOL]
            yield part, pool[: len(part)]

    def fill(self, model: nn.Module) -> None:
        for tensor in model.parameters():
            if not is_lazy(tensor):
                for part, values in self.each(tensor):
                    part.copy_(values)

    def untouched(self, tensor: torch.Tensor) -> bool:
        return all(torch.equal(part, values) for part, values in self.each(tensor))


def photograph(model: nn.Module) -> dict[str, Any]:
    """Everything that a user could find changed, the values of parameters aside."""
    parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    tensors = {**parameters, **buffers}
    values = {n: b.detach().clone() for n, b in buffers.items() if not is_lazy(b) and b.device.type != "meta"}
    return {
        "identities": {n: (id(t), t._version if not is_lazy(t) else 0, t.requires_grad) for n, t in tensors.items()},
        "buffers": {n: bytes_of(v) for n, v in values.items() if v.numel()},
        "gradients": {n: id(p.grad) if p.grad is not None else None for n, p in parameters.items()},
        "flags": {n: (m.training, type(m)) for n, m in model.named_modules()},
        "attributes": {n: {k: id(v) for k, v in m.__dict__.items()} for n, m in model.named_modules()},
        "lists": {n: [repr(v)[:500] for v in m.__dict__.values() if type(v) in (list, set)]
                  for n, m in model.named_modules()},
        "hooks": {n: (list(m._forward_hooks), list(m._forward_pre_hooks), list(m._backward_hooks))
                  for n, m in model.named_modules()},
        "random state": (random.getstate(), torch.random.get_rng_state().numpy().tobytes()),
        "defaults": (torch.get_default_dtype(), str(torch.get_default_device()), torch.is_grad_enabled(),
                     torch.get_num_threads()),
        "torch": (nn.Module.__call__, nn.Module.__init__),
    }  # fmt: skip


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Return the values of a tensor, bit for bit."""
    return bytes(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())


def leaves(model: nn.Module) -> set[str]:
    """Return the paths of the modules that hold no others."""
    return {path for path, module in model.named_modules() if path and not any(True for _ in module.children())}


def built(build: zoo.Build) -> tuple[nn.Module, bool]:
    """Return a model and whether it has values: not where it does not fit, and is built on the meta device."""
    with warnings.catch_warnings(), zoo.undrawn():
        warnings.simplefilter("ignore")
        try:
            model = build()
            size = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()) if not is_lazy(t))
            if size < MEMORY / 2 * 2**30:
                return model, True
        except (RuntimeError, MemoryError) as error:
            if not any(word in str(error) for word in ("alloc", "memory")):
                raise
        with torch.device("meta"):
            return build(), False


def row_of(which: str, name: str, weights: Weights) -> dict[str, Any]:
    """Return what came of a model: of its first variant that is traced whole, else of the one that came furthest."""
    best: dict[str, Any] = {"status": "not built", "reason": "nothing to build"}
    started = time.process_time()
    for variant, build in zoo.variants(which, name):
        left = LIMIT - (time.process_time() - started)
        if left < LIMIT / 12:
            break
        row = attempt(build, weights, left / 2)
        row["variant"] = variant
        if rank(row) > rank(best) or best.get("variant") is None:
            best = row
        if best["status"] == "whole":
            break
    best["seconds"] = round(time.process_time() - started, 2)
    return {"set": which, "name": name, **best}


def rank(row: dict[str, Any]) -> tuple[int, float]:
    order = ("not built", "time", "structure", "partial", "guessed", "whole")
    return order.index(row["status"]), row.get("reached", 0.0)


def attempt(build: zoo.Build, weights: Weights, seconds: float) -> dict[str, Any]:
    """Build a model, trace it, look whether anything of it changed."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    model, before = None, None
    try:
        torch.manual_seed(0)
        try:
            model, valued = built(build)
        except Exception as error:
            return {"status": "not built", "reason": said(error)}
        row: dict[str, Any] = {
            "parameters": sum(p.numel() for p in model.parameters() if not is_lazy(p)),
            "values": valued,
        }
        if valued:
            weights.fill(model)
        before = photograph(model)
        started = time.process_time()
        try:
            found, trace = inputs.guessed_inputs(model)
        except Exception as error:
            return {**row, "status": "structure", "crashed": True, "reason": said(error), "where": where(error)}
        row["trace_seconds"] = round(time.process_time() - started, 2)
        row |= judged(model, found, trace)
    except OutOfTime:
        row = {"status": "time", "reason": f"more than {seconds:.0f} CPU seconds"}
        if before is None:
            return {**row, "status": "time", "reason": row["reason"] + " to build it"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    changed = [part for part, value in photograph(model).items() if value != before[part]]
    if row.get("values"):
        changed += [n for n, p in model.named_parameters() if not is_lazy(p) and not weights.untouched(p)][:3]
    return {**row, "changed": changed}


def judged(model: nn.Module, found: Any, trace: Any) -> dict[str, Any]:
    """Return how far a trace came and what ended it."""
    if trace is None:
        return {"status": "structure", "reason": "no input was tried", "reached": 0.0, "nodes": 0}
    structure.describe_model(
        model, {"nodes": trace.nodes, "outputs": trace.outputs} if trace.complete else None, values=False
    )
    ends, used = leaves(model), structure.used_paths(trace.nodes)
    reached = round(len(ends & used) / len(ends), 4) if ends else float(trace.complete)
    row = {"nodes": len(trace.nodes), "tier": trace.tier, "reached": reached, "evaluated": trace.evaluated}
    if trace.complete:
        status = "guessed" if trace.tier == "guess" else "whole"
        return {**row, "status": status, "input": found.shown if found else []}
    errors = [t.error for t in (trace, *trace.earlier) if t.error is not None]
    tried = {t.tier: said(t.error) for t in (trace, *trace.earlier) if t.error is not None}
    values = any(tiers.asks_for_values(e) for e in errors)
    return {**row, "status": "partial" if reached >= 0.9 else "structure", "reason": said(trace.error), "tried": tried,
            "asks_for_values": values, "where": where(trace.error)}  # fmt: skip


def said(error: BaseException | None) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:400]


def where(error: BaseException | None) -> str:
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(frames[-5:]))


def main() -> None:
    """Answer each line `set<tab>name` with a row, until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (int((MEMORY + 6) * 2**30),) * 2)
    torch.set_num_threads(1)
    signal.signal(signal.SIGPROF, ring)
    weights = Weights()
    gc.freeze()
    for count, line in enumerate(sys.stdin):
        which, _, name = line.rstrip("\n").partition("\t")
        if not name:
            print(json.dumps(zoo.names(which)), file=answers, flush=True)
            continue
        try:
            row = row_of(which, name, weights)
        except MemoryError:
            row = {"set": which, "name": name, "status": "not built", "reason": "does not fit in memory"}
        print(json.dumps(row), file=answers, flush=True)
        if count % 5 == 4:
            gc.collect()


if __name__ == "__main__":
    main()

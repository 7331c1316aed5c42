"""Ask nnlint about one sound model after another, as `bench/silence.py` names them on the standard input.

Runs in a process of its own that may crash or be ended at any time. Each model is built with the initial values that
its library draws and handed to `advise(model, level="advice")`: nothing else is said about it.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import resource
import signal
import sys
import time
import warnings
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", OMP_NUM_THREADS="1")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, sys.argv[1])  # holds nnlint and its rules as they were when the run began
os.chdir(sys.argv[1])  # no configuration speaks here

import torch  # noqa: E402
import zoo_operators  # noqa: E402

zoo_operators.provide()
import zoo  # noqa: E402
from torch import nn  # noqa: E402

import nnlint  # noqa: E402
from nnlint.facts import Layer, Model, Output, Probe  # noqa: E402
from nnlint.registry import load  # noqa: E402

LIMIT = float(os.environ.get("NNLINT_ZOO_SECONDS", "120"))
"""CPU seconds for one model, all its variants together."""
MEMORY = float(os.environ.get("NNLINT_ZOO_GIB", "8"))
"""GiB of address space."""
PARAMETERS = 400_000_000
"""A variant with more is not inspected: another, smaller one is."""
SMALL = ("atto", "femto", "pico", "nano", "zepto", "xxtiny", "xtiny", "tiny", "xxs", "xs", "xxsmall", "xsmall", "small",
         "mini", "lite", "micro", "_s", "18", "b0", "_0", "005", "002", "050", "a0")  # fmt: skip
"""What the names of a family's small members hold."""
CANDIDATES = 8
"""So many members of a family are compared."""
NARROW, SLIM = "shallow and narrow", "shallow, few experts and words"
SHRUNKEN = (NARROW, SLIM, "shallow", "shallow, each kind", "default")
"""The order in which variants of a configuration are tried: the cheap ones first."""
FEW = {"num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
       "moe_topk": 2, "n_group": 1, "topk_group": 1, "num_expert_group": 1, "vocab_size": 4000}  # fmt: skip
"""What makes a configuration large without making its layers wider."""
LOUD = ("warning", "error")
MODEL_ALONE = (Model, Layer, Output, Probe)


class OutOfTime(BaseException):
    """The model has had its CPU seconds."""


def ring(*_: object) -> None:
    raise OutOfTime


def rules() -> dict[str, Any]:
    """Return the names of all rules, and of those that subscribe to nothing but the model."""
    known = load()
    return {
        "all": [r.name for r in known],
        "model": [r.name for r in known if all(kind in MODEL_ALONE for kind in r.wants.values())],
    }


@functools.cache
def families(which: str) -> dict[str, list[str]]:
    """Return the members of each family; a family is named by its module, for transformers by the model itself."""
    found: dict[str, list[str]] = {}
    if which == "timm":
        import timm

        for module in timm.list_modules():
            members = [n for n in timm.list_models(module=module) if not n.startswith("test_")]
            found |= {module: members} if members else {}
    elif which == "torchvision":
        import torchvision

        for name in zoo.names(which):
            module = torchvision.models.get_model_builder(name).__module__.removeprefix("torchvision.models.")
            found.setdefault(module, []).append(name)
    else:
        for name in zoo.names(which):
            found.setdefault(name.partition(",")[0], []).append(name)
    return found


def smallest(which: str, members: list[str]) -> str:
    """Return the member with the fewest parameters, of those whose names sound small."""
    small = [n for n in members if any(word in n for word in SMALL)]
    chosen = sorted(small or members, key=lambda n: (len(n), n))[:CANDIDATES]
    if len(chosen) == 1:
        return chosen[0]
    sizes = {}
    for name in chosen:
        try:
            with warnings.catch_warnings(), torch.device("meta"):
                warnings.simplefilter("ignore")
                sizes[name] = sum(p.numel() for p in zoo.variants(which, name)[0][1]().parameters())
        except Exception:
            continue
    return min(sizes, key=lambda n: sizes[n]) if sizes else chosen[0]


def row_of(which: str, family: str, members: list[str]) -> dict[str, Any]:
    """Return what nnlint says about a family's smallest member."""
    name = smallest(which, members) if which != "transformers" else members[0]
    variants = dict(zoo.variants(which, name))
    if which == "transformers":
        variants[SLIM] = lambda: slim(name)
    best: dict[str, Any] = {"status": "not built"}
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        for variant in [v for v in SHRUNKEN if v in variants] or list(variants):
            row = attempt(variants[variant]) | {"variant": variant}
            if rank(row) > rank(best):
                best = row
            # Narrow layers are nobody's choice: what they are blamed for is asked again at their own width.
            loud = any(f["level"] in LOUD for f in best.get("findings", ()))
            if loud and best["variant"] == NARROW and row["status"] == "traced" and variant != NARROW:
                best, loud = row, False
            if best["status"] == "traced" and not (loud and best["variant"] == NARROW):
                break
    except OutOfTime:
        best = best if "findings" in best else {"status": "time", "reason": f"more than {LIMIT:.0f} CPU seconds"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"set": which, "family": family, "name": name, **best, "seconds": round(time.process_time() - started, 2)}


def slim(name: str) -> nn.Module:
    """Build an architecture of transformers with few layers, experts and words, each layer as wide as by default."""
    import transformers

    mapping, kind = zoo._transformers()[name]
    configuration = mapping[kind]()
    zoo.shallow(configuration)
    for part in zoo._parts(configuration):
        for setting, most in FEW.items():
            value = getattr(part, setting, None)
            if isinstance(value, int) and not isinstance(value, bool) and value > most:
                zoo._set(part, setting, most)
        for setting in [n for n in vars(part) if n.endswith("token_id") and isinstance(getattr(part, n), int)]:
            zoo._set(part, setting, min(getattr(part, setting), FEW["vocab_size"] - 1))
    made: nn.Module = getattr(transformers, name)(configuration)
    return made


def rank(row: dict[str, Any]) -> int:
    return ("not built", "time", "failed", "structure", "partial", "traced").index(row["status"])


def attempt(build: zoo.Build) -> dict[str, Any]:
    """Build a model and ask nnlint about it."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                size = sum(p.numel() for p in build().parameters())
        except Exception:  # cannot be built without values: its size is not known beforehand
            size = 0
        if size > PARAMETERS:
            return {"status": "not built", "reason": f"{size:,} parameters"}
        try:
            model = build()
        except Exception as error:
            return {"status": "not built", "reason": f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]}
        report = nnlint.advise(model, level="advice")
    subject = report.subjects[0]
    silenced: dict[str, list[str]] = {}
    for one in report.not_checked:
        silenced.setdefault(one.rule, []).append(one.needs)
    return {
        "status": subject.status,
        "reason": (subject.reason or "")[:200],
        "parameters": sum(p.numel() for p in model.parameters() if not torch.nn.parameter.is_lazy(p)),
        "findings": [
            {"rule": f.rule, "level": f.level, "message": f.message, "why": f.why, "module": f.module}
            for f in report.findings
        ],
        "experiments": sorted(e.rule for e in report.experiments),
        "silenced": silenced,
        "broken": [e.message for e in report.errors],
    }


def main() -> None:
    """Answer each line with a line of JSON, until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (int((MEMORY + 6) * 2**30),) * 2)
    torch.set_num_threads(1)
    signal.signal(signal.SIGPROF, ring)
    for count, line in enumerate(sys.stdin):
        which, _, family = line.rstrip("\n").partition("\t")
        if which == "rules":
            answer: Any = rules()
        elif not family:
            answer = list(families(which))
        else:
            try:
                answer = row_of(which, family, families(which)[family])
            except MemoryError:
                answer = {"set": which, "family": family, "name": family, "status": "not built", "reason": "memory"}
            except Exception as error:
                said = f"{type(error).__name__}: {error}"[:300]
                answer = {"set": which, "family": family, "name": family, "status": "crash", "reason": said}
        print(json.dumps(answer), file=answers, flush=True)
        if count % 5 == 4:
            gc.collect()


if __name__ == "__main__":
    main()

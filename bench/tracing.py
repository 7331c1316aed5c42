"""What tracing costs, as a share of one real forward: `make bench-tracing`.

CPU time in one process, one thread, batch 1, the best of five; beside it torchlens and torch.export in the same run.
The models are ResNet-50, ViT-B and GPT-2 small (128 tokens) by their published sizes, written here so that no model
library is needed. Then: all facts with the probe beside a training step, the first trace in a fresh process, the memory
it adds, the time for models of up to 100,000 operations, and (where transformers is installed) a decoder of 405 billion
parameters in a user's script. Results go to bench/results/tracing.json, from which the documentation makes its tables.
Exits with 1 above the limits.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "tracing.json"
os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(ROOT))
_started = time.process_time()
import torch  # noqa: E402

IMPORT = time.process_time() - _started
"""Seconds that importing torch takes."""

from tracing_models import MODELS, SMALLER, Long  # noqa: E402

_started = time.process_time()
from nnlint.worker import tiers  # noqa: E402
from nnlint.worker.describe import describe  # noqa: E402

OURS = time.process_time() - _started
"""Seconds that importing the tracer takes after that."""

LIMIT = 0.3
"""Of one forward pass."""
TIMES = 10
"""As much as a trace of ours, torchlens and torch.export take at least."""
FIRST_LIMIT = 0.5
"""Of importing torch, for the first trace in a fresh process."""
PROBE_LIMIT = 4.0
"""Of a training step on two samples, for all facts of a model."""
MEMORY = (0.1, 64.0)
"""Of the parameters' size, or megabytes: the larger of the two is the limit."""
OPERATIONS = (1_000, 3_000, 10_000, 30_000, 100_000)
SLOWER = 2.0
"""Times that an operation of the longest model may take what it takes in the fastest."""
LARGE = (20.0, 2000.0)
"""CPU seconds beyond the imports, and megabytes, for the model that does not fit."""
Row = dict[str, Any]


def best(run: Callable[[], object], times: int = 5) -> float:
    """Return the least CPU time in seconds."""
    spent = []
    for _ in range(times):
        started = time.process_time()
        run()
        spent.append(time.process_time() - started)
    return min(spent)


def first(name: str) -> Row:
    """Return the time of the first trace in this process, our own imports with it, beside that of importing torch."""
    build, inputs = MODELS[name]
    model, given = build().eval(), inputs()
    seconds = OURS + best(lambda: tiers.run_tier(model, (given,), {}, "meta"), times=1)
    return {"model": name, "seconds": seconds, "import": IMPORT, "ratio": seconds / IMPORT}


def against_forward(name: str) -> Row:
    """Return what a trace, a forward pass, torchlens and torch.export take on one model, in milliseconds."""
    build, inputs = MODELS[name]
    model, given = build().eval(), inputs()
    assert tiers.run_tier(model, (given,), {}, "meta").complete
    with torch.no_grad():
        found = {"forward": best(lambda: model(given))}
    found["trace"] = best(lambda: tiers.run_tier(model, (given,), {}, "meta"))
    others: dict[str, Callable[[], object]] = {
        "torch.export": lambda: torch.export.export(model, (given,), strict=False)
    }
    if importlib.util.find_spec("torchlens"):
        import torchlens

        others["torchlens"] = lambda: torchlens.trace(model, given)
    for other, run in others.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[other] = best(run, times=2)
    return {"model": name, **{key: 1000 * value for key, value in found.items()}}


def probed(name: str) -> Row:
    """Return what all facts of one model take, the probe with them, and a training step on as many samples."""
    build, inputs = {**MODELS, **SMALLER}[name]
    model, given = build(), torch.cat([inputs(), inputs()])
    found: dict[str, Any] = {}

    def step() -> None:
        model(given).mean().backward()
        model.zero_grad()

    def facts() -> None:
        found.update(describe(model, target="", path=None, inputs=(given,))["probe"])

    seconds = {"step": best(step, times=3), "facts": best(facts, times=3)}
    unknown = [key for key, value in found.items() if isinstance(value, dict) and "unknown" in value and key != "loss"]
    return {"model": name, **{key: 1000 * value for key, value in seconds.items()}, "unknown": unknown}


def memory(name: str) -> Row:
    """Return the megabytes that the first trace in this process adds at most, and those of the parameters."""
    build, inputs = MODELS[name]
    model, given = build().eval(), inputs()
    described = added(lambda: describe(model, target="", path=None, inputs=(given,), probe=False))
    size = sum(p.numel() * p.element_size() for p in model.parameters()) / 1e6
    whole = added(lambda: describe(model, target="", path=None, inputs=(given,)))
    return {"model": name, "parameters": size, "added": described, "with the probe": whole}


def added(run: Callable[[], object]) -> float:
    """Return by how many megabytes a call makes this process grow at most."""
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    run()
    return max(0.0, status("VmHWM") - before)


def status(key: str) -> float:
    """Return an entry of what Linux says of this process, in megabytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024 / 1e6


def long() -> list[Row]:
    """Return the seconds for models of more and more operations."""
    x = torch.randn(2, 8)
    models = {n: Long(n) for n in OPERATIONS}
    return [
        {"operations": n, "seconds": best(lambda: tiers.run_tier(model, (x,), {}, "meta"), times=2)}  # noqa: B023
        for n, model in models.items()
    ]


SCRIPT = """
import torch
from transformers import LlamaConfig, LlamaForCausalLM

config = LlamaConfig(
    hidden_size=16384, intermediate_size=53248, num_hidden_layers=126,
    num_attention_heads=128, num_key_value_heads=8, vocab_size=128256,
)
"""
BUILT = {
    "under the meta device": 'with torch.device("meta"):\n    model = LlamaForCausalLM(config)\n',
    "as it stands": "model = LlamaForCausalLM(config)\n",
}
NEEDS = f"import sys; sys.path.insert(0, {str(ROOT / 'bench')!r}); import zoo_operators; zoo_operators.provide()\n"
"""What a script begins with where torchvision was compiled for another torch."""


def large(how: str) -> Row:
    """Return CPU seconds and megabytes for checking a script that builds 405 billion parameters."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.py"
        before = NEEDS if importlib.util.find_spec("torchvision") else ""
        path.write_text(before + SCRIPT)
        imports, _ = spent([sys.executable, str(path)])
        path.write_text(before + SCRIPT + BUILT[how])
        nnlint = ROOT / ".venv" / "bin" / "nnlint"
        seconds, said = spent([str(nnlint), "check", str(path), "--output-format=json", f"--python={sys.executable}"])
        (subject,) = json.loads(said)["subjects"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    told = {key: subject[key] for key in ("status", "nodes", "parameters")}
    return {"built": how, "seconds": seconds - imports, "imports": imports, "megabytes": peak, **told}


def spent(command: list[str]) -> tuple[float, str]:
    """Return the CPU seconds of a command and all it starts, and what it writes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=_limited).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))


def fresh(part: str, *arguments: str) -> Any:
    """Return what a part of this script says in a process of its own."""
    command = [sys.executable, __file__, "--part", part, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


PARTS: dict[str, Callable[..., Any]] = {
    "first": first, "forward": against_forward, "probe": probed, "memory": memory, "long": long,
    "large": large,
}  # fmt: skip


def measured() -> dict[str, Any]:
    """Measure everything, each part in a process of its own."""
    found: dict[str, Any] = {"torch": torch.__version__.partition("+")[0]}
    for library in ("torchlens", "transformers"):
        if importlib.util.find_spec(library):
            found[library] = importlib.metadata.version(library)
    found["first"] = [min((fresh("first", name) for _ in range(3)), key=lambda row: row["ratio"]) for name in MODELS]
    found["forward"] = [fresh("forward", name) for name in MODELS]
    found["probe"] = [fresh("probe", name) for name in (*SMALLER, *MODELS)]
    found["memory"] = [fresh("memory", name) for name in MODELS]
    found["long"] = fresh("long")
    found["large"] = [fresh("large", how) for how in BUILT] if "transformers" in found else []
    return found


def judged(found: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return what was measured, a line each, and whether it is within its limit."""
    told = []
    for row in found["first"]:
        line = f"{row['model']}: the first trace takes {row['ratio']:.2f} of importing torch (limit {FIRST_LIMIT})"
        told.append((line, row["ratio"] <= FIRST_LIMIT))
    for row in found["forward"]:
        share = row["trace"] / row["forward"]
        line = f"{row['model']}: a trace takes {row['trace']:.0f} ms, {share:.2f} of a forward pass (limit {LIMIT})"
        told.append((line, share <= LIMIT))
        for other in ("torchlens", "torch.export"):
            if other in row:
                times = row[other] / row["trace"]
                told.append(
                    (f"{row['model']}: {other} takes {times:.0f} times as long (at least {TIMES})", times >= TIMES)
                )
    for row in found["probe"]:
        line = (
            f"{row['model']}: all facts take {row['facts']:.0f} ms, {row['facts'] / row['step']:.1f} of a training step"
        )
        told.append((f"{line} (limit {PROBE_LIMIT})", row["facts"] <= PROBE_LIMIT * row["step"]))
    for row in found["memory"]:
        limit = max(MEMORY[0] * row["parameters"], MEMORY[1])
        line = f"{row['model']}: {row['added']:.0f} MB added to {row['parameters']:.0f} MB (limit {limit:.0f} MB)"
        told.append((line, row["added"] <= limit))
    each = [1e6 * row["seconds"] / row["operations"] for row in found["long"]]
    line = f"{each[-1]:.0f} µs for each of {OPERATIONS[-1]:,} operations, {min(each):.0f} µs at best"
    told.append((line, each[-1] <= SLOWER * min(each)))
    for row in found["large"]:
        line = (
            f"{row['parameters'] / 1e9:.0f} billion parameters {row['built']}: {row['status']}, {row['nodes']} calls, "
        )
        line += f"{row['seconds']:.1f} s beyond imports (limit {LARGE[0]:.0f}), "
        line += f"{row['megabytes']:.0f} MB (limit {LARGE[1]:.0f})"
        told.append((line, row["status"] == "traced" and row["seconds"] <= LARGE[0] and row["megabytes"] <= LARGE[1]))
    return told


def main() -> int:
    """Measure, print, keep; 0 where everything is within its limits."""
    parser = argparse.ArgumentParser(description="what tracing costs")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.part:
        print(json.dumps(PARTS[options.part](*options.arguments)))
        return 0
    found = measured()
    told = judged(found)
    for line, good in told:
        print(f"  {'ok  ' if good else 'OVER'}  {line}")
    missing = [library for library in ("torchlens", "transformers") if library not in found]
    if missing:
        print(f"  not measured for lack of {' and '.join(missing)}: bench/zoo-requirements.txt, in .venv-zoo")
    if "torchlens" in found and "transformers" in found:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0 if all(good for _, good in told) else 1


if __name__ == "__main__":
    sys.exit(main())

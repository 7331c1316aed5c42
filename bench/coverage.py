"""What share of public models nnlint traces with no hint beyond the model object: `make bench-coverage`.

    python bench/coverage.py                      everything that has no row yet
    python bench/coverage.py timm transformers    these sets
    python bench/coverage.py --sample 30 timm     so many of a set, drawn at random
    python bench/coverage.py --again              also what has a row that is not a whole trace

Each model is traced in a process that may crash or be ended: it is one row then. Rows are kept in build/coverage/ under
a key of the tracer's sources and the libraries' versions, so that a run which was cut off goes on where it was; the
summary goes to bench/results/coverage.json, from which the documentation makes its table.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import importlib.metadata
import json
import random
import select
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "coverage"
RESULT = ROOT / "bench" / "results" / "coverage.json"
SETS = ("torch.nn", "torchvision", "torch_geometric", "segmentation-models-pytorch", "timm", "transformers")
LIBRARIES = ("torch", "timm", "torchvision", "transformers", "torch_geometric", "segmentation-models-pytorch")
TARGETS = {"timm": (0.99, 0.99), "torchvision": (0.97, 0.97), "transformers": (0.85, 0.95)}
"""The shares that are to be traced whole, and at least in part."""
UNAIDED = {"timm": 0.95, "torchvision": 0.95}
"""The share for which an input is to be found."""
PATIENCE = 900.0
"""Seconds of waiting for a process that has 100 CPU seconds for a model: other work on the machine is no failure."""

Row = dict[str, Any]


class Process:
    """A process that looks at models, started again after a crash."""

    def __init__(self, tracer: Path, worker: Path = ROOT / "bench" / "zoo_worker.py") -> None:
        self.tracer, self.worker = tracer, worker
        self.child: subprocess.Popen[str] | None = None

    def ask(self, line: str) -> Any:
        """Return the answer to a line; a text that says how the process ended where there is none."""
        if self.child is None:
            command = [sys.executable, "-u", str(self.worker), str(self.tracer)]
            self.child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        ready, _, _ = select.select([self.child.stdout], [], [], PATIENCE)
        answer = self.child.stdout.readline() if ready else ""
        if answer:
            return json.loads(answer)
        self.close()
        return "the process ended" if ready else f"no answer in {PATIENCE:.0f} seconds"

    def close(self) -> None:
        """End the process."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None


def frozen() -> tuple[str, Path]:
    """Copy the tracer aside, so that a run sees one state of it. Returns its key and the folder."""
    sources = sorted((ROOT / "nnlint" / "worker").glob("*.py"))
    digest = hashlib.sha256()
    for path in (*sources, *sorted((ROOT / "bench").glob("zoo*.py"))):
        digest.update(path.read_bytes())
    digest.update(json.dumps(versions()).encode())
    key = digest.hexdigest()[:12]
    folder = KEPT / f"tracer-{key}"
    (folder / "worker").mkdir(parents=True, exist_ok=True)
    for path in sources:
        shutil.copy(path, folder / "worker")
    return key, folder


def versions() -> dict[str, str]:
    """Return the versions of the libraries, without their build."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read(path: Path) -> dict[tuple[str, str], Row]:
    """Return the rows of a run so far, the last of each model."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return {(row["set"], row["name"]): row for row in rows}


def run(chosen: list[tuple[str, str]], key: str, tracer: Path, path: Path, jobs: int, until: float) -> None:
    """Trace the chosen models and append a row for each."""
    waiting, lock, done = collections.deque(chosen), threading.Lock(), [0]

    def work() -> None:
        process = Process(tracer)
        while time.monotonic() < until:
            with lock:
                if not waiting:
                    break
                which, name = waiting.popleft()
            answer = process.ask(f"{which}\t{name}")
            if isinstance(answer, str):
                answer = {
                    "set": which,
                    "name": name,
                    "status": "time" if "answer" in answer else "crash",
                    "reason": answer,
                }
            answer["tracer"] = key
            with lock:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(answer) + "\n")
                done[0] += 1
                if answer["status"] != "whole" or answer.get("changed"):
                    said = (answer["status"], answer.get("changed") or "", answer.get("reason", "")[:150])
                    print(f"[{done[0]}/{len(chosen)}]", which, name, *said, flush=True)
        process.close()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cause(row: Row) -> str:
    """Return the cause for which a model is not traced whole."""
    reason = row.get("reason", "")
    if row["status"] in ("time", "crash"):
        return {"time": "took too long", "crash": "the process ended"}[row["status"]]
    if row.get("crashed"):
        return "the tracer raised"
    if row["status"] == "guessed":
        return "asks for values, which were invented"
    if reason.startswith(("ImportError", "ModuleNotFoundError")) or "requires the" in reason:
        return "needs a package that is not installed"
    if row.get("asks_for_values"):
        return "asks for values"
    return "no input found that fits"


def summary(rows: list[Row], listed: int) -> dict[str, Any]:
    """Return the counts of one set."""
    made = [r for r in rows if r["status"] != "not built"]
    count = collections.Counter(r["status"] for r in made)
    near = [r for r in made if r["status"] in ("guessed", "partial") and r.get("reached", 0) >= 0.9]
    causes: dict[str, list[str]] = collections.defaultdict(list)
    for row in made:
        if row["status"] != "whole":
            causes[cause(row)].append(row["name"])
    valued = [r for r in made if r.get("values")]
    return {
        "listed": listed,
        "tried": len(rows),
        "built": len(made),
        "whole": count["whole"],
        "guessed": count["guessed"],
        "partial": count["partial"],
        "less": len(made) - count["whole"] - count["guessed"] - count["partial"],
        "whole or nearly": count["whole"] + len(near),
        "tiers": dict(collections.Counter(r["tier"] for r in made if r["status"] in ("whole", "guessed"))),
        "in evaluation mode": sum(bool(r.get("evaluated")) for r in made if r["status"] in ("whole", "guessed")),
        "input found": count["whole"] + count["guessed"],
        "with values": len(valued),
        "gentle": sum(not r["changed"] for r in made if "changed" in r),
        "looked at for changes": sum("changed" in r for r in made),
        "changed": {r["name"]: r["changed"] for r in made if r.get("changed")},
        "crashed": [r["name"] for r in made if r["status"] == "crash" or r.get("crashed")],
        "variants": dict(collections.Counter(r.get("variant", "own") for r in made)),
        "median seconds": statistics.median([r["trace_seconds"] for r in made if "trace_seconds" in r] or [0]),
        "tracers": dict(collections.Counter(r.get("tracer", "") for r in rows)),
        "causes": {k: sorted(v) for k, v in sorted(causes.items(), key=lambda item: -len(item[1]))},
        "not built": {r["name"]: r.get("reason", "")[:160] for r in rows if r["status"] == "not built"},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--rows", type=Path, default=None)
    given = parser.parse_args()
    key, tracer = frozen()
    path = given.rows or KEPT / f"rows-{key}.jsonl"
    until = time.monotonic() + given.minutes * 60
    lister, listed = Process(tracer), {}
    for which in given.sets:
        listed[which] = lister.ask(which)
        if isinstance(listed[which], str):
            sys.exit(f"{which}: its models cannot be listed: {listed[which]}")
    lister.close()
    before, chosen = read(path), []
    for which, names in listed.items():
        drawn = random.Random(given.seed).sample(names, min(given.sample, len(names))) if given.sample else names
        chosen += [
            (which, n)
            for n in (given.name or drawn)
            if (which, n) not in before or (given.again and before[which, n]["status"] != "whole")
        ]
    random.Random(given.seed).shuffle(chosen)  # a run that is cut short has drawn a sample
    run(chosen, key, tracer, path, given.jobs, until)
    rows = read(path)
    result = {"versions": versions(), "sets": {}}
    for which, names in listed.items():
        own = [rows[which, n] for n in names if (which, n) in rows]
        result["sets"][which] = summary(own, len(names))
    if not (given.sample or given.name) and set(SETS) <= set(listed):
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return judge(result["sets"])


def judge(sets: dict[str, Any]) -> int:
    """Print what came out and return 1 where a target is missed."""
    missed = []
    for which, found in sets.items():
        made = max(1, found["built"])
        shares = found["whole"] / made, found["whole or nearly"] / made, found["input found"] / made
        print(f"{which}: {found['tried']} of {found['listed']} tried, {found['built']} built, {found['whole']} whole"
              f" ({shares[0]:.1%}), {found['guessed']} guessed, {found['partial']} in part, {found['less']} less;"
              f" unchanged {found['gentle']} of {found['looked at for changes']}; {found['tiers']}")  # fmt: skip
        whole, nearly = TARGETS.get(which, (0.0, 0.0))
        if shares[0] < whole or shares[1] < nearly or shares[2] < UNAIDED.get(which, 0.0):
            missed.append(f"{which}: fewer than wanted")
        missed += [f"{which}: {name} crashed the tracer" for name in found["crashed"]]
        missed += [f"{which}: {name} changed" for name in found["changed"]]
    print("\n".join(missed) if missed else "every target is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

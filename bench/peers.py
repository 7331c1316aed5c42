"""nnlint beside other tools that judge how PyTorch models are trained, on the same real bugs: `make bench-peers`.

    python bench/peers.py [CASE ...]

Each peer lives in an environment of its own under .venv-peers/, over the torch that is there, and is run in the way
that its documentation says: TorchFix over the source with every check on, torch-audit and torcheck inside of the
training (see peers_harness.py). nnlint is run as `nnlint check --run`. All get the faulty and the repaired program.

What a peer says has a kind; `NAMES` says which of our rules name the same cause. A labelled fault counts as found where
one of its rules is named. A remark on a repaired program is false where it names a cause that the case does not allow
there; remarks that name no cause of ours (speed, style) are counted apart, on neither side.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "bench" / "bugs"
PLACE = ROOT / ".venv-peers"
RESULT = ROOT / "bench" / "results" / "peers.json"
HARNESS = ROOT / "bench" / "peers_harness.py"

PINS: dict[str, tuple[str, ...]] = {
    "torch-audit": ("torch-audit==0.3.0", "click==8.5.1", "rich==15.0.0", "markdown-it-py==4.3.0", "mdurl==0.1.2",
                    "pygments==2.21.0"),
    "torcheck": ("torcheck==1.0.1",),
    "torchfix": ("torchfix==0.7.0", "flake8==7.5.0", "mccabe==0.7.0", "pycodestyle==2.15.0", "pyflakes==4.1.0",
                 "PyYAML==6.0.3", "libcst==1.5.1"),
}  # fmt: skip
"""What each environment gets, without what it asks for: torch is the one that is there."""

HOW = {
    "nnlint": "`nnlint check --run`",
    "torch-audit": "`autopatch(model, optimizer, every_n_steps=1)` with its checks before training",
    "torcheck": "optimizer registered; checks that parameters change and hold no nan or inf, that logits leave (0, 1)",
    "torchfix": "`torchfix --select=ALL` over the source",
}
LEFT_OUT = {
    "dslinter": "2.0.9 cannot be installed under Python 3.11: a package it pins fails to build there",
    "neuralint": "0.0.5 asks for TensorFlow 1.15",
    "pylint-ml": "teaches pylint what libraries define; judges no training",
}

GONE = ("unoptimized-parameters", "unused-parameters", "no-gradient")
NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "torch-audit": {
        "TA100": ("exploding-gradient", "oversized-activations", "broken-data"),
        "TA102": ("exploding-gradient", "oversized-activations"),
        "TA103": ("dead-relu", "no-gradient"),
        "TA104": GONE,
        "TA105": ("dead-relu",),
        "TA301": ("unscaled-features",),
        "TA302": ("broken-data",),
        "TA303": ("input-width-mismatch",),
        "TA304": ("batchnorm-batch-of-one",),
        "TA305": ("id-out-of-range",),
        "TA400": ("bias-before-norm",),
        "TA401": ("coupled-weight-decay",),
        "TA402": ("decayed-norms-and-biases",),
        "TA405": ("symmetric-init",),
        "TA500": GONE,
        "TA501": ("reused-batchnorm",),
    },
    "torcheck": {
        "unchanged": (*GONE, "dead-relu", "softmax-on-one-unit"),
        "not registered": GONE,
        "in range": ("softmax-before-cross-entropy", "sigmoid-loss-mismatch", "softmax-loss-mismatch"),
        "nan": ("exploding-gradient", "oversized-activations", "broken-data"),
        "inf": ("exploding-gradient", "oversized-activations", "broken-data"),
    },
    "torchfix": {},
}
"""What a peer's kinds of remark say, in our words. TorchFix speaks of names that torch removed, which no case uses."""

Remarks = list[dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("case", nargs="*", help="names of cases (default: all)")
    chosen = parser.parse_args().case
    cases = [json.loads(p.read_text("utf-8")) for p in sorted(CASES.glob("*/case.json"))]
    cases = [c for c in cases if not chosen or c["id"] in chosen]
    scripts = [p for c in cases for p in sorted((CASES / c["id"]).glob("*.py"))]
    tools: dict[str, Callable[[], dict[Path, dict[str, Any]]]] = {
        "nnlint": lambda: {path: nnlint(path) for path in scripts},
        "torch-audit": lambda: watched("torch-audit", scripts),
        "torcheck": lambda: watched("torcheck", scripts),
        "torchfix": lambda: read("torchfix", scripts),
    }
    result: dict[str, Any] = {"how": HOW, "left out": LEFT_OUT, "pins": {t: p[0] for t, p in PINS.items()}, "tools": {}}
    for tool, run in tools.items():
        print(f"{tool} ...", flush=True)
        said = run()
        result["tools"][tool] = judged(cases, said)
        one = result["tools"][tool]
        print(f"{tool}: {one['found']} of {one['expected']} found, {one['false']} false, {one['elsewhere']} remarks on"
              f" other things, {one['not run']} scripts not run", flush=True)  # fmt: skip
    if not chosen:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


def judged(cases: Sequence[dict[str, Any]], said: dict[Path, dict[str, Any]]) -> dict[str, Any]:
    """Return what a tool found, missed and said wrongly, case by case."""
    rows = []
    for case in cases:
        folder = CASES / case["id"]
        faulty, repaired = said[folder / "train.py"], said.get(folder / "fixed.py", {"remarks": [], "failed": ""})
        named = {rule for remark in faulty["remarks"] for rule in remark["names"]}
        faults = [fault["rules"] for fault in case["faults"] if fault["labelled"] and fault["rules"]]
        sound = [(faulty, case["hints_ok"])] if case["control"] else []
        sound += [(repaired, case["fixed_hints_ok"])] if (folder / "fixed.py").exists() else []
        false = {
            remark["kind"]
            for one, allowed in sound
            for remark in one["remarks"]
            if remark["loud"] and remark["names"] and not set(remark["names"]) & set(allowed)
        }
        rows.append(
            {
                "case": case["id"],
                "found": sum(bool(named & set(rules)) for rules in faults),
                "missed": [rules[0] for rules in faults if not named & set(rules)],
                "false": sorted(false),
                "elsewhere": sorted({r["kind"] for one, _ in sound for r in one["remarks"] if not r["names"]}),
                "failed": [one["failed"] for one in (faulty, repaired) if one["failed"]],
            }
        )
    found, missed = sum(r["found"] for r in rows), sum(len(r["missed"]) for r in rows)
    figures = {k: sum(len(r[k]) for r in rows) for k in ("false", "elsewhere", "failed")}
    return {
        "expected": found + missed,
        "found": found,
        "missed": missed,
        "false": figures["false"],
        "elsewhere": figures["elsewhere"],
        "not run": figures["failed"],
        "cases": rows,
    }


def environment(tool: str) -> Path:
    """Return the Python of a peer's environment, which is made where it is missing."""
    python = PLACE / tool / "bin" / "python"
    if not (PLACE / tool / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / tool)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", *PINS[tool]]
        subprocess.run(command, check=True)
        folder = next((PLACE / tool / "lib").glob("python*/site-packages"))
        (folder / "torch.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
        (PLACE / tool / "ready").touch()
    return python


def watched(tool: str, scripts: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Return what a peer that watches training says of each script."""
    command = [str(environment(tool)), str(HARNESS), tool, *map(str, scripts)]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "SEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, check=True)
    found = {}
    for row in map(json.loads, done.stdout.splitlines()):
        failed = row["failed"] or ("" if row["attached"] else "nothing to attach it to")
        remarks = [
            {"kind": kind, "text": text, "names": NAMES[tool].get(kind.split()[0], NAMES[tool].get(kind, ())),
             "loud": not kind.endswith("INFO")}
            for kind, text in row["said"]
        ]  # fmt: skip
        found[Path(row["script"])] = {"remarks": remarks, "failed": failed}
    return found


def read(tool: str, scripts: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Return what TorchFix says of each script's text."""
    command = [str(environment(tool).with_name("torchfix")), "--select=ALL"]
    found = {}
    for script in scripts:
        done = subprocess.run([*command, script.name], cwd=script.parent, capture_output=True, text=True, check=False)
        kinds = sorted(set(re.findall(r"\bTOR\d+\b", done.stdout)))
        remarks: Remarks = [{"kind": k, "text": "", "names": NAMES[tool].get(k, ()), "loud": True} for k in kinds]
        found[script] = {"remarks": remarks, "failed": "" if done.returncode in (0, 1) else done.stderr[-200:]}
    return found


def nnlint(script: Path) -> dict[str, Any]:
    """Return what nnlint says of a script."""
    command = [sys.executable, "-m", "nnlint", "check", str(script), "--run", "--output-format", "json"]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "SEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, check=False)
    report = json.loads(done.stdout)
    loud = ("warning", "error")
    remarks = [
        {"kind": f["rule"], "text": f["message"], "names": [f["rule"]], "loud": f["level"] in loud}
        for f in report["findings"]
    ]
    traced = any(s["status"] in ("traced", "partial") for s in report["subjects"])
    return {"remarks": remarks, "failed": "" if traced else "nothing was traced"}


if __name__ == "__main__":
    sys.exit(main())

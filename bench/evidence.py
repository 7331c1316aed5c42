"""What every rule's pair of programs is worth: the faulty program against the sound one, trained.

    python bench/evidence.py                       every rule without evidence of its pair as it stands
    python bench/evidence.py missing-zero-grad     this one again

Both programs train on the pair's own data under the protocol of `nnlint confirm`: paired seeds, tuned on both sides,
chosen on validation rows, reported once on untouched ones. The result stands beside the rule, `*.evidence.json`, with
the versions that made it; `--jobs` comparisons run at a time, each with `--workers` programs.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nnlint.registry import load
from nnlint.rule import Rule
from nnlint.trainer import Confirmation, Options, Verdict, confirm_script

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="*", help="names of rules; all that need it where none is given")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds for each rule (default 300)")
    parser.add_argument("--jobs", type=int, default=1, help="rules at a time (default 1)")
    parser.add_argument("--workers", type=int, default=2, help="programs at a time for one rule (default 2)")
    parser.add_argument("--out", type=Path, help="write into this folder instead of beside the rules")
    chosen = parser.parse_args()
    rules = [rule for rule in load() if (rule.name in chosen.rules if chosen.rules else outdated(rule))]

    def one(rule: Rule) -> tuple[Rule, Confirmation]:
        return rule, compare(rule, chosen.budget, chosen.workers)

    with ThreadPoolExecutor(chosen.jobs) as pool:
        for rule, result in pool.map(one, rules):
            [verdict] = result.verdicts
            path = place(rule) if chosen.out is None else chosen.out / place(rule).name
            path.write_text(json.dumps(record(rule, result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            best = verdict.best_rate.word if verdict.best_rate else "-"
            print(f"{rule.name:36} {verdict.word:14} {best:14} {result.seconds:5.0f} s  {verdict.reason}", flush=True)
    return 0


def compare(rule: Rule, budget: float, workers: int) -> Confirmation:
    """Train the pair. The sound text runs under the faulty program's name, so that paths make no difference."""
    bad, good = rule.pair("bad"), rule.pair("good").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, bad.name)
        path.write_text(bad.read_text("utf-8"), encoding="utf-8")
        options = Options(python=Path(sys.executable), budget=budget, workers=workers)
        return confirm_script(path, {rule.name: {str(path): good}}, options)


def record(rule: Rule, result: Confirmation) -> dict[str, Any]:
    """Return what is kept: all that is needed to repeat it, and what came out."""
    [verdict] = result.verdicts
    made = {
        "command": f"python bench/evidence.py {rule.name}", "python": platform.python_version(),
        "torch": version("torch"), "processor": platform.machine(),
    }  # fmt: skip
    task: dict[str, Any] = {"task": "its pair of programs", "data": result.data, "verdict": verdict.word}
    if verdict.metric is None:
        task["reason"] = verdict.reason
    else:
        task |= {"metric": verdict.metric.name, "rows": verdict.metric.rows, "epochs": result.epochs}
        task["your_rate"] = measured(verdict)
        task["best_rate"] = None if verdict.best_rate is None else measured(verdict.best_rate)
        task["seeds"] = verdict.seeds
        task["notes"] = list(result.notes)
    return {"pair": rule.pair_digest, "made": made, "tasks": [task]}


def measured(verdict: Verdict) -> Mapping[str, Any]:
    """Return the figures of one verdict."""
    figures = {name: getattr(verdict, name) for name in ("before", "after", "effect", "p")}
    rounded = {name: None if value is None else round(value, 5) for name, value in figures.items()}
    interval = None if verdict.interval is None else [round(edge, 5) for edge in verdict.interval]
    failures = {"before": verdict.failures.before, "after": verdict.failures.after}
    factors = None if verdict.factors is None else [round(factor, 5) for factor in verdict.factors]
    said = {"verdict": verdict.word, "reason": verdict.reason, "seeds": verdict.seeds, "failures": failures}
    return {**rounded, "interval": interval, **said, "factors": factors}


def outdated(rule: Rule) -> bool:
    """Whether there is no evidence of the pair as it stands."""
    path = place(rule)
    return not path.exists() or json.loads(path.read_text("utf-8"))["pair"] != rule.pair_digest


def place(rule: Rule) -> Path:
    """Return where the evidence stands."""
    return rule.path.with_suffix(".evidence.json")


if __name__ == "__main__":
    sys.exit(main())

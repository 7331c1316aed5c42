"""What each rule's advice is worth: its pair of programs and reference tasks, trained with the defect and without.

    python bench/evidence.py                       every rule whose evidence is missing, unfinished or out of date
    python bench/evidence.py missing-zero-grad     this one
    python bench/evidence.py --list                which tasks each rule can matter on

The pair trains on its own data: the faulty program against the sound one. On a reference task the defect is put into a
sound program and nnlint's own first fix repairs it (`bench/evidence_cases.py`). All of it follows the protocol of
`nnlint confirm`: paired seeds, tuned on both sides, chosen on validation rows, reported once on untouched ones.

The result stands beside the rule, `*.evidence.json`, and is written task by task: what is there and still of the same
texts is not trained again, and runs are kept in `.nnlint_cache`, so this may be ended at any time and goes on.
Seconds decide nothing: a study that its budget cut short is left out, and tried again next time.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from evidence_cases import PROGRAMS, Case, case_of, prepare

from nnlint.levels import PAIR
from nnlint.registry import load
from nnlint.rule import Rule
from nnlint.trainer import FOLDER, Confirmation, Options, Verdict, confirm_script

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="*", help="names of rules; all that need it where none is given")
    parser.add_argument("--budget", type=float, default=1200.0, help="most seconds for one comparison (default 1200)")
    parser.add_argument("--workers", type=int, default=2, help="programs at a time (default 2)")
    parser.add_argument("--tasks", type=int, default=3, help="reference tasks, the first that apply (default 3)")
    parser.add_argument("--list", action="store_true", help="say which tasks apply, train nothing")
    chosen = parser.parse_args()
    prepare()
    known = {rule.name: rule for rule in load()}
    for rule in [known[name] for name in chosen.rules or known]:
        if chosen.list:
            for program in PROGRAMS:
                case = case_of(rule.name, program)
                said = case if isinstance(case, str) else f"{case.defect} -> {case.fix}"
                print(f"{rule.name:36} {program:20} {said}", flush=True)
        else:
            gather(rule, chosen.budget, chosen.workers, chosen.tasks)
    return 0


def gather(rule: Rule, budget: float, workers: int, most: int) -> None:
    """Measure what is not there yet, and write the file after every task."""
    pair = all(rule.pair(side).exists() for side in ("bad", "good"))
    kept = {task["task"]: task for task in _there(rule)}
    tasks: list[dict[str, Any]] = []
    elsewhere: dict[str, str] = {}
    wanted = 0
    for name in [PAIR] * pair + list(PROGRAMS):
        if wanted - pair >= most:
            elsewhere[name] = "not asked for"
            continue
        case = pair_of(rule) if name == PAIR else case_of(rule.name, name)
        if isinstance(case, str):
            elsewhere[name] = case
            continue
        wanted += 1
        if kept.get(name, {}).get("texts") != case.digest:
            result = compare(rule, case, budget, workers)
            said = "left out: its budget cut it short" if result.cut else result.verdicts[0].word
            best = result.verdicts[0].best_rate
            words = f"{said:16} {best.word if best else '-':14} {result.seconds:5.0f} s  {result.verdicts[0].reason}"
            print(f"{rule.name:32} {name:20} {words}", flush=True)
            if result.cut or result.interrupted:
                continue
            kept[name] = record(name, case, result)
        tasks.append(kept[name])
        write(rule, tasks, {}, complete=False)
    write(rule, tasks, elsewhere, complete=len(tasks) == wanted)


def pair_of(rule: Rule) -> Case:
    """Return the rule's own pair. Both run under the faulty program's name, so that paths make no difference."""
    bad, good = (rule.pair(side).read_text("utf-8") for side in ("bad", "good"))
    return Case(PAIR, "the rule's own example", "as it stands", "the sound program", bad, good)


def compare(rule: Rule, case: Case, budget: float, workers: int) -> Confirmation:
    """Train both programs under the same name."""
    path = rule.pair("bad") if case.program == PAIR else case.path
    options = Options(python=Path(sys.executable), budget=budget, workers=workers, store=ROOT / FOLDER)
    return confirm_script(path, {rule.name: {str(path): case.fixed}}, options, base={str(path): case.faulty})


def record(name: str, case: Case, result: Confirmation) -> dict[str, Any]:
    """Return what is kept of one task: what was compared, and what came out."""
    [verdict] = result.verdicts
    task: dict[str, Any] = {"task": name, "about": case.about, "defect": case.defect, "fix": case.fix}
    task |= {"texts": case.digest, "data": result.data, "verdict": verdict.word}
    if verdict.metric is None:
        return {**task, "reason": verdict.reason, "crashed": verdict.crashed}
    task |= {"metric": verdict.metric.name, "rows": verdict.metric.rows, "epochs": result.epochs}
    task |= {"your_rate": measured(verdict)}
    task["best_rate"] = None if verdict.best_rate is None else measured(verdict.best_rate)
    notes = [note for note in result.notes if "not made again" not in note]
    return {**task, "seeds": verdict.seeds, "notes": notes}


def measured(verdict: Verdict) -> Mapping[str, Any]:
    """Return the figures of one verdict."""
    figures = {name: getattr(verdict, name) for name in ("before", "after", "effect", "error", "p")}
    rounded = {name: None if value is None else round(value, 5) for name, value in figures.items()}
    interval = None if verdict.interval is None else [round(edge, 5) for edge in verdict.interval]
    failures = {"before": verdict.failures.before, "after": verdict.failures.after, "added": verdict.failures.added}
    factors = None if verdict.factors is None else [round(factor, 5) for factor in verdict.factors]
    said = {"verdict": verdict.word, "reason": verdict.reason, "seeds": verdict.seeds, "failures": failures}
    return {**rounded, "interval": interval, **said, "factors": factors}


def write(rule: Rule, tasks: Iterable[Mapping[str, Any]], elsewhere: Mapping[str, str], *, complete: bool) -> None:
    """Put what is known beside the rule."""
    made = {
        "command": f"python bench/evidence.py {rule.name}", "python": platform.python_version(),
        "torch": version("torch"), "processor": platform.machine(),
    }  # fmt: skip
    found = {"pair": rule.pair_digest, "complete": complete, "made": made, "tasks": list(tasks)}
    text = json.dumps({**found, "elsewhere": dict(elsewhere)}, indent=1, ensure_ascii=False)
    place(rule).write_text(text + "\n", encoding="utf-8")


def place(rule: Rule) -> Path:
    """Return where the evidence stands."""
    return rule.path.with_suffix(".evidence.json")


def _there(rule: Rule) -> list[dict[str, Any]]:
    path = place(rule)
    return list(json.loads(path.read_text("utf-8"))["tasks"]) if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())

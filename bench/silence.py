"""What nnlint says of models and programs that nothing is wrong with: `make bench-silence`.

    python bench/silence.py                       everything that has no row yet
    python bench/silence.py timm programs         these sets
    python bench/silence.py --again               also what has a warning, an error, too many unknowns or no trace
    python bench/silence.py --every               all of it once more

One model of every family of timm, torchvision and torch_geometric (families by module), every architecture of
transformers, and sound programs. Each model is asked about with all rules, `advise(model, level="advice")`, in a
process that may crash or be ended: it is one row then. Rows are kept in build/silence/, so that a run which was cut off
goes on where it was; the summary goes to bench/results/silence.json, from which the documentation makes its page.

What nnlint says all the same is defended in `silence_defended.json`, by rule and model, or it is a defect of nnlint. A
defence that nothing needs any more is one as well.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import random
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from coverage import Process, versions
from silence_programs import program_rows, programs

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "silence"
RESULT = ROOT / "bench" / "results" / "silence.json"
DEFENDED = ROOT / "bench" / "silence_defended.json"
ZOO = ("timm", "torchvision", "torch_geometric", "transformers")
LOUD = ("warning", "error")
LOUD_SHARE = 0.02
"""Fewer models than this share may be warned about."""
EVALUATED = 0.9
"""Of the rules that need only the model, so many are to be evaluated on each."""
SHOWN = 3
"""So much advice a model may get."""
LOSS = "recipe"
"""What a rule asks for that subscribes to an output and needs the loss as well."""

Row = dict[str, Any]


def frozen() -> tuple[str, Path]:
    """Copy nnlint and its rules aside, so that a run sees one state of them. Returns its key and the folder."""
    digest = hashlib.sha256()
    for path in sorted([*(ROOT / "nnlint").rglob("*.py"), *(ROOT / "rules").rglob("*.py")]):
        digest.update(path.read_bytes())
    key = digest.hexdigest()[:12]
    folder = KEPT / f"nnlint-{key}"
    if not folder.exists():
        unread = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "nnlint", folder / "nnlint", ignore=unread)
        shutil.copytree(ROOT / "rules", folder / "nnlint_rules", ignore=unread)
    return key, folder


def run(chosen: list[tuple[str, str]], key: str, process: Process, path: Path) -> None:
    """Ask about the chosen models, one after another, and append a row for each."""
    for count, (which, family) in enumerate(chosen, 1):
        answer = process.ask(f"{which}\t{family}")
        if isinstance(answer, str):
            status = "time" if "answer" in answer else "crash"
            answer = {"set": which, "family": family, "name": family, "status": status, "reason": answer}
        append(path, answer | {"state": key})
        for found in loud(answer):
            print(f"[{count}/{len(chosen)}]", which, answer["name"], found["rule"], found["message"][:120], flush=True)


def append(path: Path, row: Row) -> None:
    """Keep a row."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def loud(row: Row) -> list[dict[str, Any]]:
    """Return the warnings and errors of a row."""
    return [found for found in row.get("findings", ()) if found["level"] in LOUD]


def model_alone(rules: dict[str, list[str]], rows: list[Row]) -> list[str]:
    """Return the rules that need nothing but the model: those that asked for a loss on any model are none."""
    asked = {
        r for row in rows for r, needs in row.get("silenced", {}).items() if any(n.startswith(LOSS) for n in needs)
    }
    return [rule for rule in rules["model"] if rule not in asked]


def evaluated(row: Row, alone: list[str]) -> float:
    """Return which share of the rules that need only the model had all they asked for."""
    return 1 - sum(rule in row["silenced"] for rule in alone) / len(alone)


def summary(rows: list[Row], alone: list[str], listed: int) -> dict[str, Any]:
    """Return the figures of one set."""
    seen = [r for r in rows if "findings" in r]
    traced = [r for r in seen if r["status"] == "traced"]
    advice = [sum(f["level"] == "advice" for f in r["findings"]) for r in seen]
    shares = [evaluated(r, alone) for r in traced]
    return {
        "listed": listed,
        "inspected": len(seen),
        "traced": len(traced),
        "with warnings or errors": sum(bool(loud(r)) for r in seen),
        "advice": {"median": statistics.median(advice or [0]), "most": max(advice, default=0)},
        "with more than three": sum(n > SHOWN for n in advice),
        "evaluated": {"median": statistics.median(shares or [0]), "least": min(shares, default=0)},
        "with too many unknowns": sorted(r["name"] for r in traced if evaluated(r, alone) < EVALUATED),
        "variants": dict(collections.Counter(r["variant"] for r in seen)),
        "not inspected": {r["name"]: r.get("reason", r["status"])[:160] for r in rows if "findings" not in r},
        "not traced whole": sorted(r["name"] for r in seen if r["status"] != "traced"),
        "crashed": {r["name"]: r["reason"] for r in rows if r["status"] == "crash"},
        "broken rules": sorted({text for r in seen for text in r.get("broken", ())}),
        "states": len({r["state"] for r in rows}),
    }


def silenced(rows: list[Row], alone: list[str]) -> dict[str, dict[str, int]]:
    """Return for each rule that needs only the model what it asked for in vain, and on how many traced models."""
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for row in rows:
        for rule in alone if row["status"] == "traced" else ():
            found[rule].update(row["silenced"].get(rule, ()))
    return {rule: dict(needs.most_common()) for rule, needs in sorted(found.items()) if needs}


def findings(rows: list[Row], defences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every warning and error, each with its defence where it has one."""
    return [
        {"set": row["set"], "model": row["name"], **{k: one[k] for k in ("rule", "level", "message", "why", "module")},
         "defence": next((d["why"] for d in defences if d["rule"] == one["rule"] and row["name"] in d["models"]), "")}
        for row in rows
        for one in loud(row)
    ]  # fmt: skip


def idle(found: list[dict[str, Any]], defences: list[dict[str, Any]], names: set[str]) -> list[str]:
    """Return the defences that nothing needs, of those whose model was asked about."""
    used = {(one["rule"], one["model"]) for one in found}
    return [
        f"{d['rule']}: {name}"
        for d in defences
        for name in d["models"]
        if name in names and (d["rule"], name) not in used
    ]


def again(row: Row, alone: list[str]) -> bool:
    """Return whether a row is worth asking for again after something was mended."""
    if row.get("status") != "traced" or loud(row):
        return True
    return "silenced" in row and evaluated(row, alone) < EVALUATED


def chosen_of(which: str, families: list[str], before: dict[tuple[str, str], Row], alone: list[str],
              given: argparse.Namespace) -> list[tuple[str, str]]:  # fmt: skip
    """Return what of a set is to be asked about."""
    return [
        (which, family)
        for family in families
        if (not given.name or family in given.name)
        and (given.every or given.name or (which, family) not in before
             or (given.again and again(before[which, family], alone)))
    ]  # fmt: skip


def kept(path: Path) -> dict[tuple[str, str], Row]:
    """Return the rows so far by set and family."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {(row["set"], row["family"]): row for row in map(json.loads, lines)}


def main() -> int:
    given = _options()
    key, folder = frozen()
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / "rows.jsonl"
    process = Process(folder, ROOT / "bench" / "silence_worker.py")
    rules = process.ask("rules")
    if isinstance(rules, str):
        sys.exit(f"nnlint cannot be asked: {rules}")
    before = kept(path)
    alone = model_alone(rules, list(before.values()))
    listed: dict[str, list[str]] = {}
    for which in [w for w in given.sets if w in ZOO]:
        listed[which] = process.ask(f"{which}\t")
        if isinstance(listed[which], str):
            sys.exit(f"{which}: its models cannot be listed: {listed[which]}")
    for which, families in listed.items():
        chosen = [] if given.report else chosen_of(which, families, before, alone, given)
        random.Random(0).shuffle(chosen)  # a run that is cut short has drawn a sample
        run(chosen, key, process, path)
    process.close()
    if "programs" in given.sets:
        listed["programs"] = [p.name for p in programs()]
        chosen_programs = {name for _, name in chosen_of("programs", listed["programs"], before, alone, given)}
        for row in program_rows(folder, set() if given.report else chosen_programs):
            append(path, row | {"state": key})
    return written(kept(path), listed, rules, complete=set(given.sets) == {*ZOO, "programs"})


def written(
    rows: dict[tuple[str, str], Row], listed: dict[str, list[str]], rules: dict[str, list[str]], complete: bool
) -> int:
    """Write the summary and print what came out; 1 where a target is missed."""
    alone = model_alone(rules, list(rows.values()))
    defences = json.loads(DEFENDED.read_text("utf-8"))
    own = {w: [rows[w, f] for f in sorted(families) if (w, f) in rows] for w, families in listed.items()}
    every = [row for group in own.values() for row in group]
    found = findings(every, defences)
    result = {
        "versions": versions(),
        "rules": {"all": len(rules["all"]), "model alone": alone},
        "sets": {w: summary(group, alone, len(listed[w])) for w, group in own.items()},
        "findings": found,
        "silenced": silenced([row for w, group in own.items() if w != "programs" for row in group], alone),
        "idle defences": idle(found, defences, {row["name"] for row in every}),
    }
    if complete:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return judge(result)


def judge(result: dict[str, Any]) -> int:
    """Print the figures and what misses a target; return 1 where one is missed."""
    missed = [f"{one['model']}: {one['rule']} is not defended" for one in result["findings"] if not one["defence"]]
    missed += [f"the defence of {text} is not needed" for text in result["idle defences"]]
    for which, one in result["sets"].items():
        seen = max(1, one["inspected"])
        share = one["with warnings or errors"] / seen
        print(f"{which}: {one['inspected']} of {one['listed']} inspected, {one['traced']} traced whole;"
              f" {one['with warnings or errors']} with warnings or errors ({share:.1%}); advice a model: median"
              f" {one['advice']['median']:g}, most {one['advice']['most']}; rules evaluated: median"
              f" {one['evaluated']['median']:.1%}, least {one['evaluated']['least']:.1%}")  # fmt: skip
        if which != "programs":
            missed += [f"{which}: {share:.1%} of the models are warned about"] if share >= LOUD_SHARE else []
            missed += [f"{name}: too few rules could be evaluated" for name in one["with too many unknowns"]]
            missed += [f"{which}: {one['with more than three']} have too much advice"] * bool(
                one["with more than three"]
            )
        missed += [f"{which}: {text}" for text in one["broken rules"]]
        missed += [f"{which}: {name}: {why}" for name, why in one["crashed"].items()]
    print("\n".join(missed) if missed else "every target is met")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sets", nargs="*", default=[*ZOO, "programs"])
    parser.add_argument("--again", action="store_true", help="ask again where something was said or unknown")
    parser.add_argument("--every", action="store_true", help="ask about everything again")
    parser.add_argument("--report", action="store_true", help="ask nothing: sum up the rows that are there")
    parser.add_argument("--name", action="append", default=[], help="only this family or program")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

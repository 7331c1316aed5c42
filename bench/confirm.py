"""What `confirm` says of real bugs against their repair, and of programs against themselves.

    python bench/confirm.py bugs            every bench/bugs/*/train.py against its fixed.py, and nnlint's own fixes
    python bench/confirm.py bugs --verify   judge what stands in bench/results/confirm.json, train nothing
    python bench/confirm.py self            every script against itself: the same seeds, so nothing may differ
    python bench/confirm.py apart           the same with seeds of its own for each side: 5 % may be called a difference

`bugs` writes one row a case into `bench/results/confirm.json` and goes on where it was; a case is asked again where
one of its scripts has changed, or with `--again`. Exits 1 where a repair is said to hurt, where `confirm` does not say
"helps" of one that `measured.json` shows, or where nnlint's own fixes repair fewer than 80 % of the cases whose
first labelled rule has a fix; for `self` where a program differs from itself.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from repairs import counts, repair

from nnlint.trainer import FOLDER, Confirmation, Options, Verdict, confirm_against, confirm_script

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "confirm.json"
BUGS = sorted((ROOT / "bench" / "bugs").glob("*/train.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
GOAL = 0.8


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bugs", "self", "apart"))
    parser.add_argument("only", nargs="*", help="names of cases or examples; all where none is given")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds for each comparison (default 300)")
    parser.add_argument("--workers", type=int, default=2, help="programs at a time (default 2)")
    parser.add_argument("--part", choices=("repair", "verdict"), help="only this half of `bugs`")
    parser.add_argument("--again", action="store_true", help="ask again what is there")
    parser.add_argument("--result", type=Path, default=RESULT, help="where the rows of `bugs` stand")
    parser.add_argument("--verify", action="store_true", help="judge what is there, train nothing")
    chosen = parser.parse_args()
    return bugs(chosen) if chosen.what == "bugs" else themselves(chosen)


def bugs(chosen: argparse.Namespace) -> int:
    """Ask what is missing, case by case; return 1 where something is not as it should be."""
    paths = [p for p in BUGS if p.with_name("fixed.py").exists() and (not chosen.only or p.parent.name in chosen.only)]
    rows: dict[str, Any] = json.loads(chosen.result.read_text("utf-8")) if chosen.result.exists() else {}
    parts = [chosen.part] if chosen.part else ["repair", "verdict"]
    todo = [(part, path) for part in parts for path in paths if chosen.again or _open(rows, path, part)]
    started = time.monotonic()
    for done, (part, path) in enumerate([] if chosen.verify else todo):
        name, texts = path.parent.name, _digest(path)
        if rows.get(name, {}).get("texts") != texts:
            rows[name] = {"texts": texts}
        if part == "repair":
            rows[name]["repair"] = repair(path.parent, chosen.workers)
        else:
            rows[name]["verdict"] = verdict_on(path, chosen.budget, chosen.workers)
        chosen.result.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", "utf-8")
        each = (time.monotonic() - started) / (done + 1)
        left = each * (len(todo) - done - 1)
        print(f"{done + 1:3}/{len(todo)}  {name:28} {told(part, rows[name])}   ({left / 60:.0f} min left)", flush=True)
    return judge({path.parent.name: rows[path.parent.name] for path in paths if path.parent.name in rows})


def verdict_on(path: Path, budget: float, workers: int) -> dict[str, Any]:
    """Return what `confirm --against fixed.py` says."""
    options = Options(python=Path(sys.executable), budget=budget, workers=workers, store=ROOT / FOLDER)
    result = confirm_against(path, path.with_name("fixed.py"), options)
    [verdict] = result.verdicts
    best = verdict.best_rate
    row: dict[str, Any] = {
        "word": verdict.word,
        "reason": verdict.reason,
        "best": best.word if best else None,
        "data": result.data,
    }
    row |= {"data": result.data}
    row |= {"best_reason": best.reason if best else "", "cut": result.cut, "seconds": round(result.seconds)}
    row |= {"epochs": round(result.epochs, 3), "planned": round(result.planned_epochs, 3), "notes": list(result.notes)}
    if verdict.metric is not None:
        row |= {"metric": verdict.metric.name, "yours": figures(verdict), "tuned": best and figures(best)}
    return row


def figures(verdict: Verdict) -> dict[str, Any]:
    """Return what one verdict rests on."""
    rounded: dict[str, Any] = {name: _rounded(getattr(verdict, name)) for name in ("before", "after", "effect")}
    interval = None if verdict.interval is None else [_rounded(edge) for edge in verdict.interval]
    failed = [verdict.failures.before, verdict.failures.after]
    return {**rounded, "interval": interval, "seeds": verdict.seeds, "failed": failed, "factors": verdict.factors}


def judge(rows: Mapping[str, Any]) -> int:
    """Print what the rows come to; return 1 where that is not enough."""
    verdicts = {name: row["verdict"] for name, row in rows.items() if "verdict" in row}
    hurt = [name for name, v in verdicts.items() if "hurts" in (v["word"], v["best"])]
    helped = [name for name, v in verdicts.items() if "helps" in (v["word"], v["best"])]
    rest = [f"{n} ({v['word']}: {v['reason']})" for n, v in verdicts.items() if n not in helped and n not in hurt]
    print(
        f"\nconfirm: {len(helped)} of {len(verdicts)} repairs help, {len(hurt)} hurt"
        + "".join(f"\n  {r}" for r in rest)
    )
    fixable = {n: r["repair"]["ways"] for n, r in rows.items() if counts(r.get("repair", {}))}
    share = 1.0
    for way in ("first", "shown", "all"):
        whole = [name for name, ways in fixable.items() if ways[way].get("repaired")]
        share = len(whole) / len(fixable) if fixable else 1.0
        print(f"repaired by {way}: {len(whole)} of {len(fixable)} ({share:.0%})")
    return 1 if hurt or rest or share < GOAL else 0


def told(part: str, row: Mapping[str, Any]) -> str:
    """Return one line on what was just asked."""
    if part == "verdict":
        one = row["verdict"]
        return f"{one['word']} / {one['best']}   {one['seconds']} s   {one['reason']} {one['best_reason']}"
    one = row["repair"]
    if not one["fixable"]:
        return f"no fix ({', '.join(one['found']) or 'nothing found'})"
    return "   ".join(f"{way}: {_of_way(there)}" for way, there in one["ways"].items())


def _of_way(there: Mapping[str, Any]) -> str:
    if there["values"] is None:
        return str(there["reason"])
    return f"{'repaired' if there['repaired'] else 'NOT'} ({there['left']:+.0%} of the way left)"


def themselves(chosen: argparse.Namespace) -> int:
    """Compare programs with themselves."""
    options = Options(python=Path(sys.executable), budget=chosen.budget, apart=chosen.what == "apart")
    wrong = 0
    for path in [*EXAMPLES, *BUGS]:
        name = path.parent.name if path in BUGS else path.stem
        if chosen.only and name not in chosen.only:
            continue
        result = confirm_script(path, {"itself": {}}, options)
        wrong += result.verdicts[0].word in ("helps", "hurts") and chosen.what == "self"
        print(line(name, result), flush=True)
    return 1 if wrong else 0


def line(name: str, result: Confirmation) -> str:
    """Return what is printed of a program against itself."""
    [verdict] = result.verdicts
    if verdict.metric is None:
        return f"{name:28} {verdict.word:14} {verdict.reason}"
    low, high = verdict.interval or (float("nan"), float("nan"))
    before, after = (float("nan") if value is None else value for value in (verdict.before, verdict.after))
    return (
        f"{name:28} {verdict.word:14} {verdict.metric.name:8} {before:7.3f} -> {after:7.3f}   [{low:+.3f}, {high:+.3f}]"
        f"   {verdict.seeds:2} seeds   {verdict.failures.before}/{verdict.failures.after} failed"
        f"   {result.epochs:.4g} of {result.planned_epochs:.4g} epochs   {result.seconds:4.0f} s   {verdict.reason}"
    )


def _open(rows: Mapping[str, Any], path: Path, part: str) -> bool:
    row = rows.get(path.parent.name, {})
    return part not in row or row.get("texts") != _digest(path)


def _digest(path: Path) -> str:
    both = path.read_bytes() + path.with_name("fixed.py").read_bytes()
    return hashlib.sha256(both).hexdigest()[:16]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


if __name__ == "__main__":
    sys.exit(main())

"""How many defects nnlint finds that were put into sound programs, at which line, and what else it then says.

    python bench/mutate.py                          every program, every defect, every spelling
    python bench/mutate.py --only missing-zero-grad --jobs 2

A sound program must pass without a warning first. A defect counts as found where its rule speaks, at a line where the
defect may rightly be reported; `elsewhere` counts the right rule at another line, `beside` warnings of other rules that
the sound program did not have.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mutations.checker import after_fix, findings, prepare
from mutations.defects import DEFECTS
from mutations.program import Mutant, Program

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "mutations" / "programs"
RESULTS = HERE / "results" / "mutations.json"


@dataclass(frozen=True)
class Outcome:
    """What nnlint said of one mutant; `undone` is what became of the defect by the first fix."""

    program: str
    rule: str
    spelling: str
    outcome: str
    beside: tuple[str, ...] = ()
    said: str = ""
    undone: str = ""


def mutants(program: Program, only: set[str]) -> Iterator[Mutant]:
    """Yield every defect that the program lets in."""
    for name, make in DEFECTS.items():
        if not only or name in only:
            yield from make(program)


def judge(program: str, original: str, mutant: Mutant, sound: set[str]) -> Outcome:
    """Say what became of a mutant; `sound` are the rules that speak of the program as it was."""
    try:
        compile(mutant.text, program, "exec")
    except SyntaxError:
        return Outcome(program, mutant.rule, mutant.spelling, "not a program")
    found, errors = findings(program, mutant.text)
    own = [one for one in found if mutant.rule in (one.rule, *one.also_explains)]
    places = {place.line for one in own for place in (one, *one.related) if place.line is not None}
    beside = tuple(sorted({one.rule for one in found if one.level != "advice"} - sound - {mutant.rule}))
    outcome = "found" if places & set(mutant.lines) else "elsewhere" if own else "missed"
    said = "" if outcome == "found" else f"lines {sorted(mutant.lines)[:6]}, found {sorted(places)} {errors}"[:200]
    undone = ""
    if mutant.inverse and outcome == "found":
        undone = after_fix(original, mutant.text, next(one for one in own if places))
    return Outcome(program, mutant.rule, mutant.spelling, outcome, beside, said, undone)


def look_at(path: Path) -> tuple[str, set[str], list[str]]:
    """Return a sound program's name, the rules that speak of it, and what is wrongly said."""
    found, errors = findings(path.name, path.read_text("utf-8"))
    loud = [one for one in found if one.level != "advice"]
    said = [f"{one.rule}:{one.line}" for one in loud] + ([errors] if errors else [])
    return path.name, {one.rule for one in loud}, said


def main() -> int:
    """Do what the command line asks for; 0 where every sound program passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", help="stems of programs; all where none is given")
    parser.add_argument("--only", action="append", default=[], help="this rule's defect; may be given several times")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time (default 2)")
    parser.add_argument("--sound", action="store_true", help="look at the sound programs alone")
    parser.add_argument("--list", action="store_true", help="list the mutants, check none")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(HERE.parent)}")
    chosen = parser.parse_args()
    paths = [p for p in sorted(PROGRAMS.glob("*.py")) if not chosen.programs or p.stem in chosen.programs]
    programs = {path.name: Program(path.name, path.read_text("utf-8")) for path in paths}
    work = [(name, one) for name, program in programs.items() for one in mutants(program, set(chosen.only))]
    if chosen.list:
        print("\n".join(f"{name:28} {one.rule:34} {one.spelling}" for name, one in work))
        return 0
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(chosen.jobs, initializer=prepare) as pool:
        sound, loud = {}, {}
        for name, rules, said in pool.map(look_at, paths):
            sound[name] = rules
            if said:
                loud[name] = said
                print(f"sound program {name}: {said}", flush=True)
        jobs = [] if chosen.sound else work
        waiting = [pool.submit(judge, name, programs[name].text, one, sound[name]) for name, one in jobs]
        for done in as_completed(waiting):
            outcomes.append(done.result())
            _tell(outcomes[-1])
    outcomes.sort(key=lambda one: (one.program, one.rule, one.spelling))
    print(table(outcomes))
    if chosen.write:
        kept = {
            "programs": len(programs), "long": sum(len(p.text.splitlines()) > 150 for p in programs.values()),
            "loud": loud, "outcomes": [asdict(one) for one in outcomes],
        }  # fmt: skip
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 1 if loud else 0


def _tell(one: Outcome) -> None:
    if one.outcome != "found" or one.beside or one.undone not in ("", "undone"):
        what = f"{one.rule} [{one.spelling}] in {one.program} {one.said} {one.beside or ''} {one.undone}"
        print(f"{one.outcome:10} {what}", flush=True)


def table(outcomes: list[Outcome]) -> str:
    """Return the counts by rule."""
    by_rule: dict[str, Counter[str]] = defaultdict(Counter)
    for one in outcomes:
        by_rule[one.rule][one.outcome] += 1
        by_rule[one.rule]["beside"] += bool(one.beside)
        by_rule[one.rule]["undone"] += one.undone == "undone"
        by_rule[one.rule]["not undone"] += one.undone not in ("", "undone")
    rows = [f"{'rule':34} mutants  found  elsewhere  missed  beside  undone"]
    total: Counter[str] = Counter()
    for rule, counts in sorted(by_rule.items()):
        total.update(counts)
        rows.append(_row(rule, counts))
    rows.append(_row("all", total))
    return "\n".join(rows)


def _row(name: str, counts: Counter[str]) -> str:
    whole = counts["found"] + counts["elsewhere"] + counts["missed"]
    tried = counts["undone"] + counts["not undone"]
    undone = f"{counts['undone']:3} of {tried}" if tried else ""
    row = f"{name:34} {whole:7}  {counts['found']:5}  {counts['elsewhere']:9}  {counts['missed']:6}"
    return f"{row}  {counts['beside']:6}  {undone}"


if __name__ == "__main__":
    sys.exit(main())

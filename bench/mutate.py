"""How many defects nnlint finds that were put into sound programs, at which line, and what else it then says.

    python bench/mutate.py                          everything that has no row yet
    python bench/mutate.py --only missing-zero-grad wine_sequential
    python bench/mutate.py --sample 200             as many, drawn with a fixed seed
    python bench/mutate.py --jobs 2 --write         all, two at a time; then also write bench/results/mutations.json

A sound program must pass without a warning. A defect counts as found where its rule speaks (or another that explains
it), at a line where it may rightly be reported; `elsewhere` is the right rule at another line, `beside` are warnings of
other rules that the sound program did not have. Rows are kept in build/mutations/ under a key of nnlint's sources, the
rules and this study, so that a run which was cut off goes on where it was.
"""

import argparse
import functools
import hashlib
import json
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mutations.checker import SETTINGS, Said, after_fix, checked, prepare
from mutations.defects import DEFECTS, NOT_INJECTED
from mutations.program import Mutant, Program

from nnlint.catalogue import chosen_rules

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "bench" / "mutations" / "programs"
RESULTS = ROOT / "bench" / "results" / "mutations.json"
KEPT = ROOT / "build" / "mutations"
PORTION = 6
"""Mutants of one program that a process judges in a row."""
LONG = 150
"""Lines from which a program counts as long."""


@dataclass(frozen=True)
class Row:
    """What nnlint said of one mutant; `undone` is what became of the defect by the first fix.

    `key` is that of the mutant's text. A row with the spelling "" is the sound program itself.
    """

    key: str
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


def key_of(text: str) -> str:
    """Return a short key of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state() -> str:
    """Return the key of all that an answer depends on besides the program: nnlint, its rules, and how it is asked."""
    digest = hashlib.sha256()
    paths = [*(ROOT / "nnlint").rglob("*.py"), ROOT / "bench" / "mutations" / "checker.py"]
    paths += [p for p in (ROOT / "rules").rglob("*.py") if p.name.count(".") == 1]
    for path in sorted([*paths, ROOT / "bench" / "mutations" / "comparison.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def work(path: Path, chosen: list[Mutant]) -> Iterator[Row]:
    """Yield a row for the sound program and for each of its mutants."""
    text = path.read_text("utf-8")
    sound = _sound(path.name, text)
    loud = [f"{one.rule}:{one.line}" for one in sound.findings if one.level != "advice"]
    said = "; ".join([*loud, *([sound.errors] if sound.errors else [])])
    yield Row(key_of(text), path.name, "", "", "loud" if said else "silent", said=said)
    for mutant in chosen:
        yield judge(path.name, text, sound, mutant)


@functools.cache
def _sound(name: str, text: str) -> Said:
    return checked(name, text)


def judge(name: str, original: str, sound: Said, mutant: Mutant) -> Row:
    """Say what became of a mutant."""

    def row(outcome: str, beside: tuple[str, ...] = (), said: str = "", undone: str = "") -> Row:
        return Row(key_of(mutant.text), name, mutant.rule, mutant.spelling, outcome, beside, said, undone)

    try:
        compile(mutant.text, name, "exec")
    except SyntaxError as error:
        return row("no program", said=str(error))
    if any(mutant.rule in (one.rule, *one.also_explains) for one in sound.findings):
        return row("said before")
    found = checked(name, mutant.text)
    own = [one for one in found.findings if mutant.rule in (one.rule, *one.also_explains)]
    places = {place.line for one in own for place in (one, *one.related) if place.line is not None}
    outcome = "found" if places & set(mutant.lines) else "elsewhere" if own else "missed"
    causes = {one.rule for one in own}
    beside = tuple(sorted(found.loud - sound.loud - causes - {mutant.rule}))
    said = "" if outcome == "found" else f"lines {sorted(mutant.lines)[:6]}, found {sorted(places)} {found.errors}"
    undone = ""
    if mutant.inverse and outcome == "found":
        first = next((one for one in own if one.rule == mutant.rule), own[0])
        undone = after_fix(sound, original, name, mutant.text, first)
    return row(outcome, beside, said[:220], undone)


def _several(path: Path, chosen: list[Mutant], file: Path) -> list[Row]:
    """Append the rows of a program and some of its mutants to a file as they come, and return them."""
    done = []
    for row in work(path, chosen):
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(row)) + "\n")
        done.append(row)
    return done


def drawn(made: dict[str, list[Mutant]], count: int, seed: int) -> dict[str, list[Mutant]]:
    """Return as many mutants of all, each as likely as another; all where `count` is 0."""
    flat = [(name, one) for name, all_ in made.items() for one in all_]
    if 0 < count < len(flat):
        flat = random.Random(seed).sample(flat, count)
    return {name: [one for of, one in flat if of == name] for name in made}


def _portions(todo: dict[Path, list[Mutant]], seed: int) -> list[tuple[Path, list[Mutant]]]:
    """Return a few mutants of one program at a time, in an order that is no program's and no rule's.

    What is cut off then is a sample of all; a portion looks at its sound program once a process.
    """
    dice = random.Random(seed)
    found: list[tuple[Path, list[Mutant]]] = []
    for path, these in todo.items():
        mixed = dice.sample(these, len(these))
        found += [(path, mixed[at : at + PORTION]) for at in range(0, len(mixed) or 1, PORTION)]
    return dice.sample(found, len(found))


def _judged(todo: dict[Path, list[Mutant]], file: Path, jobs: int, seed: int) -> None:
    """Judge what is left, and print what is not as it should be with the time that the rest will take."""
    left = sum(map(len, todo.values()))
    begin, done, heard = time.monotonic(), 0, time.monotonic()
    with ProcessPoolExecutor(jobs, initializer=prepare) as pool:
        waiting = [pool.submit(_several, path, these, file) for path, these in _portions(todo, seed)]
        for portion in as_completed(waiting):
            rows = portion.result()
            for row in rows:
                _tell(row)
            done += sum(row.spelling != "" for row in rows)
            now = time.monotonic()
            if done and now - heard > 15:
                heard = now
                print(f"-- {done} of {left}, {(now - begin) / done * (left - done) / 60:.0f} min left", flush=True)


def kept(file: Path) -> dict[tuple[str, str, str], Row]:
    """Return the rows of a run so far by program, rule and key."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    made = (Row(**{**row, "beside": tuple(row["beside"])}) for row in rows)
    return {(row.program, row.rule, row.key): row for row in made}


def main() -> int:
    """Do what the command line asks for; 0 where every sound program passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", help="stems of programs; all where none is given")
    parser.add_argument("--only", action="append", default=[], help="this rule's defect; may be given several times")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--sample", type=int, default=0, help="judge this many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample and of the order (default 0)")
    parser.add_argument("--sound", action="store_true", help="look at the sound programs alone")
    parser.add_argument("--list", action="store_true", help="list the mutants, check none")
    parser.add_argument("--kept", action="store_true", help="judge nothing more, count the rows that are there")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    chosen = parser.parse_args()
    paths = [p for p in sorted(PROGRAMS.glob("*.py")) if not chosen.programs or p.stem in chosen.programs]
    programs = {path.name: Program(path.name, path.read_text("utf-8")) for path in paths}
    made = {name: [] if chosen.sound else [*mutants(one, set(chosen.only))] for name, one in programs.items()}
    made = drawn(made, chosen.sample, chosen.seed)
    if chosen.list:
        print("\n".join(f"{name:28} {one.rule:34} {one.spelling}" for name, all_ in made.items() for one in all_))
        return 0
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"{state()}.jsonl"
    known = kept(file)
    todo = {
        path: [one for one in made[path.name] if (path.name, one.rule, key_of(one.text)) not in known] for path in paths
    }
    todo = {p: m for p, m in todo.items() if m or (p.name, "", key_of(programs[p.name].text)) not in known}
    todo = {} if chosen.kept else todo
    _judged(todo, file, chosen.jobs, chosen.seed)
    known = kept(file)
    wanted = [(name, one.rule, key_of(one.text)) for name, all_ in made.items() for one in all_]
    rows = [known[one] for one in wanted if one in known]
    asked = [(name, "", key_of(one.text)) for name, one in programs.items()]
    sound = [known[one] for one in asked if one in known]
    print(table(rows))
    if chosen.write:
        RESULTS.write_text(
            json.dumps(_results(programs, sound, rows, [rule for _, rule, _ in wanted]), indent=1) + "\n",
            encoding="utf-8",
        )
    return 1 if any(one.outcome == "loud" for one in sound) else 0


def _results(programs: dict[str, Program], sound: list[Row], rows: list[Row], made: list[str]) -> dict[str, object]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {
        "commit": commit.stdout.strip(),
        "programs": {name: len(one.text.splitlines()) for name, one in programs.items()},
        "loud": {one.program: one.said for one in sound if one.outcome == "loud"},
        "rules": {one.name: one.level for one in chosen_rules(SETTINGS)},
        "not injected": NOT_INJECTED,
        "made": dict(Counter(made)),
        "rows": [asdict(one) for one in rows],
    }


def _tell(one: Row) -> None:
    if one.outcome not in ("found", "said before", "silent") or one.beside or one.undone not in ("", "undone"):
        what = f"{one.rule} [{one.spelling}] in {one.program} {one.said} {one.beside or ''} {one.undone}"
        print(f"{one.outcome:10} {what}", flush=True)


def table(rows: list[Row]) -> str:
    """Return the counts by rule."""
    by_rule: dict[str, Counter[str]] = defaultdict(Counter)
    for one in rows:
        by_rule[one.rule][one.outcome] += 1
        by_rule[one.rule]["beside"] += bool(one.beside)
        by_rule[one.rule]["undone"] += one.undone == "undone"
        by_rule[one.rule]["not undone"] += one.undone not in ("", "undone")
    lines = [f"{'rule':34} mutants  found  elsewhere  missed  beside  undone"]
    total: Counter[str] = Counter()
    for rule, counts in sorted(by_rule.items()):
        total.update(counts)
        lines.append(_line(rule, counts))
    return "\n".join([*lines, _line("all", total)])


def _line(name: str, counts: Counter[str]) -> str:
    whole = counts["found"] + counts["elsewhere"] + counts["missed"]
    tried = counts["undone"] + counts["not undone"]
    undone = f"{counts['undone']:3} of {tried}" if tried else ""
    row = f"{name:34} {whole:7}  {counts['found']:5}  {counts['elsewhere']:9}  {counts['missed']:6}"
    return f"{row}  {counts['beside']:6}  {undone}"


if __name__ == "__main__":
    sys.exit(main())

"""The recipe as the source tells it against the recipe as a run shows it, fact by fact.

    python bench/differential.py [PATH...]    print a table (make bench-differential)
    python bench/differential.py --save       and keep it in bench/results/differential.json

Each script is read twice: once from its source alone, once by running it (three steps; --whole: to the end as well),
without completing the one by the other. Every fact is then the same in both, unknown to the source, unknown to the run,
or different. Exit status 1 where one differs, or where the source does not know more than one in ten of the main facts.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nnlint.facts import Facts, Recipe, Unknown
from nnlint.inspection import Options
from nnlint.inspection import _job as job_of  # the run alone: `inspect_file` would complete it from the source
from nnlint.inspection.interpreter import choose
from nnlint.inspection.launch import WorkerFailed, launch
from nnlint.inspection.pairing import UNHEARD
from nnlint.source import Outline
from nnlint.source.discover import outline
from nnlint.source.text import read_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "differential.json"
MAIN = ("loss", "optimizer", "rate", "batch size", "epochs", "order of calls")
LIMIT = 0.1
"""The share of main facts that the source may leave unknown."""
WHOLE = 15.0
"""Seconds of a run to the end, which tells the epochs."""
Read = Callable[[Recipe], Any]

FACTS: dict[str, Read] = {
    "loss": lambda r: sorted(loss.kind for loss in r.losses),
    "reduction": lambda r: sorted(loss.reduction for loss in r.losses),
    "optimizer": lambda r: sorted(one.kind for one in r.optimizers),
    "rate": lambda r: sorted(one.lr for one in r.optimizers),
    "momentum": lambda r: sorted(one.momentum for one in r.optimizers),
    "weight decay": lambda r: sorted(one.weight_decay for one in r.optimizers),
    "batch size": lambda r: r.batch_size,
    "shuffling": lambda r: r.shuffles,
    "epochs": lambda r: r.epochs,
    "updates": lambda r: r.updates,
    "order of calls": lambda r: [c.kind for c in r.loop.calls if c.kind not in UNHEARD],
    "gradients cleared": lambda r: r.loop.clears_gradients,
    "clipping": lambda r: r.loop.clips,
    "accumulation": lambda r: r.loop.accumulates,
    "schedulers": lambda r: sorted(one.kind for one in r.schedulers),
    "scheduler stepped": lambda r: sorted(one.stepped for one in r.schedulers),
    "loaders": lambda r: sorted((one.batch_size, one.shuffle) for one in r.loaders),
}


def scripts(paths: list[Path]) -> Iterator[Path]:
    """Yield the examples and both versions of every real bug."""
    for path in paths or [ROOT / "examples", ROOT / "bench" / "bugs"]:
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def known(read: Read, recipe: Recipe) -> Any:
    """Return a fact, None where it is unknown."""
    try:
        return read(recipe)
    except Unknown:
        return None


def observed(found: Outline, path: Path) -> list[Recipe]:
    """Return the recipe of each model that the script trains, as the run alone shows it."""
    options = Options(run=True)
    job = {**job_of(found, options, path.absolute()), "epochs": None}
    try:
        answer = launch(choose(None, path.parent), job, timeout=options.timeout)
    except WorkerFailed as error:
        print(f"not run: {path}: {error.message}")
        return []
    facts = [Facts.model_validate(subject) for subject in answer.get("subjects", ())]
    return [one.recipe for one in facts if one.recipe is not None]


def epochs_run(found: Outline, path: Path) -> list[int]:
    """Return the epochs that a script makes when nobody stops it; empty where it takes too long or cannot be known.

    They are its steps by its batches, where that is a whole number.
    """
    options = Options(run=True)
    job = {**job_of(found, options, path.absolute()), "epochs": None, "steps": 10**6, "timeout": WHOLE}
    try:
        answer = launch(choose(None, path.parent), job, timeout=2 * WHOLE)
    except WorkerFailed:
        return []
    if answer.get("ended") != "finished" or len(answer["subjects"]) != 1:
        return []
    facts = Facts.model_validate(answer["subjects"][0])
    try:
        if facts.recipe is None or facts.data is None:
            return []
        steps, batches = facts.recipe.loop.steps_seen, -(-facts.data.samples // facts.recipe.batch_size)
    except (Unknown, TypeError):
        return []
    return [steps // batches] if steps % batches == 0 else []


def compare(path: Path, whole: bool = False) -> list[dict[str, Any]]:
    """Return one row for each fact of a script: the same, unknown to source or run, or different."""
    found = outline(path, read_text(path))
    recipes = observed(found, path)
    rows = []
    for fact, read in FACTS.items():
        source = known(read, found.recipe)
        runs = [value for value in (known(read, recipe) for recipe in recipes) if value is not None]
        if fact == "epochs" and recipes and whole:
            runs = epochs_run(found, path)
        if not recipes or (source is None and not runs and fact not in MAIN):
            continue
        if source is None:
            verdict = "unknown to the source"
        elif not runs:
            verdict = "unknown to the run"
        else:
            verdict = "same" if any(_same(source, run) for run in runs) else "different"
        rows.append(
            {
                "script": path.name,
                "case": path.parent.name,
                "fact": fact,
                "verdict": verdict,
                "source": source,
                "run": runs,
            }
        )
    return rows


def _same(source: Any, run: Any) -> bool:
    """Whether two values are the same; of several models' losses and optimizers a run may show a part."""
    if isinstance(source, list) and isinstance(run, list) and all(not isinstance(x, str) for x in source + run):
        return all(any(abs(a - b) < 1e-9 if isinstance(a, float) else a == b for a in source) for b in run)
    return bool(source == run) or (isinstance(source, list) and set(run) == set(source))


def main() -> int:
    """Print the table; see the module's text for the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--whole", action="store_true", help="run each script to its end as well, for the epochs")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for path in scripts(given.paths):
        rows += compare(path, given.whole)
    counts = {fact: Counter(row["verdict"] for row in rows if row["fact"] == fact) for fact in FACTS}
    verdicts = ("same", "unknown to the source", "unknown to the run", "different")
    print(f"{'':20}" + "".join(f"{verdict:>24}" for verdict in verdicts))
    for fact, count in counts.items():
        print(f"{fact:20}" + "".join(f"{count[verdict]:24}" for verdict in verdicts))
    different = [row for row in rows if row["verdict"] == "different"]
    for row in different:
        place = f"{row['case']}/{row['script']}: {row['fact']}"
        print(f"different: {place}: source {row['source']}, run {row['run']}")
    asked = [row for row in rows if row["fact"] in MAIN]
    share = sum(row["verdict"] == "unknown to the source" for row in asked) / max(1, len(asked))
    print(f"main facts unknown to the source: {100 * share:.1f} % of {len(asked)}")
    if given.save:
        RESULTS.parent.mkdir(exist_ok=True)
        table = {fact: {verdict: count[verdict] for verdict in verdicts} for fact, count in counts.items()}
        left = [row for row in rows if row["verdict"] != "same"]
        data = {"facts": table, "unknown_share": round(share, 4), "not_the_same": left}
        RESULTS.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return int(bool(different) or share > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())

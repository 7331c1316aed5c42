"""What `confirm` says of real bugs against their repair, and of programs against themselves.

    python bench/confirm.py bugs            every bench/bugs/*/train.py against its fixed.py
    python bench/confirm.py self            every script against itself: the same seeds, so nothing may differ
    python bench/confirm.py apart           the same with seeds of its own for each side: 5 % may be called a difference

Exits 1 where a repair is said to hurt, or (for `self`) a program to differ from itself.
"""

import argparse
import sys
from pathlib import Path

from nnlint.trainer import Confirmation, Options, confirm_against, confirm_script

ROOT = Path(__file__).resolve().parent.parent
BUGS = sorted((ROOT / "bench" / "bugs").glob("*/train.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def line(name: str, result: Confirmation) -> str:
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bugs", "self", "apart"))
    parser.add_argument("only", nargs="*", help="names of cases or examples; all where none is given")
    parser.add_argument("--budget", type=float, default=300.0, help="seconds for each comparison (default 300)")
    chosen = parser.parse_args()
    options = Options(python=Path(sys.executable), budget=chosen.budget, apart=chosen.what == "apart")
    wrong = 0
    for path in BUGS if chosen.what == "bugs" else [*EXAMPLES, *BUGS]:
        name = path.parent.name if path in BUGS else path.stem
        fixed = path.with_name("fixed.py")
        if (chosen.only and name not in chosen.only) or (chosen.what == "bugs" and not fixed.exists()):
            continue
        if chosen.what == "bugs":
            result = confirm_against(path, fixed, options)
            wrong += result.verdicts[0].word == "hurts"
        else:
            result = confirm_script(path, {"itself": {}}, options)
            wrong += result.verdicts[0].word in ("helps", "hurts") and chosen.what == "self"
        print(line(name, result), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

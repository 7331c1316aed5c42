"""How long nnlint takes to start, as a multiple of an interpreter that does nothing: `make bench-startup`.

Both are timed in turns in one run, best of several, so the ratio says the same on a fast machine and on a busy one.
Exits with 1 above the limits.
"""

from __future__ import annotations

import subprocess
import sys
import time

LIMITS = {
    ("--help",): 6.0,
    ("rules",): 20.0,
    ("rule", "softmax-before-cross-entropy"): 20.0,
}
ROUNDS = 15


def main() -> int:
    """Print the table; 0 where every command starts within its limit."""
    bare = [sys.executable, "-c", "pass"]
    commands = {arguments: [sys.executable, "-m", "nnlint", *arguments] for arguments in LIMITS}
    best = dict.fromkeys([(), *commands], float("inf"))
    for _ in range(ROUNDS):
        for arguments, command in {(): bare, **commands}.items():
            best[arguments] = min(best[arguments], _seconds(command))
    print(f"  {'':34} {'ms':>5}  ratio  limit")
    print(f"  {'python -c pass':34} {1000 * best[()]:5.0f}      1")
    for arguments, limit in LIMITS.items():
        ratio = best[arguments] / best[()]
        note = "" if ratio <= limit else "  too slow"
        print(f"  {'nnlint ' + ' '.join(arguments):34} {1000 * best[arguments]:5.0f}  {ratio:5.1f}  {limit:5.0f}{note}")
    return 0 if all(best[arguments] <= limit * best[()] for arguments, limit in LIMITS.items()) else 1


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())

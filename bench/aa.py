"""A program against itself under the full protocol, with seeds of its own on each side: how often it "differs".

    python bench/aa.py                  200 comparisons, at the same rate and each side at its best; goes on
    python bench/aa.py --count 20

Nothing differs but the seeds, so *helps* and *hurts* may be said in 5 % of the comparisons, and no more: the upper 95 %
bound of their rate is to be at most 6.5 %. Every comparison has seeds that no other one has. Written row by row into
`bench/results/aa.json`.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from nnlint.trainer import Options, confirm_script

RESULTS = Path(__file__).resolve().parent / "results" / "aa.json"
APART = 10_000
"""Seeds from one comparison to the next; within one, tuning and the other side take up to 6,000."""

PROGRAM = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(400, 8)
y = ((x[:, 0] * x[:, 1] + 0.5 * x[:, 2] + 0.5 * torch.randn(400)) > 0).long()
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(5):
    order = torch.randperm(len(x))
    for rows in order.split(32):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""


def main() -> int:
    """Run what is missing and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="comparisons in all (default 200)")
    parser.add_argument("--workers", type=int, default=2, help="runs at a time (default 2)")
    chosen = parser.parse_args()
    rows = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.py")
        path.write_text(PROGRAM, encoding="utf-8")
        for number in range(len(rows), chosen.count):
            options = Options(
                python=Path(sys.executable),
                budget=3600.0,
                workers=chosen.workers,
                apart=True,
                first_seed=number * APART,
            )
            [verdict] = confirm_script(path, {"itself": {}}, options).verdicts
            best = verdict.best_rate
            rows.append({"own": verdict.word, "best": best.word if best else None, "seeds": verdict.seeds})
            RESULTS.write_text(json.dumps(rows, indent=0) + "\n", encoding="utf-8")
    print(said(rows))
    return 0


def said(rows: list[dict[str, str]]) -> str:
    """Return the rates, with the exact upper bound of each."""
    from scipy import stats

    lines = []
    for which in ("own", "best"):
        words = [row[which] for row in rows if row[which]]
        wrong = sum(word in ("helps", "hurts") for word in words)
        bound = stats.beta.ppf(0.95, wrong + 1, len(words) - wrong) if wrong < len(words) else 1.0
        rate = f"{100 * wrong / max(len(words), 1):.1f} %, upper 95 % bound {100 * bound:.1f} %"
        lines.append(f"at its {which} rate: {wrong} of {len(words)} comparisons say helps or hurts: {rate}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

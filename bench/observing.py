"""What it costs to be watched: the processor time of a training step, observed and not, in one process.

    python bench/observing.py            print a table (make bench-observing)
    python bench/observing.py --save     and keep it in bench/results/observing.json

The loops run the same steps in turn without and with the observer; the best time of each is shown. The first observed
step is shown by itself: in it parameters, data and losses are described, once a run. Afterwards the parameters of an
observed and of an unobserved run from the same seed are compared, bit for bit.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from nnlint.worker.devices import OnCpu
from nnlint.worker.observe import Observer

RESULTS = Path(__file__).resolve().parent / "results" / "observing.json"
ROUNDS, STEPS = 6, 5
Step = Callable[[], None]


def dense(width: int, depth: int, batch: int) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A plain net on numbers."""
    layers: list[nn.Module] = [nn.Linear(32, width), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 10)), torch.randn(batch, 32), torch.randint(0, 10, (batch,))


def convolutional(size: int, batch: int) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Blocks of convolution, batch norm and ReLU on images."""
    layers: list[nn.Module] = []
    for inner, outer in ((3, 32), (32, 32), (32, 64), (64, 64), (64, 64)):
        layers += [nn.Conv2d(inner, outer, 3, padding=1), nn.BatchNorm2d(outer), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*layers), torch.randn(batch, 3, size, size), torch.randint(0, 10, (batch,))


class Encoder(nn.Module):
    """A transformer on vectors, mean over time."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
        self.layers, self.head = nn.TransformerEncoder(layer, 4), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, 64) to (N, 10)."""
        return self.head(self.layers(x).mean(1))


PROGRAMS = {
    "dense, 2 layers of 32": lambda: dense(32, 1, 32),
    "dense, 10 layers of 64": lambda: dense(64, 9, 64),
    "dense, 4 layers of 512": lambda: dense(512, 3, 128),
    "convolutions, 16 images of 32 x 32": lambda: convolutional(32, 16),
    "convolutions, 8 images of 64 x 64": lambda: convolutional(64, 8),
    "transformer, 8 sequences of 64": lambda: (Encoder(), torch.randn(8, 64, 64), torch.randint(0, 10, (8,))),
}


def training(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Step:
    """Return one step of a training loop."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def timed(step: Step) -> float:
    """Return the milliseconds of processor time that one step takes, in one thread."""
    begun = time.process_time()
    step()
    return 1000 * (time.process_time() - begun)


def measure(name: str) -> dict[str, float | str | bool]:
    """Return one row of the table. The model is built where its script would build it, under watch or not."""
    plain: list[float] = []
    first: list[float] = []
    later: list[float] = []
    for _ in range(ROUNDS):
        step = built(name)
        step()
        plain += [timed(step) for _ in range(STEPS)]
        cpu = OnCpu()
        with cpu, Observer(10**9, cpu.watch):
            step = built(name)
            first.append(timed(step))
            step()
            later += [timed(step) for _ in range(STEPS)]
    usual, seen, once = min(plain), min(later), min(first)
    run = (once + 2 * seen) / 3
    return {
        "program": name,
        "step_ms": round(usual, 3),
        "observed_ms": round(seen, 3),
        "first_ms": round(once, 3),
        "run_ms": round(run, 3),
        "extra_ms": round(seen - usual, 3),
        "share": round(seen / usual - 1, 4),
        "within": seen - usual <= (0.1 * usual if usual >= 10 else 2.0),
        "equal": same_parameters(name),
    }


def built(name: str) -> Step:
    """Return a step of a new model."""
    torch.manual_seed(0)
    return training(*PROGRAMS[name]())


def same_parameters(name: str) -> bool:
    """Whether an observed and an unobserved run end with the same parameters, bit for bit."""
    torch.manual_seed(0)
    model, x, y = PROGRAMS[name]()
    twin = copy.deepcopy(model)
    state = torch.get_rng_state()
    step = training(model, x, y)
    for _ in range(3):
        step()
    torch.set_rng_state(state)
    cpu = OnCpu()
    with cpu, Observer(10**9, cpu.watch):
        step = training(twin, x, y)
        for _ in range(3):
            step()
    return all(torch.equal(one, other) for one, other in zip(model.parameters(), twin.parameters(), strict=True))


def main() -> int:
    """Print the table; exit status 1 where a limit is passed or a parameter differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(name) for name in PROGRAMS]
    print(f"{'program':36} {'step':>9} {'observed':>9} {'first':>9}   more      limit  parameters")
    for row in rows:
        held, equal = "held" if row["within"] else "PASSED", "equal" if row["equal"] else "DIFFER"
        print(
            f"{row['program']:36} {row['step_ms']:7} ms {row['observed_ms']:6} ms {row['first_ms']:6} ms "
            f"{100 * float(row['share']):6.1f} %   {held:6} {equal}"
        )
    if given.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    return int(not all(row["within"] and row["equal"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())

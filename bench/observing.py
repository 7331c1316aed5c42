"""What it costs to be watched: the processor time of a training step, observed and not, in one process.

    python bench/observing.py            print a table (make bench-observing)
    python bench/observing.py --save     and keep it in bench/results/observing.json

Runs of three steps (as many as `--run` watches) are made in turn without and with the observer, each with a model of
its own; of each of the three steps the best time counts. The limit is kept where a step, the first one included, takes
at most a tenth longer on average, or two milliseconds where it takes less than ten. Afterwards the parameters of an
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
ROUNDS, STEPS = 10, 3
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
    plain: list[list[float]] = []
    seen: list[list[float]] = []
    for _ in range(ROUNDS):
        plain.append(run(name))
        cpu = OnCpu()
        with cpu, Observer(10**9, cpu.watch):
            seen.append(run(name))
    usual, watched = [min(step) for step in zip(*plain, strict=True)], [min(step) for step in zip(*seen, strict=True)]
    step, extra = sum(usual) / STEPS, (sum(watched) - sum(usual)) / STEPS
    return {
        "program": name,
        "step_ms": round(step, 3),
        "first_ms": round(watched[0], 3),
        "observed_ms": round(sum(watched) / STEPS, 3),
        "extra_ms": round(extra, 3),
        "share": round(extra / step, 4),
        "within": extra <= (0.1 * step if step >= 10 else 2.0),
        "equal": same_parameters(name),
    }


def run(name: str) -> list[float]:
    """Return the milliseconds of each step of a new model's first ones."""
    step = built(name)
    return [timed(step) for _ in range(STEPS)]


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
    print(f"{'program':36} {'step':>9} {'observed':>9} {'the first':>9}   more      limit  parameters")
    for row in rows:
        held, equal = "held" if row["within"] else "PASSED", "equal" if row["equal"] else "DIFFER"
        print(
            f"{row['program']:36} {row['step_ms']:7} ms {row['observed_ms']:6} ms {row['first_ms']:6} ms "
            f"{row['extra_ms']:6} ms {100 * float(row['share']):6.1f} %   {held:6} {equal}"
        )
    if given.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    return int(not all(row["within"] and row["equal"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())

"""How well initializations are recognized from the weights alone: `make bench-initializations`.

Draws layers of many sizes from known schemes and asks what made them. An answer is a set of schemes that cannot be
told apart (LeCun and Glorot uniform are one on a square layer); an empty set says "not sure". Exits with 1 where, from
512 weights on, fewer than 98 % of the answers contain the truth, or the median set holds more than two, or where a
smaller layer gets a wrong answer. Results go to bench/results/initializations.json, from which the documentation makes
the table of what was taken for what.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import init

from nnlint.worker.parameters import describe_parameters

RESULT = Path(__file__).resolve().parent / "results" / "initializations.json"
UNKNOWN = "not sure"
"""The true answer for values that come from none of the named schemes."""
LARGE = 512
"""Weights from which an answer is expected."""


def _truncated(weight: torch.Tensor) -> None:
    std = random.choice((0.02, 0.05, 0.1))
    init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def _uniform(weight: torch.Tensor) -> None:
    bound = random.choice((0.01, 0.05, 0.1, 0.5))
    init.uniform_(weight, -bound, bound)


def _mode() -> str:
    return random.choice(("fan_in", "fan_out"))


def _gain() -> float:
    return random.choice((1.0, 1.0, 2**0.5, 5 / 3))


def _scaled(weight: torch.Tensor) -> None:
    """One of torch's own, times a factor by hand: still normal or uniform, no longer the named one."""
    draw = random.choice((init.xavier_uniform_, init.kaiming_uniform_))
    draw(weight)
    weight.mul_(random.choice((0.1, 0.5, 0.6, 3.0)))


def _double(weight: torch.Tensor) -> None:
    """Exponential on both sides."""
    weight.copy_(torch.distributions.Laplace(0.0, 0.05).sample(weight.shape))


def _positive(weight: torch.Tensor) -> None:
    weight.log_normal_(-3, 0.5)


def _sparse(weight: torch.Tensor) -> None:
    weight.normal_(std=0.05).mul_(torch.rand(weight.shape) > 0.7)


def _signs(weight: torch.Tensor) -> None:
    weight.bernoulli_(0.5).mul_(2).sub_(1).div_(math.sqrt(weight.shape[1]))


def _ramp(weight: torch.Tensor) -> None:
    """The first half of a row is one, its rest zero; each row begins elsewhere."""
    flat = weight.view(weight.shape[0], -1)
    for row in range(flat.shape[0]):
        flat[row] = torch.roll(torch.arange(flat.shape[1]) < flat.shape[1] // 2, row % 7).float()


HAND_MADE: tuple[Callable[[torch.Tensor], object], ...] = (_double, _positive, _sparse, _signs, _ramp)

SCHEMES: dict[str, Callable[[torch.Tensor], object]] = {
    "pytorch_default": lambda weight: None,
    "he_normal": lambda weight: init.kaiming_normal_(weight, mode=_mode(), nonlinearity="relu"),
    "he_uniform": lambda weight: init.kaiming_uniform_(weight, mode=_mode(), nonlinearity="relu"),
    "lecun_normal": lambda weight: init.kaiming_normal_(weight, nonlinearity="linear"),
    "lecun_uniform": lambda weight: init.kaiming_uniform_(weight, nonlinearity="linear"),
    "glorot_normal": lambda weight: init.xavier_normal_(weight, _gain()),
    "glorot_uniform": lambda weight: init.xavier_uniform_(weight, _gain()),
    "orthogonal": lambda weight: init.orthogonal_(weight, random.choice((1.0, 2**0.5))),
    "truncated_normal": _truncated,
    "normal": lambda weight: init.normal_(weight, std=random.choice((0.01, 0.02, 0.1, 1.0))),
    "uniform": _uniform,
    "zeros": init.zeros_,
    "ones": init.ones_,
    "constant": lambda weight: init.constant_(weight, random.uniform(-1, 1)),
    "hand-made scale": _scaled,
    UNKNOWN: lambda weight: random.choice(HAND_MADE)(weight),
}
NAMED = {"hand-made scale": "uniform"}
"""The true answer, where it is not the scheme's own name."""


def layer() -> nn.Linear | nn.Conv2d:
    """Return a linear or convolutional layer of a size as people choose them."""
    if random.random() < 0.5:
        width = 2 ** random.randint(2, 9) if random.random() < 0.7 else random.randint(3, 500)
        return nn.Linear(width, random.randint(2, 300))
    return nn.Conv2d(random.choice((1, 3, 8, 16, 32, 64)), random.choice((4, 8, 16, 64)), random.choice((1, 3, 5, 7)))


def measured(layers: int) -> dict[str, Any]:
    """Draw and ask. `matrix` counts, for each scheme, how many answers hold a name; `drawn` how many there were."""
    matrix: dict[str, Counter[str]] = defaultdict(Counter)
    count: Counter[str] = Counter()
    small: Counter[str] = Counter()
    right, sizes = 0, []
    for _ in range(layers):
        scheme = random.choice(list(SCHEMES))
        truth = NAMED.get(scheme, scheme)
        drawn = layer()
        with torch.no_grad():
            SCHEMES[scheme](drawn.weight)
        answer = next(iter(describe_parameters(drawn)))["schemes"] or [UNKNOWN]
        if drawn.weight.numel() >= LARGE:
            right += truth in answer
            sizes.append(len(answer))
            matrix[scheme].update(answer)
            count[scheme] += 1
        else:
            small["right" if truth in answer else UNKNOWN if answer == [UNKNOWN] else "wrong"] += 1
    return {
        "torch": torch.__version__.partition("+")[0], "layers": layers, "large": len(sizes), "right": right,
        "median": statistics.median(sizes), "largest": max(sizes), "small": dict(small.most_common()),
        "matrix": {scheme: {"drawn": count[scheme], "named": dict(matrix[scheme].most_common())} for scheme in SCHEMES},
    }  # fmt: skip


def main() -> int:
    """Draw, ask, print the table and keep it; 0 where the answers are as good as promised."""
    parser = argparse.ArgumentParser(description="how well initializations are recognized")
    parser.add_argument("--layers", type=int, default=2000, help="layers to draw (default: 2000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    torch.manual_seed(options.seed)
    found = measured(options.layers)
    for scheme, row in found["matrix"].items():
        print(f"  {row['drawn']:4} {scheme:17} {', '.join(f'{n} {name}' for name, n in row['named'].items())}")
    share = found["right"] / found["large"]
    print(f"\n  from {LARGE} weights: {share:.1%} of {found['large']} answers contain the truth, ", end="")
    print(f"median set of {found['median']:g}")
    print(f"  below: {', '.join(f'{n} {word}' for word, n in found['small'].items())}")
    if options.layers == parser.get_default("layers") and options.seed == 0:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0 if share >= 0.98 and found["median"] <= 2 and not found["small"].get("wrong") else 1


if __name__ == "__main__":
    sys.exit(main())

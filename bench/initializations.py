"""How well initializations are recognized from the weights alone: `make bench-initializations`.

Draws layers of many sizes from known schemes and asks what made them. An answer is a set of schemes that cannot be
told apart (LeCun and Glorot uniform are one on a square layer); an empty set says "not sure". Exits with 1 where, from
512 weights on, fewer than 98 % of the answers contain the truth, or the median set holds more than two, or where a
smaller layer gets a wrong answer.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import init

from nnlint.worker.parameters import describe_parameters

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
}


def layer() -> nn.Linear | nn.Conv2d:
    """Return a linear or convolutional layer of a size as people choose them."""
    if random.random() < 0.5:
        width = 2 ** random.randint(2, 9) if random.random() < 0.7 else random.randint(3, 500)
        return nn.Linear(width, random.randint(2, 300))
    return nn.Conv2d(random.choice((1, 3, 8, 16, 32, 64)), random.choice((4, 8, 16, 64)), random.choice((1, 3, 5, 7)))


def main() -> int:
    """Draw, ask, print the table; 0 where the answers are as good as promised."""
    parser = argparse.ArgumentParser(description="how well initializations are recognized")
    parser.add_argument("--layers", type=int, default=2000, help="layers to draw (default: 2000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    torch.manual_seed(options.seed)
    first: dict[str, Counter[str]] = defaultdict(Counter)
    small: Counter[str] = Counter()
    right, sizes = 0, []
    for _ in range(options.layers):
        truth = random.choice(list(SCHEMES))
        drawn = layer()
        with torch.no_grad():
            SCHEMES[truth](drawn.weight)
        answer = next(iter(describe_parameters(drawn)))["schemes"]
        if drawn.weight.numel() >= LARGE:
            right += truth in answer
            sizes.append(len(answer))
            first[truth]["right" if truth in answer else answer[0] if answer else "not sure"] += 1
        else:
            small["right" if truth in answer else "wrong" if answer else "not sure"] += 1
    for truth in SCHEMES:
        print(f"  {truth:17} {', '.join(f'{n} {name}' for name, n in first[truth].most_common())}")
    share, median = right / len(sizes), statistics.median(sizes)
    print(f"\n  from {LARGE} weights: {share:.1%} of {len(sizes)} answers contain the truth, median set of {median:g}")
    print(f"  below: {', '.join(f'{n} {word}' for word, n in small.most_common())}")
    return 0 if share >= 0.98 and median <= 2 and not small["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())

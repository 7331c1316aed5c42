"""The set-ups of the range-test study: a reference task, a model for it and an optimizer each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from nnlint.trainer.reference import REFERENCES

Rows = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Setup:
    """A task by name, how its model and optimizer are made, epochs and batch size. `scaled` standardises columns."""

    task: str
    model: Callable[[], nn.Module]
    optimizer: Callable[[Any], torch.optim.Optimizer]
    epochs: int
    batch: int = 32
    scaled: bool = False


class Recurrent(nn.Module):
    """Letters or steps, a GRU or an LSTM, and the last state read out."""

    def __init__(self, kind: Callable[..., nn.RNNBase], classes: int, vocabulary: int = 0, channels: int = 0) -> None:
        super().__init__()
        self.letters = nn.Embedding(vocabulary, 24, padding_idx=0) if vocabulary else nn.Identity()
        self.cells = kind(24 if vocabulary else channels, 48, batch_first=True)
        self.head = nn.Linear(48, classes)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        logits: torch.Tensor = self.head(self.cells(self.letters(rows))[0][:, -1])
        return logits


class Attending(nn.Module):
    """Letters with their places, one encoder layer, the mean read out."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(27, 32), nn.Parameter(torch.zeros(14, 32))
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        logits: torch.Tensor = self.head(self.layer(self.letters(rows) + self.places).mean(1))
        return logits


def _dense(*widths: int, act: type[nn.Module] = nn.ReLU, norm: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths[:-1]):
        layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if norm else []), act()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def _pictures() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 16, 10),
    )  # fmt: skip


def _signals() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv1d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(320, 10)
    )


_sgd = partial(torch.optim.SGD, lr=0.1)
_momentum = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True)

SETUPS = {
    "segment, dense, SGD": Setup("segment", partial(_dense, 18, 64, 64, 7), _sgd, 15, scaled=True),
    "segment, dense, Adam": Setup("segment", partial(_dense, 18, 64, 64, 7), torch.optim.Adam, 15, scaled=True),
    "segment, deep tanh, momentum": Setup(
        "segment", partial(_dense, 18, 48, 48, 48, 48, 7, act=nn.Tanh), _momentum, 15, scaled=True
    ),
    "segment, batch norm, RMSprop": Setup(
        "segment", partial(_dense, 18, 64, 64, 7, norm=True), torch.optim.RMSprop, 15, scaled=True
    ),
    "digits, dense, momentum": Setup("digits", partial(_dense, 64, 64, 10), _momentum, 12),
    "digits, convolutions, SGD": Setup("digits", _pictures, _sgd, 8),
    "digits, convolutions, Adam": Setup("digits", _pictures, torch.optim.Adam, 8),
    "mnist1d, dense, AdamW": Setup("mnist1d", partial(_dense, 40, 100, 100, 10), torch.optim.AdamW, 15, 64),
    "mnist1d, convolutions, momentum": Setup("mnist1d", _signals, _momentum, 12, 64),
    "mnist1d, convolutions, Adam": Setup("mnist1d", _signals, torch.optim.Adam, 12, 64),
    "names, GRU, Adam": Setup("names", partial(Recurrent, nn.GRU, 10, 27), torch.optim.Adam, 6, 64),
    "names, attention, AdamW": Setup("names", Attending, torch.optim.AdamW, 6, 64),
    "names, GRU, momentum": Setup("names", partial(Recurrent, nn.GRU, 10, 27), _momentum, 6, 64),
    "vowels, LSTM, Adam": Setup("japanese_vowels", partial(Recurrent, nn.LSTM, 9, 0, 12), torch.optim.Adam, 10),
    "wine, dense, SGD": Setup("wine", partial(_dense, 13, 32, 3), _sgd, 20, 16, scaled=True),
    "cells, dense, NAdam": Setup("breast_cancer", partial(_dense, 30, 32, 2), torch.optim.NAdam, 15, scaled=True),
}
SETUPS = {name: setup for name, setup in SETUPS.items() if not REFERENCES[setup.task].missing}


@cache
def _data(task: str) -> Rows:
    inputs, targets = REFERENCES[task].load()
    return torch.as_tensor(inputs), torch.as_tensor(targets)


def parts_of(setup: Setup, seed: int) -> tuple[Rows, Rows, Rows]:
    """Return rows to fit (60 %), to choose (20 %) and to report (20 %); columns scaled as those to fit ask."""
    inputs, targets = _data(setup.task)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    fit, choose, report = order.tensor_split([round(0.6 * len(order)), round(0.8 * len(order))])
    if setup.scaled:
        spread = inputs[fit].std(0)
        inputs = (inputs - inputs[fit].mean(0)) / (spread + (spread == 0))
    return tuple((inputs[rows], targets[rows]) for rows in (fit, choose, report))  # type: ignore[return-value]


def batches_of(setup: Setup, seed: int, *, split: int | None = None, endless: bool = False) -> Iterator[Rows]:
    """Yield an epoch's batches of the rows to fit, in an order of this seed; epoch after epoch where `endless`."""
    inputs, targets = parts_of(setup, seed if split is None else split)[0]
    draw = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(inputs), generator=draw).split(setup.batch):
            if len(rows) > 1:
                yield inputs[rows], targets[rows]
        if not endless:
            return

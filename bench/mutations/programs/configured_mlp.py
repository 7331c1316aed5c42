"""A perceptron for digits whose size, optimizer and schedule come from a configuration.

Run with `--hidden 128 64` or `--epochs 20` for other settings.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class ModelConfig:
    """What the network looks like."""

    inputs: int = 64
    classes: int = 10
    hidden: list[int] = field(default_factory=lambda: [96, 64])
    dropout: float = 0.1


@dataclass
class TrainConfig:
    """How it is trained."""

    epochs: int = 6
    batch_size: int = 32
    lr: float = 2e-3
    weight_decay: float = 0.01
    seed: int = 11
    log_every: int = 2


class Digits(Dataset):
    """Rows of pixels between 0 and 1, with their digit."""

    def __init__(self, rows, targets):
        self.rows = torch.as_tensor(rows, dtype=torch.float32) / 16.0
        self.targets = torch.as_tensor(targets, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index], self.targets[index]


class Perceptron(nn.Module):
    """Linear layers with layer normalization and GELU between them."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        layers: list[nn.Module] = []
        width = config.inputs
        for hidden in config.hidden:
            layers.append(nn.Linear(width, hidden))
            layers.append(nn.LayerNorm(hidden))
            layers.append(nn.GELU())
            layers.append(nn.Dropout(config.dropout))
            width = hidden
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, config.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Meter:
    """A running mean."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, value: float, count: int = 1) -> None:
        self.total += value * count
        self.count += count

    @property
    def mean(self) -> float:
        return self.total / max(self.count, 1)


class Trainer:
    """Trains a model and keeps what it saw."""

    def __init__(self, model: nn.Module, config: TrainConfig, train: Dataset, valid: Dataset):
        self.model = model
        self.config = config
        self.train_loader = DataLoader(train, batch_size=config.batch_size, shuffle=True)
        self.valid_loader = DataLoader(valid, batch_size=256)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        steps = config.epochs * len(self.train_loader)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=steps)
        self.history: list[dict[str, float]] = []

    def train_step(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()

    def train_epoch(self) -> float:
        self.model.train()
        meter = Meter()
        for x, y in self.train_loader:
            meter.add(self.train_step(x, y), len(x))
        return meter.mean

    @torch.no_grad()
    def validate(self) -> tuple[float, float]:
        self.model.eval()
        losses, hits = Meter(), Meter()
        for x, y in self.valid_loader:
            logits = self.model(x)
            losses.add(F.cross_entropy(logits, y).item(), len(x))
            hits.add((logits.argmax(-1) == y).float().mean().item(), len(x))
        return losses.mean, hits.mean

    def fit(self) -> None:
        for epoch in range(1, self.config.epochs + 1):
            train_loss = self.train_epoch()
            valid_loss, accuracy = self.validate()
            self.history.append({"train": train_loss, "valid": valid_loss, "accuracy": accuracy})
            if epoch % self.config.log_every == 0:
                print(f"epoch {epoch:3d}  train {train_loss:.3f}  valid {valid_loss:.3f}  accuracy {accuracy:.3f}")


def parse() -> tuple[ModelConfig, TrainConfig]:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, nargs="+", default=[96, 64])
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    return ModelConfig(hidden=args.hidden, dropout=args.dropout), TrainConfig(epochs=args.epochs, lr=args.lr)


def main() -> None:
    model_config, train_config = parse()
    torch.manual_seed(train_config.seed)
    digits = load_digits()
    split = train_test_split(digits.data, digits.target, test_size=0.25, random_state=train_config.seed)
    train_rows, valid_rows, train_digits, valid_digits = split
    train, valid = Digits(train_rows, train_digits), Digits(valid_rows, valid_digits)

    model = Perceptron(model_config)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters:,} parameters, {len(train)} digits to learn from")
    trainer = Trainer(model, train_config, train, valid)
    trainer.fit()
    best = max(trainer.history, key=lambda entry: entry["accuracy"])
    print(f"best accuracy {best['accuracy']:.3f}")


if __name__ == "__main__":
    main()

"""Strength of a mixture from what is in it: regression with a plateau schedule, early stopping and checkpoints.

    python concrete_regression.py --epochs 30 --patience 6
"""

import argparse
import copy
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

INGREDIENTS = ("cement", "slag", "ash", "water", "plasticizer", "coarse", "fine", "age")


def measure(count, seed):
    """Draw mixtures and their strengths."""
    rng = np.random.default_rng(seed)
    low = np.array([100, 0, 0, 120, 0, 800, 600, 1])
    high = np.array([540, 350, 200, 250, 32, 1150, 990, 180])
    mixtures = rng.uniform(low, high, (count, len(INGREDIENTS)))
    binder = mixtures[:, 0] + 0.6 * mixtures[:, 1] + 0.3 * mixtures[:, 2]
    strength = 28 * (binder / mixtures[:, 3]) ** 0.8 * np.log1p(mixtures[:, 7]) / np.log1p(90)
    strength = strength + 0.4 * mixtures[:, 4] + rng.normal(0, 2, count)
    return mixtures.astype("float32"), strength.astype("float32")


class Standardizer:
    """Mean and spread of the training part."""

    def __init__(self, values):
        self.mean = values.mean(axis=0)
        self.std = values.std(axis=0)

    def apply(self, values):
        return (values - self.mean) / self.std

    def undo(self, values):
        return values * self.std + self.mean


class Regressor(nn.Module):
    """Hidden layers with ReLU, He initialization, one output."""

    def __init__(self, inputs, widths=(64, 32)):
        super().__init__()
        self.hidden = nn.ModuleList()
        for width in widths:
            self.hidden.append(nn.Linear(inputs, width))
            inputs = width
        self.output = nn.Linear(inputs, 1)
        self.apply(self.initialize)

    @staticmethod
    def initialize(module):
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.output(x).squeeze(1)


def run_epoch(model, loader, loss_fn, optimizer=None):
    """Mean loss of an epoch; trains where an optimizer is given."""
    model.train(optimizer is not None)
    total = 0.0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            loss = loss_fn(model(x), y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(x)
    return total / len(loader.dataset)


def save(path, model, optimizer, scheduler, epoch):
    """Write all that is needed to go on."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "epoch": epoch,
    }
    torch.save(state, path)


def resume(path, model, optimizer, scheduler):
    """Return the epoch to go on with."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    return state["epoch"] + 1


def train(model, train_loader, valid_loader, args, folder):
    """Train until nothing gets better; leave the model with its best weights."""
    loss_fn = nn.HuberLoss(delta=1.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-4)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=2)
    path = Path(folder, "last.pt")
    best_loss, best_weights, waited = float("inf"), None, 0
    for epoch in range(resume(path, model, optimizer, scheduler), args.epochs):
        train_loss = run_epoch(model, train_loader, loss_fn, optimizer)
        valid_loss = run_epoch(model, valid_loader, loss_fn)
        scheduler.step(valid_loss)
        save(path, model, optimizer, scheduler, epoch)
        if epoch % 5 == 0:
            print(f"epoch {epoch:3d}  train {train_loss:.4f}  valid {valid_loss:.4f}")
        if valid_loss < best_loss:
            best_loss, waited = valid_loss, 0
            best_weights = copy.deepcopy(model.state_dict())
        else:
            waited += 1
            if waited >= args.patience:
                print(f"stopped after epoch {epoch}")
                break
    model.load_state_dict(best_weights)
    return best_loss


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--patience", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    return parser.parse_args()


def main():
    args = parse()
    torch.manual_seed(0)
    x_train, y_train = measure(900, seed=1)
    x_valid, y_valid = measure(200, seed=2)
    features, target = Standardizer(x_train), Standardizer(y_train)
    sets = []
    for x, y in ((x_train, y_train), (x_valid, y_valid)):
        sets.append(TensorDataset(torch.from_numpy(features.apply(x)), torch.from_numpy(target.apply(y))))
    train_loader = DataLoader(sets[0], batch_size=args.batch, shuffle=True)
    valid_loader = DataLoader(sets[1], batch_size=200)
    model = Regressor(len(INGREDIENTS))
    with tempfile.TemporaryDirectory() as folder:
        best = train(model, train_loader, valid_loader, args, folder)
    model.eval()
    with torch.no_grad():
        predicted = target.undo(model(sets[1].tensors[0]).numpy())
    print(f"best loss {best:.4f}, off by {np.abs(predicted - y_valid).mean():.2f} MPa on average")


if __name__ == "__main__":
    main()

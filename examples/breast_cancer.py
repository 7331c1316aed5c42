"""Benign or malignant? 30 measurements of cell nuclei, one probability."""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TumourClassifier(nn.Module):
    def __init__(self, n_features, hidden=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)


def load(seed):
    data = load_breast_cancer()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.3, stratify=data.target, random_state=seed
    )
    train = TensorDataset(torch.tensor(x_train).float(), torch.tensor(y_train).float())
    test = TensorDataset(torch.tensor(x_test).float(), torch.tensor(y_test).float())
    return train, test


def train_one_epoch(model, loader, loss_fn, optimizer):
    model.train()
    total = 0.0
    for features, label in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(features), label)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(label)
    return total / len(loader.dataset)


def evaluate(model, dataset):
    model.eval()
    features, label = dataset.tensors
    with torch.no_grad():
        predicted = (model(features) > 0).float()
    return (predicted == label).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    train_set, test_set = load(args.seed)
    loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    model = TumourClassifier(n_features=30)
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

    for epoch in range(args.epochs):
        loss = train_one_epoch(model, loader, loss_fn, optimizer)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3d}  loss {loss:.4f}  accuracy {evaluate(model, test_set):.3f}")


if __name__ == "__main__":
    main()
